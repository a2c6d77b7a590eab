"""Describes the data that a model is trained and evaluated on, without iterating over it."""

from collections.abc import Mapping
from typing import Any

import keras

import autotrack
from autotrack.integrations import attempt, identify_data


def describe_data(run: autotrack.Run, role: str, x: Any, y: Any, name: str | None = None) -> None:
    """Record what data looks like, with a fingerprint where it is in memory."""
    with attempt(f"keras data: {role}"):
        if (data := _data(x, y)) is not None:  # a loop of the user's own may tell the callback nothing of its data
            run.log_dataset(role, data, name)


def fingerprint(x: Any, y: Any) -> str | None:
    """Return the fingerprint by which data in memory is recognized, or None."""
    with attempt("keras data"):
        return identify_data(_data(x, y))
    return None


def x_and_y(validation: Any) -> tuple[Any, Any]:
    """Split validation data as given to `fit` into x and y."""
    if isinstance(validation, (tuple, list)) and 1 < len(validation) <= 3:
        return validation[0], validation[1]
    return validation, None


def _data(x: Any, y: Any) -> Any:
    if isinstance(x, keras.utils.PyDataset):  # what it holds tells more than its class
        arrays = {key: value for key, value in vars(x).items() if hasattr(value, "shape") and hasattr(value, "dtype")}
        return arrays or x
    if isinstance(x, Mapping) or isinstance(y, Mapping):
        return {**_named("x", x), **_named("y", y)}
    return x if y is None else (x, y)


def _named(name: str, data: Any) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {f"{name}.{key}": part for key, part in data.items()}
    return {} if data is None else {name: data}
