"""Keeps the fitted model in the run folder, with a schema of what goes into it and what comes out.

There is a budget: at most 100 MB, and at most the time that the fit took, or a fifth of a second if that is longer.
`joblib.load` reads the file, and so does every MLflow. Where the user has imported skops, and it knows all types in
the model to be harmless, there is a file of skops besides, which can be loaded without trusting its author. Otherwise
skops is not imported: that takes seconds, and loads most of scikit-learn.
"""

import importlib
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
_SCHEMA, _PICKLED = "schema.json", "model.joblib"
_MOST_FRAME_BYTES = 2**17
"""Larger parts of a pickle are arrays."""


class OverBudgetError(Exception):
    """The model is larger than what is kept, or takes longer to write."""


class _BudgetedFile:
    """A file that takes so many bytes and so much time.

    `names_script` says whether a pickle in it refers to something that the script defines.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._file = path.open("wb")
        self._until = perf_counter() + seconds
        self._bytes = 0
        self.names_script = False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._bytes += size
        if size < _MOST_FRAME_BYTES and b"__main__" in bytes(data):
            self.names_script = True
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
    written: list[Path] = []
    try:
        written = _write(_without_callbacks(model), folder, max(seconds, LEAST_SECONDS))
    except Exception as error:  # noqa: BLE001  pickling the user's objects may raise anything
        recording.run.notice("model", f"the model {recording.label} is not kept: {error}")
    schema = folder / _SCHEMA
    content, files = _schema_of_model(recording, model), RunFiles(recording.run)
    if "categories" in (content["input"] or {}):
        content = files.redacted(content)
    schema.write_bytes(msgspec.json.format(msgspec.json.encode(content, enc_hook=str), indent=2))
    for path in (*written, schema):
        files.record(path, kind="model")
    if written and "sklearn" in sys.modules:  # CatBoost does without, and MLflow then has no way to load it
        files.record_model(
            folder,
            files=[path.name for path in written],
            flavors=_flavors(model),
            described_in=_SCHEMA,
            example=files.keep_example(folder, recording.input_rows),
        )


def _flavors(model: Any) -> dict[str, Any]:
    """Return how MLflow loads the model: as what predicts, if the model does, and as an estimator.

    That is the pickled file: MLflow 2 cannot read one of skops.
    """
    estimator = {
        "pickled_model": _PICKLED,
        "serialization_format": "pickle",
        "sklearn_version": str(sys.modules["sklearn"].__version__),
    }
    predicting = {"loader_module": "mlflow.sklearn", "model_path": _PICKLED, "predict_fn": "predict"}
    return {**({"python_function": predicting} if hasattr(model, "predict") else {}), "sklearn": estimator}


def _schema_of_model(recording: Recording, model: Any) -> dict[str, Any]:
    schema = {"class": class_of(model), "input": recording.input_schema, "output": recording.output_schema}
    classes = vars(model).get("classes_")
    if isinstance(classes, np.ndarray) and classes.size <= MOST_COLUMNS:
        schema["classes"] = classes.tolist()
    return schema


def _write(model: Any, folder: Path, seconds: float) -> list[Path]:
    """Write the files of a model, and return them: first the one that needs the least trust."""
    pickled, harmless, began = folder / _PICKLED, folder / "model.skops", perf_counter()
    _write_pickled(model, pickled, seconds)
    left = seconds - (perf_counter() - began)  # the budget is that of both
    return [harmless, pickled] if _can_write_harmless(model, harmless, left) else [pickled]


def _write_pickled(model: Any, path: Path, seconds: float) -> None:
    try:
        # joblib reads this too; its own writer takes ten times as long.
        file = _write_within_budget(path, seconds, lambda file: pickle.dump(model, file, protocol=5))
    except OverBudgetError:
        raise
    except Exception:  # noqa: BLE001  pickle takes no functions without a name, such as those of the script
        file = None
    if file is None or file.names_script:
        # What the script itself defines goes into the file, so that it can be loaded without the script.
        _write_within_budget(path, seconds, lambda file: _cloudpickle().dump(model, file, protocol=5))


def _can_write_harmless(model: Any, path: Path, seconds: float) -> bool:
    """Write a model with skops, if the user has imported that; return False where it does not know all types."""
    skops = sys.modules.get("skops.io")
    if skops is None:
        return False

    def write(file: Any) -> None:
        content = skops.dumps(model)
        if unknown := skops.get_untrusted_types(data=content):
            raise TypeError(f"skops does not know {unknown}")
        file.write(content)

    try:
        _write_within_budget(path, seconds, write)
    except Exception:  # noqa: BLE001  the pickled file is there
        return False
    return True


def _cloudpickle() -> Any:
    """Return the module that pickles code by value: joblib brings it, the older versions as a part of their own."""
    try:
        import cloudpickle  # only for models with code of the script in them
    except ImportError:
        return importlib.import_module("joblib.externals.cloudpickle")
    return cloudpickle


def _write_within_budget(path: Path, seconds: float, write: Callable[[Any], Any]) -> _BudgetedFile:
    """Write a file, and leave none where that fails."""
    file = _BudgetedFile(path, seconds)
    try:
        write(file)
    except BaseException:
        file.close()
        path.unlink()
        raise
    file.close()
    return file


def _without_callbacks(model: Any) -> Any:
    """Return the model without callbacks that stay on it, ours among them: a shallow copy if there are any."""
    if "_skl_callbacks" not in vars(model):
        return model
    copied = object.__new__(type(model))
    copied.__dict__.update({name: value for name, value in vars(model).items() if name != "_skl_callbacks"})
    return copied
