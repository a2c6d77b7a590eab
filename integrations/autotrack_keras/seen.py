"""What models take and give back, where only a run of them tells: seen when Keras looks at it for itself.

A model that was made by subclassing has no symbolic inputs and outputs. Before the first batch, Keras has its own
`compute_output_spec` run the model on symbolic tensors like that batch, to make weights, losses and metrics that fit.
Its answer has the structure, shapes and dtypes, also for a training step of the user's. With TensorFlow it does so
only for distributed models; for others, losses and metrics see the outputs when they are made. Nothing is run for us.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras
from keras import tree
from keras.src import backend
from keras.src.trainers.compile_utils import CompileLoss, CompileMetrics

from autotrack_keras.calls import Place, Running, current_call

_MOST_PARTS = 100
"""A list of more than so many things is data, not a structure of inputs."""


@dataclass(frozen=True)
class Seen:
    """Names, shapes and dtypes of what a model takes and gives back, in its own structure; None is unknown."""

    inputs: Any = None
    outputs: Any = None


_seen: WeakKeyDictionary[Any, Seen] = WeakKeyDictionary()


def places() -> list[Place]:
    """Return where to learn what models take and give back."""
    return [
        (backend, "compute_output_spec", _note_specs),
        (CompileLoss, "build", _note_y_pred),
        (CompileMetrics, "build", _note_y_pred),
    ]


def seen_of(model: Any) -> Seen:
    """Return what is known of a model."""
    return _seen.get(model) or Seen()


def learn_outputs(model: Any, outputs: Any) -> None:
    """Take note of what a model gave back: tensors or arrays, whose first dimension is the batch."""
    _seen[model] = Seen(seen_of(model).inputs, looks(outputs))


def looks(value: Any, name: str | None = None) -> Any:
    """Describe tensors or arrays without their number of rows; what is neither is described by its class."""
    if isinstance(value, Mapping):
        return {str(key): looks(one, str(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)) and len(value) < _MOST_PARTS:
        return [looks(one) for one in value]
    shape = getattr(value, "shape", None)
    if shape is None:
        return None if value is None else {"name": name, "class": type(value).__name__}
    return {"name": name, "shape": _shape(shape), "dtype": _dtype(value)}


def _shape(shape: Any) -> list[int | None] | None:
    try:
        return [None, *shape[1:]] if len(shape) else []
    except ValueError:  # TensorFlow does not know how many dimensions there are
        return None


def _dtype(value: Any) -> str | None:
    dtype = getattr(value, "dtype", None)  # a data frame has none
    try:
        return None if dtype is None else str(keras.backend.standardize_dtype(dtype))
    except ValueError:  # Keras has no such dtype
        return str(dtype)


def _note_specs(fn: Any, *args: Any, **_kwargs: Any) -> Running:
    """Hook round `compute_output_spec`: of the models among the functions that it is asked about."""
    if not isinstance(fn, keras.Model) or len(args) != 1:
        return
    call = current_call()
    if call is not None and call.model is fn:
        call.first_batch = _rows(args[0])
    outcome = yield
    if outcome.error is None:
        _seen[fn] = Seen(looks(args[0]), looks(outcome.result))


def _note_y_pred(compiled: Any, y_true: Any, y_pred: Any) -> Running:  # noqa: ARG001  the arguments of the original
    """Hook round `build` of losses and metrics, of the model that is being trained or evaluated."""
    yield
    call = current_call()
    model = call.model if call is not None else None
    if any(getattr(model, name, None) is compiled for name in ("_compile_loss", "_compile_metrics")):
        learn_outputs(model, y_pred)


def _rows(batch: Any) -> int | None:
    shape: Any = next((one.shape for one in tree.flatten(batch) if one is not None), None)
    return int(shape[0]) if shape else None
