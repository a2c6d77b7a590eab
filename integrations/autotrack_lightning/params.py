"""Reads the params, by source, of a trainer, a module, its optimizers, callbacks and data loaders."""

import inspect
import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from autotrack.integrations import as_plain, attempt
from autotrack_lightning.arguments import arguments_of

_TRAINER = (
    "max_epochs",
    "min_epochs",
    "max_steps",
    "min_steps",
    "num_nodes",
    "world_size",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "val_check_interval",
    "check_val_every_n_epoch",
    "limit_train_batches",
    "limit_val_batches",
    "limit_test_batches",
    "overfit_batches",
    "num_sanity_val_steps",
    "log_every_n_steps",
    "reload_dataloaders_every_n_epochs",
    "fast_dev_run",
)
_LIMITS = ("max_epochs", "min_epochs", "max_steps", "min_steps", "accumulate_grad_batches")
_LOADER = ("num_workers", "drop_last", "pin_memory", "persistent_workers", "prefetch_factor")

LOADERS = {"train": "train_dataloader", "validate": "val_dataloaders", "test": "test_dataloaders"}
"""Where a trainer holds the data loaders of a stage."""

Params = Iterator[tuple[str, dict[str, Any]]]


def limits(trainer: Any) -> dict[str, Any]:
    """Return the settings of a trainer that callbacks may change in the course of a training."""
    return {name: getattr(trainer, name) for name in _LIMITS}


def training_params(trainer: Any, module: Any, configured_limits: Mapping[str, Any]) -> Params:
    """Yield `(source, params)` for what determines a training, but for its optimizers, callbacks and data."""
    for source, values in evaluation_params(trainer, module):
        yield source, {**values, **configured_limits} if source == "trainer" else values


def evaluation_params(trainer: Any, module: Any) -> Params:
    """Yield `(source, params)` for an evaluation that belongs to no training here."""
    for part in (_hyperparameters, _trainer, _model, _seed):
        with attempt(f"lightning params: {part.__name__.strip('_')}"):
            yield from part(trainer, module)


def data_params(role: str, loaders: Any) -> Params:
    """Yield `(source, params)` for each data loader in a role; `loaders` is what the trainer holds for it."""
    with attempt(f"lightning params: data.{role}"):
        for key, loader in loaders_by_name(loaders).items():
            yield (f"data.{role}.{key}" if key else f"data.{role}"), _loader(loader)


def loaders_by_name(loaders: Any) -> dict[str, Any]:
    """Return the data loaders that a trainer holds for a stage; a single one has the name ""."""
    by_name = dict(_loaders(loaders))
    return dict(zip([""], by_name.values(), strict=True)) if len(by_name) == 1 else by_name


def settings_of(thing: Any) -> dict[str, Any]:
    """Return what an object holds under the names of its `__init__` arguments, plain or with a leading underscore."""
    held: dict[str, Any] = {}
    for cls in type(thing).__mro__[:-1]:
        for name in _arguments_of_init(cls):
            for attribute in (name, f"_{name}", f"{name}s"):
                if name not in held and attribute in vars(thing):
                    held[name] = as_plain(vars(thing)[attribute])
    return held


def _arguments_of_init(cls: type) -> list[str]:
    init = vars(cls).get("__init__")
    return list(inspect.signature(init).parameters)[1:] if init else []


def callback_params(trainer: Any) -> Params:
    """Yield `(source, params)` for the settings of every callback of the user's."""
    others = [callback for callback in trainer.callbacks if not _is_ours(callback)]
    values: dict[str, Any] = {}
    for name, callback in zip(_distinct([type(callback).__name__ for callback in others]), others, strict=True):
        with attempt(f"lightning params: {name}"):
            held = settings_of(callback)
            if "min_delta" in held and getattr(callback, "mode", None) == "min":
                held["min_delta"] = -held["min_delta"]  # EarlyStopping turns the sign of what it was given
            values |= {f"{name}.{key}": value for key, value in held.items()} or {name: True}
    yield "callbacks", values


