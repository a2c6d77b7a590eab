"""Reads the params, by source, of a call of `fit`, a model, its optimizer, losses, metrics and callbacks."""

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
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


def _part(source: str, reads: Callable[[], Mapping[str, Callable[[], Any]]]) -> Params:
    """Read the values of a source, each by itself: one that cannot be read costs itself only."""
    values: dict[str, Any] = {}
    with attempt(f"keras params: {source}"):
        for name, read in reads().items():
            with attempt(f"keras params: {source}.{name}"):
                value = read()
                if value is not None:
                    values |= value if isinstance(value, _Several) else {name: value}
    if values:
        yield source, values


class _Several(dict[str, Any]):
    """Values that are read together, under names of their own."""


def _fit(fitting: Fitting) -> dict[str, Callable[[], Any]]:
    given, iterator = fitting.arguments, fitting.iterator
    reads: dict[str, Callable[[], Any]] = {name: partial(given.get, name) for name in _FIT if name in given}
    if iterator is not None:
        reads["steps_per_epoch"] = lambda: iterator.num_batches
        reads["data_adapter"] = lambda: type(getattr(iterator, "data_adapter", None)).__name__
    if given.get("class_weight"):
        weights = given["class_weight"]
        reads["class_weight"] = lambda: {str(as_plain(key)): weight for key, weight in weights.items()}
    if given.get("sample_weight") is not None:
        reads["sample_weight_shape"] = lambda: _shapes(given["sample_weight"])
    return reads


def _shapes(weights: Any) -> Any:
    shapes = [list(one.shape) for one in tree.flatten(weights) if hasattr(one, "shape")]
    return shapes[0] if len(shapes) == 1 else shapes


def _model(model: Any) -> dict[str, Callable[[], Any]]:
    def counted() -> _Several:
        total, trainable = count_parameters(model)
        counts = {"": total, "trainable_": trainable, "non_trainable_": total - trainable}
        return _Several({f"{which}parameters": count for which, count in counts.items()})

    return {
        "model": lambda: as_plain(type(model)),
        "model_name": lambda: model.name,
        "layers": lambda: len(getattr(model, "layers", [])),
        "parameters": counted,
        "dtype_policy": lambda: model.dtype_policy.name,
    }


def _compiled(model: Any) -> dict[str, Callable[[], Any]]:
    held: Mapping[str, Any] = getattr(getattr(model, "_compile_config", None), "config", {})
    given = ("loss", "metrics", "weighted_metrics")
    return {
        **{name: partial(lambda name: _names(held.get(name)), name) for name in given},
        "loss_weights": lambda: held.get("loss_weights"),
        "jit_compile": lambda: model.jit_compile,
        "run_eagerly": lambda: model.run_eagerly,
        "steps_per_execution": lambda: model.steps_per_execution,
        "scales_loss": lambda: hasattr(model.optimizer, "inner_optimizer"),
    }


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


def _optimizer(optimizer: Any) -> dict[str, Callable[[], Any]]:
    if optimizer is None:
        return {}

    def configured() -> _Several:
        values = _Several(_config(optimizer.get_config()))
        values["optimizer_name"] = values.pop("name", None)
        for name in ("learning_rate", "inner_optimizer.learning_rate"):
            if isinstance(values.get(name), float):
                values[name] = shortest(values[name])
        return values

    return {"optimizer": lambda: type(optimizer).__name__, "config": configured}


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


def _keras() -> dict[str, Callable[[], Any]]:
    backend = keras.backend.backend()
    reads: dict[str, Callable[[], Any]] = {
        "backend": lambda: backend,
        "backend_version": lambda: str(getattr(sys.modules.get(backend), "__version__", "")),
        "keras_version": lambda: str(keras.__version__),
        "floatx": keras.config.floatx,
        "image_data_format": keras.config.image_data_format,
        "distribution": _distribution,
    }
    if backend == "torch":
        reads["torch_seed"] = sys.modules["torch"].initial_seed
    return reads


def _distribution() -> _Several | None:
    distribution = keras.distribution.distribution() if hasattr(keras, "distribution") else None
    if distribution is None:
        return None
    devices = math.prod(distribution.device_mesh.shape)
    return _Several(distribution=type(distribution).__name__, devices=devices)


def _callbacks(model: Any, callbacks: Iterable[Any]) -> dict[str, Callable[[], Any]]:
    others = [callback for callback in callbacks if not (_is_ours(callback) or isinstance(callback, _ALWAYS_THERE))]
    names = _distinct([type(callback).__name__ for callback in others])
    return {name: partial(_callback, model, callback, name) for name, callback in zip(names, others, strict=True)}


def _callback(model: Any, callback: Any, name: str) -> _Several:
    held = settings_of(callback)
    if "min_delta" in held and isinstance(held["min_delta"], (int, float)):
        held["min_delta"] = abs(held["min_delta"])  # Keras turns the sign of what it was given
    if "mode" in held:
        held["mode"] = direction_of(callback, model) or held["mode"]
    return _Several({f"{name}.{key}": value for key, value in held.items()} or {name: True})


_ALWAYS_THERE = (keras.callbacks.History, keras.callbacks.ProgbarLogger)


def _is_ours(callback: Any) -> bool:
    return any(cls.__module__.startswith("autotrack_keras.") for cls in type(callback).__mro__)


def _distinct(names: list[str]) -> list[str]:
    """Tell names apart that occur more than once: Adam, Adam-1, Adam-2."""
    return [f"{name}-{names[:index].count(name)}" if name in names[:index] else name for index, name in
            enumerate(names)]  # fmt: skip
