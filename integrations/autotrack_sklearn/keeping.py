"""Keeps the fitted model in the run folder, and what goes into it and comes out.

Within a budget: at most 100 MB, and at most as long as the fit itself took, or a fifth of a second. As a file for
`joblib.load`; by skops, whose files can be loaded without trust, where the user has imported it (importing it takes
seconds and most of scikit-learn).
"""

import pickle
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from autotrack.integrations import RunFiles
from autotrack_sklearn.params import class_of, own_params
from autotrack_sklearn.search import refitted

if TYPE_CHECKING:
    from autotrack_sklearn.recording import Recording

MOST_BYTES = 100_000_000
LEAST_SECONDS = 0.2
_MOST_COLUMNS = 1000

_REFUSALS = (pickle.PicklingError, TypeError, ValueError, AttributeError, LookupError, RuntimeError,
             NotImplementedError, ArithmeticError, ImportError)  # fmt: skip
"""What pickling somebody's objects may raise."""


class OverBudgetError(Exception):
    """The model is larger than what is kept, or takes longer."""


class _Budgeted:
    """A file that takes so many bytes and so much time."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._file = path.open("wb")
        self._until = perf_counter() + seconds
        self._bytes = 0

    def write(self, data: Any) -> int:
        self._bytes += memoryview(data).nbytes
        if self._bytes > MOST_BYTES:
            raise OverBudgetError(f"it is larger than {MOST_BYTES // 10**6} MB")
        if perf_counter() > self._until:
            raise OverBudgetError("writing it takes longer than fitting it")
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def keep(recording: "Recording", model: Any, features: Any, target: Any, *, seconds: float) -> None:
    """Write the model and its schema; what cannot be kept leaves a `Notice`."""
    if model is None:
        return
    folder = recording.run.folder / "model" / recording.prefix.rstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        path = _write(_without_callbacks(model), folder, max(seconds, LEAST_SECONDS))
    except (OverBudgetError, *_REFUSALS) as error:
        recording.run.notice("model", f"the model {recording.label} is not kept: {error}")
        path = None
    if path is not None:
        RunFiles(recording.run).record(path, kind="model")
    schema = {"class": class_of(model), "input": schema_of(features), "output": schema_of(target)}
    classes = vars(model).get("classes_")
    if isinstance(classes, np.ndarray) and classes.size <= _MOST_COLUMNS:
        schema["classes"] = classes.tolist()
    described = folder / "schema.json"
    described.write_bytes(msgspec.json.format(msgspec.json.encode(schema, enc_hook=str), indent=2))
    RunFiles(recording.run).record(described, kind="model")


def schema_of(data: Any) -> dict[str, Any] | None:
    """Return the columns of a data frame with their types, or the shape and dtype of an array, without the rows."""
    if data is None:
        return None
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__qualname__}"
    columns, dtypes = getattr(data, "columns", None), getattr(data, "dtypes", None)
    if columns is not None and dtypes is not None and len(columns) <= _MOST_COLUMNS:
        pairs = zip(columns, list(getattr(dtypes, "values", dtypes)), strict=True)
        return {"kind": kind, "columns": {str(name): str(dtype) for name, dtype in pairs}}
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        return {"kind": kind, "shape": [None, *map(int, shape[1:])], "dtype": str(getattr(data, "dtype", ""))}
    return {"kind": kind}


def draw(recording: "Recording") -> None:
    """Keep the diagram of an estimator that is made of others; of a single one it shows nothing but its params.

    Of a search, that of the model which it refitted. Drawing takes 10 to 20 ms.
    """
    estimator = refitted(recording.subject)
    if estimator is None or not any(hasattr(value, "fit") for value in _values_of(estimator)):
        return
    from sklearn.utils import estimator_html_repr

    module = sys.modules.get(estimator_html_repr.__module__)
    names = ("_CONTAINER_ID_COUNTER", "_ESTIMATOR_ID_COUNTER")  # they number the diagrams in the user's notebook
    counters = [(counter, counter.count) for name in names if (counter := getattr(module, name, None)) is not None]
    text = estimator_html_repr(estimator)
    for counter, before in counters:
        counter.count = before
    path = recording.run.folder / "artifacts" / recording.prefix.rstrip("/") / "estimator.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    RunFiles(recording.run).record(path, kind="structure")


def _values_of(estimator: Any) -> list[Any]:
    found: list[Any] = []
    for value in own_params(estimator).values():
        if isinstance(value, (list, tuple)):
            found += [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
        elif not isinstance(value, type):
            found.append(value)
    return found


def _write(model: Any, folder: Path, seconds: float) -> Path:
    skops = sys.modules.get("skops.io")
    if skops is not None:
        path = folder / "model.skops"
        if _try(path, seconds, lambda file: file.write(skops.dumps(model))):
            return path
    path = folder / "model.joblib"
    file = _Budgeted(path, seconds)
    try:
        pickle.dump(model, file, protocol=5)  # joblib reads this too; its own writer takes ten times as long
    except BaseException:
        file.close()
        path.unlink()
        raise
    file.close()
    return path


def _try(path: Path, seconds: float, write: Any) -> bool:
    file = _Budgeted(path, seconds)
    try:
        write(file)
    except _REFUSALS:  # skops knows fewer types than pickle
        file.close()
        path.unlink()
        return False
    except OverBudgetError:
        file.close()
        path.unlink()
        raise
    file.close()
    return True


def _without_callbacks(model: Any) -> Any:
    """Return the model without callbacks that stay on it, ours among them, in a shallow copy where there are any."""
    if "_skl_callbacks" not in vars(model):
        return model
    copied = object.__new__(type(model))
    copied.__dict__.update({name: value for name, value in vars(model).items() if name != "_skl_callbacks"})
    return copied
