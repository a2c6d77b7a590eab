"""Reads the params, by source, of a call of `fit`, a model, its optimizer, losses, metrics and callbacks."""

import inspect
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import tree

from autotrack.integrations import as_plain, attempt
from autotrack_keras.calls import Fitting

Params = Iterator[tuple[str, dict[str, Any]]]

_FIT = ("epochs", "shuffle", "validation_split", "validation_freq", "initial_epoch")


def training_params(model: Any, fitting: Fitting, callbacks: Iterable[Any]) -> Params:
    """Yield `(source, params)` for everything that determines a training."""
    yield from _part("fit", lambda: _fit(fitting))
    yield from model_params(model)
    yield from _part("callbacks", lambda: _callbacks(model, callbacks))


def model_params(model: Any) -> Params:
    """Yield `(source, params)` for a model, however it is used."""
    yield from _part("model", lambda: _model(model))
    yield from _part("compile", lambda: _compiled(model))
    yield from _part("optimizer", lambda: _optimizer(getattr(model, "optimizer", None)))
    yield from _part("keras", _keras)


def count_parameters(model: Any) -> tuple[int, int]:
    """Return how many parameters a model has, all and trainable."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return trainable + sum(math.prod(weight.shape) for weight in model.non_trainable_weights), trainable


def settings_of(thing: Any) -> dict[str, Any]:
    """Return what an object holds under the names of its `__init__` arguments, plain or with a leading underscore."""
    held: dict[str, Any] = {}
    for cls in type(thing).__mro__[:-1]:
        init = vars(cls).get("__init__")
        for name in list(inspect.signature(init).parameters)[1:] if init else []:
            for attribute in (name, f"_{name}"):
                if name not in held and attribute in vars(thing):
                    held[name] = as_plain(vars(thing)[attribute])
    return held


def direction_of(callback: Any, model: Any) -> str | None:
    """Return `min` or `max` for a callback that watches a metric, as Keras works it out; None where it cannot."""
    mode, monitor = getattr(callback, "mode", None), getattr(callback, "monitor", None)
    if mode in ("min", "max") or not isinstance(monitor, str):
        return mode
    name = monitor.removeprefix("val_")
    if name == "loss":
        return "min"
    for metric in _compiled_metrics(model):
        if metric.name == name and hasattr(metric, "_direction"):
            return "max" if metric._direction == "up" else "min"
    return None


def _part(source: str, read: Any) -> Params:
    values: dict[str, Any] = {}
    with attempt(f"keras params: {source}"):
        values = read()
    if values:
        yield source, values


def _fit(fitting: Fitting) -> dict[str, Any]:
    given, adapter = fitting.arguments, getattr(fitting.iterator, "data_adapter", None)
    values = {name: given[name] for name in _FIT if name in given}
    if fitting.iterator is not None:
        values["steps_per_epoch"] = fitting.iterator.num_batches
        values["data_adapter"] = type(adapter).__name__
    if given.get("class_weight"):
        values["class_weight"] = {str(as_plain(key)): weight for key, weight in given["class_weight"].items()}
    if given.get("sample_weight") is not None:
        shapes = [list(one.shape) for one in tree.flatten(given["sample_weight"]) if hasattr(one, "shape")]
        values["sample_weight_shape"] = shapes[0] if len(shapes) == 1 else shapes
    return values


def _model(model: Any) -> dict[str, Any]:
    total, trainable = count_parameters(model)
    return {
        "model": as_plain(type(model)),
        "model_name": model.name,
        "layers": len(getattr(model, "layers", [])),
        "parameters": total,
        "trainable_parameters": trainable,
        "non_trainable_parameters": total - trainable,
        "dtype_policy": model.dtype_policy.name,
    }


def _compiled(model: Any) -> dict[str, Any]:
    held: Mapping[str, Any] = getattr(getattr(model, "_compile_config", None), "config", {})
    values = {name: _names(held.get(name)) for name in ("loss", "metrics", "weighted_metrics")}
    values["loss_weights"] = held.get("loss_weights")
    values = {name: value for name, value in values.items() if value is not None}
    values["jit_compile"] = model.jit_compile
    values["run_eagerly"] = model.run_eagerly
    values["steps_per_execution"] = model.steps_per_execution
    values["scales_loss"] = hasattr(model.optimizer, "inner_optimizer")
    return values


def _names(given: Any) -> Any:
    """Name losses and metrics as Keras does, in the structure in which they were given."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Mapping):
        return {str(key): _names(one) for key, one in given.items()}
    if isinstance(given, (list, tuple)):
        return [_names(one) for one in given]
    name = getattr(given, "name", None) or getattr(given, "__name__", None)
    return name if isinstance(name, str) else as_plain(type(given))