def model_summary(module: Any) -> str:
    """Return the layers of a module with their parameters, as text. It runs nothing through the module."""
    rows = [("name", "type", "parameters", "trainable")]
    for name, child in [*module.named_children(), ("total", module)]:
        total, trainable = count_parameters(child)
        kind = "" if name == "total" else type(child).__name__
        rows.append((name, kind, f"{total:,}", f"{trainable:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {total:>{widths[2]}}  {trainable:>{widths[3]}}"
        for name, kind, total, trainable in rows
    )


def count_parameters(module: Any) -> tuple[int, int]:
    """Return how many parameters a module has, all and trainable; those not initialised yet do not count."""
    held = [p for p in module.parameters() if not isinstance(p, torch.nn.parameter.UninitializedParameter)]
    return sum(p.numel() for p in held), sum(p.numel() for p in held if p.requires_grad)


def _hyperparameters(trainer: Any, module: Any) -> Params:
    datamodule = getattr(trainer, "datamodule", None)
    for role, owner in (("model", module), ("datamodule", datamodule)):
        if owner is not None:
            yield f"{role}.hparams", getattr(owner, "hparams", {})
            yield f"{role}.init", arguments_of(owner)


def _trainer(trainer: Any, _module: Any) -> Params:
    values = {name: getattr(trainer, name) for name in _TRAINER if hasattr(trainer, name)}
    values["devices"] = trainer.num_devices
    values["precision"] = trainer.precision
    values["accelerator"] = trainer.strategy.root_device.type
    values["strategy"] = getattr(trainer.strategy, "strategy_name", type(trainer.strategy).__name__)
    yield "trainer", values


def _model(_trainer: Any, module: Any) -> Params:
    total, trainable = count_parameters(module)
    yield "model", {"model": as_plain(type(module)), "parameters": total, "trainable_parameters": trainable}


def _is_ours(callback: Any) -> bool:
    return any(cls.__module__.startswith("autotrack_lightning.") for cls in type(callback).__mro__)


def _seed(_trainer: Any, _module: Any) -> Params:
    seed = os.environ.get("PL_GLOBAL_SEED")
    yield (
        "seed",
        {
            **({"seed": int(seed), "seed_workers": os.environ.get("PL_SEED_WORKERS") == "1"} if seed else {}),
            "torch_seed": torch.initial_seed(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "cudnn_deterministic": torch.backends.cudnn.deterministic,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
        },
    )


def _loaders(loaders: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Walk the collections of loaders that Lightning accepts."""
    if loaders is None:
        return
    if hasattr(loaders, "iterables") and not hasattr(loaders, "dataset"):  # Lightning's CombinedLoader
        yield from _loaders(loaders.iterables, key)
    elif isinstance(loaders, Mapping):
        for name, loader in loaders.items():
            yield from _loaders(loader, f"{key}.{name}" if key else str(name))
    elif isinstance(loaders, (list, tuple)):
        for index, loader in enumerate(loaders):
            yield from _loaders(loader, f"{key}.{index}" if key else str(index))
    else:
        yield key, loaders


def _loader(loader: Any) -> dict[str, Any]:
    sampler = getattr(loader, "sampler", None)
    dataset = getattr(loader, "dataset", None)
    batch_sampler = getattr(loader, "batch_sampler", None)
    batch_size = getattr(loader, "batch_size", None)
    values = {
        "batch_size": batch_size if batch_size is not None else getattr(batch_sampler, "batch_size", None),
        "sampler": None if sampler is None else type(sampler).__name__,
        "shuffle": getattr(sampler, "shuffle", isinstance(sampler, torch.utils.data.RandomSampler)),
        "dataset": type(loader if dataset is None else dataset).__name__,
        "num_samples": _length(dataset),
        "num_batches": _length(loader),
    }
    return values | {name: getattr(loader, name) for name in _LOADER if hasattr(loader, name)}


def _length(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError, AttributeError):  # a stream has no length
        return None


def _distinct(names: list[str]) -> list[str]:
    """Tell names apart that occur more than once: Adam, Adam-1, Adam-2."""
    return [f"{name}-{names[:index].count(name)}" if name in names[:index] else name for index, name in
            enumerate(names)]  # fmt: skip
