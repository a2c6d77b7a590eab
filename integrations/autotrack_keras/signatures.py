"""Inputs and outputs of subclassed models, read off what Keras itself runs; nothing is run for us.

A subclassed model has no symbolic inputs and outputs. Before the first batch, Keras runs it on symbolic tensors like
that batch (`compute_output_spec`), in order to build weights, losses and metrics that fit. The result has the
structure, shapes and dtypes, also with a training step of the user's own. With TensorFlow, Keras does so for
distributed models only; for others, we take the outputs that losses and metrics are built with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras
from keras import tree
from keras.src import backend
from keras.src.trainers.compile_utils import CompileLoss, CompileMetrics

from autotrack_keras.calls import HookPoint, Running, current_call

_MOST_PARTS = 100
"""A longer list is data, not a structure of inputs."""


@dataclass(frozen=True)
class Signature:
    """Names, shapes and dtypes of a model's inputs and outputs, in the structure it has for them; None if unknown."""

    inputs: Any = None
    outputs: Any = None


_signatures: WeakKeyDictionary[Any, Signature] = WeakKeyDictionary()


def hook_points() -> list[HookPoint]:
    """Return the hooks that learn signatures."""
    return [
        (backend, "compute_output_spec", _note_specs),
        (CompileLoss, "build", _note_y_pred),
        (CompileMetrics, "build", _note_y_pred),
    ]


def signature_of(model: Any) -> Signature:
    """Return what is known of a model so far."""
    return _signatures.get(model) or Signature()


def learn_outputs(model: Any, outputs: Any) -> None:
    """Store the outputs of a model: tensors or arrays whose first dimension is the batch."""
    _signatures[model] = Signature(signature_of(model).inputs, describe_tensors(outputs))


def describe_tensors(value: Any, name: str | None = None) -> Any:
    """Describe tensors or arrays without their number of rows, and anything else by its class."""
    if isinstance(value, Mapping):
        return {str(key): describe_tensors(part, str(key)) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and len(value) < _MOST_PARTS:
        return [describe_tensors(part) for part in value]
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
    """Hook around `compute_output_spec` of models; Keras calls it for other functions as well."""
    if not isinstance(fn, keras.Model) or len(args) != 1:
        return
    call = current_call()
    if call is not None and call.model is fn:
        call.first_batch = _rows(args[0])
    outcome = yield
    if outcome.error is None:
        _signatures[fn] = Signature(describe_tensors(args[0]), describe_tensors(outcome.result))


def _note_y_pred(compiled: Any, y_true: Any, y_pred: Any) -> Running:  # noqa: ARG001  the arguments of the original
    """Hook around `build` of the losses and metrics of the model that is being trained or evaluated."""
    yield
    call = current_call()
    model = call.model if call is not None else None
    if any(getattr(model, name, None) is compiled for name in ("_compile_loss", "_compile_metrics")):
        learn_outputs(model, y_pred)


def _rows(batch: Any) -> int | None:
    shape: Any = next((tensor.shape for tensor in tree.flatten(batch) if tensor is not None), None)
    return int(shape[0]) if shape else None