def _compiled_metrics(model: Any) -> Iterator[Any]:
    for one in getattr(model, "metrics", []):
        yield from getattr(one, "metrics", [one])


def _optimizer(optimizer: Any) -> dict[str, Any]:
    if optimizer is None:
        return {}
    values = dict(_config(optimizer.get_config()))
    values["optimizer_name"] = values.pop("name", None)
    for name in ("learning_rate", "inner_optimizer.learning_rate"):
        if isinstance(values.get(name), float):
            values[name] = shortest(values[name])
    return {"optimizer": type(optimizer).__name__, **values}


def shortest(value: float) -> float:
    """Return the shortest number that is this one in single precision, in which Keras holds learning rates.

    >>> shortest(0.0010000000474974513)
    0.001
    """
    single = np.float32(value)
    return float(str(single)) if float(single) == value else value


def _config(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk a config of Keras: a nested object is named by its class, and its own config follows under its name."""
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and "class_name" in value:
            yield name, value["class_name"]
            yield from _config(_inner(value.get("config")), f"{name}.")
        elif isinstance(value, Mapping):
            yield from _config(value, f"{name}.")
        else:
            yield name, value


def _inner(config: Any) -> Mapping[str, Any]:
    return config if isinstance(config, Mapping) else {"config": config} if config is not None else {}


def _keras() -> dict[str, Any]:
    backend = keras.backend.backend()
    values = {
        "backend": backend,
        "backend_version": str(getattr(sys.modules.get(backend), "__version__", "")),
        "keras_version": str(keras.__version__),
        "floatx": keras.config.floatx(),
        "image_data_format": keras.config.image_data_format(),
    }
    distribution = keras.distribution.distribution() if hasattr(keras, "distribution") else None
    if distribution is not None:
        values["distribution"] = type(distribution).__name__
        values["devices"] = math.prod(distribution.device_mesh.shape)
    if backend == "torch":
        values["torch_seed"] = sys.modules["torch"].initial_seed()
    return values


def _callbacks(model: Any, callbacks: Iterable[Any]) -> dict[str, Any]:
    others = [callback for callback in callbacks if not (_is_ours(callback) or isinstance(callback, _ALWAYS_THERE))]
    values: dict[str, Any] = {}
    for name, callback in zip(_distinct([type(callback).__name__ for callback in others]), others, strict=True):
        held = settings_of(callback)
        if "min_delta" in held and isinstance(held["min_delta"], (int, float)):
            held["min_delta"] = abs(held["min_delta"])  # Keras turns the sign of what it was given
        if "mode" in held:
            held["mode"] = direction_of(callback, model) or held["mode"]
        values |= {f"{name}.{key}": value for key, value in held.items()} or {name: True}
    return values


_ALWAYS_THERE = (keras.callbacks.History, keras.callbacks.ProgbarLogger)


def _is_ours(callback: Any) -> bool:
    return any(cls.__module__.startswith("autotrack_keras.") for cls in type(callback).__mro__)


def _distinct(names: list[str]) -> list[str]:
    """Tell names apart that occur more than once: Adam, Adam-1, Adam-2."""
    return [f"{name}-{names[:index].count(name)}" if name in names[:index] else name for index, name in
            enumerate(names)]  # fmt: skip
