"""Predictions of a kept model for data in a file: CSV, JSON or NumPy's npy.

The libraries for data are those that the model needs anyway, so they are imported by name, when a file is read.
"""

import csv
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError, MissingLibraryError, ModelInputError
from autotrack.model_format.tensors_for_mlflow import TensorModel

SUFFIXES = (".csv", ".json", ".npy")


def read_data(path: Path) -> Any:
    """Return the data in a file: a table with a header as a data frame, everything else as an array.

    JSON is a list of rows, a list of objects, or what MLflow serves: `{"inputs": …}`, `{"dataframe_split": …}`.
    Raises `ModelInputError` for what is none of these, and `OSError`.
    """
    try:
        if path.suffix == ".npy":
            return _library("numpy").load(path, allow_pickle=False)
        if path.suffix == ".csv":
            return _of_csv(path)
        if path.suffix == ".json":
            return _of_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError, EOFError) as error:
        raise ModelInputError(f"{path} cannot be read: {error}") from error
    raise ModelInputError(f"{path} ends in {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")


def predictions(model: Any, data: Any, described: Mapping[str, Any] | None = None) -> Any:
    """Return what a model predicts, as JSON has it. Raises `ModelInputError` with what the model says of the data.

    A module of PyTorch may be `described`: the tensors that it takes, by name if there are several.
    """
    try:
        return _predictions(model, data, described)
    except AutotrackError:
        raise
    except Exception as error:
        raise ModelInputError(f"the model cannot predict from these data: {type(error).__name__}: {error}") from error


def _predictions(model: Any, data: Any, described: Mapping[str, Any] | None) -> Any:
    predict = getattr(model, "predict", None)
    if callable(predict):
        return _plain(predict(data))
    torch = _library("torch")
    values = data.to_numpy() if hasattr(data, "to_numpy") else data
    if callable(getattr(model, "eval", None)):
        model.eval()
    if described:
        takes_several = "shape" not in (described.get("inputs") or {})
        return _plain(TensorModel(model, described).predict(data if takes_several else values))
    with torch.no_grad():
        tensor = torch.as_tensor(values)
        first = next(iter(model.parameters()), None)
        if first is not None and tensor.is_floating_point():
            tensor = tensor.to(first.dtype)
        return _plain(model(tensor))


def _of_csv(path: Path) -> Any:
    with path.open(newline="", encoding="utf-8") as file:
        first = next(csv.reader(file), [])
    if all(map(_is_number, first)):
        counted = len(first) > 1 and first == [str(number) for number in range(len(first))]
        # pandas writes the columns of a frame without names so: 0, 1, 2 and so on.
        return _library("numpy").loadtxt(path, delimiter=",", ndmin=2, skiprows=int(counted))
    return _library("pandas").read_csv(path)


def _of_json(content: Any) -> Any:
    if isinstance(content, dict) and isinstance(content.get("dataframe_split"), dict):
        split = content["dataframe_split"]
        return _library("pandas").DataFrame(split.get("data"), columns=split.get("columns"))
    if isinstance(content, dict) and "dataframe_records" in content:
        return _library("pandas").DataFrame(content["dataframe_records"])
    if isinstance(content, dict):
        content = content.get("inputs", content.get("instances", content))
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _library("pandas").DataFrame(content)
    array = _library("numpy").asarray
    if isinstance(content, dict):
        return {name: array(value) for name, value in content.items()}
    return array(content)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    for name in ("detach", "cpu"):
        value = getattr(value, name)() if callable(getattr(value, name, None)) else value
    return value.tolist() if hasattr(value, "tolist") else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingLibraryError(f"reading these data needs {name}: pip install {name}") from error
