"""Loads models with the real MLflow in a process without the code that trained them: `python loading.py FOLDER NAME…`.

Prints, for each, what went wrong, as JSON.
"""

import importlib
import json
import pickle
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

warnings.simplefilter("ignore")


OWN_FLAVOR_ONLY = ("keras_with_two_outputs",)
"""Models whose outputs MLflow's generic flavor has no form for."""


def problem_of(folder: Path, name: str) -> str | None:
    """Return how a model differs from the one in memory when it was trained; None if it predicts the same."""
    model = next((folder / "runs" / name).glob("*/model"))
    data, expected = pickle.loads((folder / f"{name}.pickle").read_bytes())
    generic = mlflow.pyfunc.load_model(str(model))
    if name not in OWN_FLAVOR_ONLY and not _same(generic.predict(_by_name(data)), expected):
        return "pyfunc predicts something else"
    flavor = next(one for one in generic.metadata.flavors if one != "python_function")
    own = importlib.import_module(f"mlflow.{flavor}").load_model(str(model))
    predicted = _called(own, data, model) if flavor == "pytorch" else own.predict(data)
    return None if _same(predicted, expected) else f"{flavor} predicts something else"


def _by_name(data: Any) -> Any:
    return {str(number): part for number, part in enumerate(data)} if isinstance(data, tuple) else data


def _called(module: Any, data: Any, model: Path) -> Any:
    import torch

    def tensors(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: tensors(part) for name, part in value.items()}
        return tuple(map(tensors, value)) if isinstance(value, tuple) else torch.from_numpy(value)

    described = json.loads((model / "data" / "inputs.json").read_text())
    with torch.no_grad():
        return module(tensors(data)) if described["takes"] is None else module(**tensors(data))


def _same(one: Any, two: Any) -> bool:
    if isinstance(two, Mapping):
        return (
            isinstance(one, Mapping) and one.keys() == two.keys() and all(_same(one[name], two[name]) for name in two)
        )
    if isinstance(two, (list, tuple)):
        return len(one) == len(two) and all(_same(*parts) for parts in zip(one, two, strict=True))
    one, two = np.asarray(one), np.asarray(two)
    return bool(one.shape == two.shape and one.dtype == two.dtype and one.tobytes() == two.tobytes())


if __name__ == "__main__":
    found = {}
    for name in sys.argv[2:]:
        try:
            found[name] = problem_of(Path(sys.argv[1]), name)
        except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
            found[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))
