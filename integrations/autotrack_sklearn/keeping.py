"""Keeps the fitted model in the run folder, with a schema of what goes into it and what comes out.

There is a budget: at most 100 MB, and at most the time that the fit took, or a fifth of a second if that is longer.
`joblib.load` reads the file. Where the user has imported skops, it is a file of skops, which can be loaded without
trusting its author. Otherwise skops is not imported: that takes seconds, and loads most of scikit-learn.
"""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from autotrack.integrations import RunFiles
from autotrack_sklearn.estimator_kinds import class_of
from autotrack_sklearn.recording import Recording
from autotrack_sklearn.schema import MOST_COLUMNS

MOST_BYTES = 100_000_000
LEAST_SECONDS = 0.2


class OverBudgetError(Exception):
    """The model is larger than what is kept, or takes longer to write."""


class _BudgetedFile:
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


def keep(recording: Recording, model: Any, *, seconds: float) -> None:
    """Write the model, which was fitted in so many seconds, and its schema. A failure leaves a `Notice`."""
    if model is None:
        return
    folder = recording.run.folder / "model" / recording.prefix.rstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        path = _write(_without_callbacks(model), folder, max(seconds, LEAST_SECONDS))
    except Exception as error:  # noqa: BLE001  pickling the user's objects may raise anything
        recording.run.notice("model", f"the model {recording.label} is not kept: {error}")
    else:
        RunFiles(recording.run).record(path, kind="model")
    path = folder / "schema.json"
    schema = _schema_of_model(recording, model)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(schema, enc_hook=str), indent=2))
    RunFiles(recording.run).record(path, kind="model")


def _schema_of_model(recording: Recording, model: Any) -> dict[str, Any]:
    schema = {"class": class_of(model), "input": recording.input_schema, "output": recording.output_schema}
    classes = vars(model).get("classes_")
    if isinstance(classes, np.ndarray) and classes.size <= MOST_COLUMNS:
        schema["classes"] = classes.tolist()
    return schema


def _write(model: Any, folder: Path, seconds: float) -> Path:
    skops = sys.modules.get("skops.io")
    if skops is not None:
        path = folder / "model.skops"
        try:
            _write_within_budget(path, seconds, lambda file: file.write(skops.dumps(model)))
        except OverBudgetError:
            raise
        except Exception:  # noqa: BLE001, S110  skops knows fewer types than pickle
            pass
        else:
            return path
    path = folder / "model.joblib"
    # joblib reads this too; its own writer takes ten times as long.
    _write_within_budget(path, seconds, lambda file: pickle.dump(model, file, protocol=5))
    return path


def _write_within_budget(path: Path, seconds: float, write: Callable[[Any], Any]) -> None:
    """Write a file, and leave none where that fails."""
    file = _BudgetedFile(path, seconds)
    try:
        write(file)
    except BaseException:
        file.close()
        path.unlink()
        raise
    file.close()


def _without_callbacks(model: Any) -> Any:
    """Return the model without callbacks that stay on it, ours among them: a shallow copy if there are any."""
    if "_skl_callbacks" not in vars(model):
        return model
    copied = object.__new__(type(model))
    copied.__dict__.update({name: value for name, value in vars(model).items() if name != "_skl_callbacks"})
    return copied
