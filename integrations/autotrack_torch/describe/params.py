"""Reads the params of optimizers, schedulers, models, loss functions and data loaders."""

import inspect
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import torch
from torch import nn

from autotrack.integrations import as_plain
from autotrack_torch.members import arguments_of, name_of

_MOST_GROUPS = 20
_SCHEDULER_STATE = ("optimizer", "optimizers", "last_epoch", "verbose", "schedulers", "_schedulers")
_LOADER = ("num_workers", "drop_last", "pin_memory", "persistent_workers", "prefetch_factor")


def optimizer_params(label: str, optimizer: Any) -> dict[str, Any]:
    """Return the class of an optimizer and what its param groups were made with; `label` is `optimizer`, …

    What a scheduler or the script makes of that is found in the metrics.
    """
    prefix = "" if label == "optimizer" else f"{label}."
    params: dict[str, Any] = {label: name_of(optimizer)}
    groups = zip(optimizer.param_groups, arguments_of(optimizer), strict=True)
    for number, (group, given) in enumerate(islice(groups, _MOST_GROUPS)):
        before = f"{prefix}group{number}." if number else prefix
        size = sum(parameter.numel() for parameter in group["params"])
        params |= {f"{before}{name}": as_plain(value) for name, value in given.items() if name != "initial_lr"}
        params[f"{before}parameters_in_group"] = size
    if len(optimizer.param_groups) > 1:
        params[f"{prefix}param_groups"] = len(optimizer.param_groups)
    return params


def scheduler_params(label: str, scheduler: Any, given: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return the class and the settings of a scheduler of learning rates, with those of the schedulers within it.

    `given` returns the arguments that a scheduler was made with, as far as they are known.
    """
    held = {key: value for key, value in {**settings_of(scheduler), **given(scheduler)}.items() if _is_setting(key)}
    params = {label: type(scheduler).__name__, **{f"{label}.{key}": value for key, value in held.items()}}
    for index, inner in enumerate(getattr(scheduler, "_schedulers", ())):
        params |= scheduler_params(f"{label}.{index}", inner, given)
    return params


def _is_setting(key: str) -> bool:
    return key not in _SCHEDULER_STATE


def settings_of(thing: Any) -> dict[str, Any]:
    """Return what an object holds under the names of its `__init__` arguments, plain or with a leading underscore."""
    held: dict[str, Any] = {}
    for cls in type(thing).__mro__[:-1]:
        init = vars(cls).get("__init__")
        for name in list(inspect.signature(init).parameters)[1:] if init else []:
            for attribute in (name, f"_{name}", f"{name}s"):
                if name not in held and attribute in vars(thing):
                    held[name] = as_plain(vars(thing)[attribute])
    return held


def model_params(label: str, model: nn.Module) -> dict[str, Any]:
    """Return the class of a model, how many parameters it has, and what it is wrapped in."""
    prefix = "" if label == "model" else f"{label}."
    inner, wrappers = unwrapped(model)
    total, trainable = count_parameters(model)
    values: dict[str, Any] = {
        label: _class_of(inner),
        f"{prefix}parameters": total,
        f"{prefix}trainable_parameters": trainable,
    }
    if wrappers:
        values[f"{prefix}wrapped_in"] = wrappers
    if isinstance(inner, torch.jit.ScriptModule):
        values[f"{prefix}torchscript"] = True
    if type(model).__name__ == "OptimizedModule" or getattr(inner, "_compiled_call_impl", None) is not None:
        values[f"{prefix}compiled"] = True
    if (first := next(inner.parameters(), None)) is not None:
        values[f"{prefix}device"] = str(first.device)
        values[f"{prefix}dtype"] = str(first.dtype).removeprefix("torch.")
    return values


def unwrapped(model: nn.Module) -> tuple[nn.Module, list[str]]:
    """Return the model of the user within wrappers such as DistributedDataParallel, and the names of those."""
    wrappers: list[str] = []
    while True:
        kind = type(model).__name__
        inner = getattr(model, _WITHIN.get(kind, ""), None)
        if _is_fully_sharded(model):
            wrappers.append("fully_shard")
        if not isinstance(inner, nn.Module):
            return model, wrappers
        if kind not in ("OptimizedModule", "_FabricModule"):
            wrappers.append(kind)
        model = inner


_WITHIN = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "FullyShardedDataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "_FabricModule": "_forward_module",
}
"""By the class of a wrapper: the attribute that holds what is within."""


def _is_fully_sharded(model: nn.Module) -> bool:
    """Whether `fully_shard` has replaced the class of a module by one that derives from it."""
    return any(kind.__name__ == "FSDPModule" for kind in type(model).__mro__)


def _class_of(model: nn.Module) -> Any:
    if isinstance(model, torch.jit.ScriptModule):
        return getattr(model, "original_name", type(model).__name__)
    kind = type(model)
    return as_plain(kind.__mro__[2] if _is_fully_sharded(model) else kind)  # FSDPNet, FSDPModule, Net


def count_parameters(module: nn.Module) -> tuple[int, int]:
    """Return how many parameters a module has, all and trainable; those not initialised yet do not count."""
    held = [p for p in module.parameters() if not isinstance(p, nn.parameter.UninitializedParameter)]
    return sum(p.numel() for p in held), sum(p.numel() for p in held if p.requires_grad)


def model_summary(model: nn.Module) -> str:
    """Return the layers of a model with their parameters, as text. It runs nothing through the model."""
    module, _ = unwrapped(model)
    rows = [("name", "type", "parameters", "trainable")]
    for name, child in [*module.named_children(), ("total", module)]:
        total, trainable = count_parameters(child)
        kind = getattr(child, "original_name", type(child).__name__)
        rows.append((name, "" if name == "total" else kind, f"{total:,}", f"{trainable:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {total:>{widths[2]}}  {trainable:>{widths[3]}}"
        for name, kind, total, trainable in rows
    )


def loss_params(modules: Iterable[nn.Module], functions: Iterable[str | None]) -> dict[str, Any]:
    """Return the loss modules with their settings; without one, the functions of `torch` that made the losses."""
    found: dict[str, Any] = {}
    for index, module in enumerate(modules):
        label = f"loss_function{index or ''}"
        names = [*getattr(module, "__constants__", ()), *_LOSS_SETTINGS]
        constants = {name: as_plain(getattr(module, name)) for name in names if hasattr(module, name)}
        found |= {label: type(module).__name__, **{f"{label}.{name}": value for name, value in constants.items()}}
    if not found and (names := list(dict.fromkeys(name for name in functions if name))):
        found = {f"loss_function{index or ''}": name for index, name in enumerate(names)}
    return found


_LOSS_SETTINGS = ("label_smoothing", "weight", "pos_weight")


def loader_params(loader: Any) -> dict[str, Any]:
    """Return the settings of a data loader."""
    sampler = _sampler_of(loader)
    dataset = getattr(loader, "dataset", None)
    batch_sampler = getattr(loader, "batch_sampler", None)
    batch_size = getattr(loader, "batch_size", None)
    values = {
        "batch_size": batch_size if batch_size is not None else getattr(batch_sampler, "batch_size", None),
        "sampler": None if sampler is None else type(sampler).__name__,
        "shuffle": getattr(sampler, "shuffle", isinstance(sampler, torch.utils.data.RandomSampler)),
        "dataset": type(loader if dataset is None else dataset).__name__,
        "num_samples": _length(dataset),
        "num_batches": _length(loader) if not isinstance(dataset, torch.utils.data.IterableDataset) else None,
    }
    return values | {name: getattr(loader, name) for name in _LOADER if hasattr(loader, name)}


def _sampler_of(loader: Any) -> Any:
    """Return what chooses the samples; a loader that was given a sampler of batches does not use its own."""
    inner = loader
    while hasattr(inner, "batch_sampler"):  # Accelerate wraps that of the user in another one
        inner = inner.batch_sampler
    return getattr(inner, "sampler", None) or getattr(loader, "sampler", None)


def _length(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError, AttributeError):  # a stream has no length
        return None


def processes() -> dict[str, Any]:
    """Return how many processes train together, if there are several."""
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized():
        return {}
    return {"world_size": distributed.get_world_size(), "distributed_backend": distributed.get_backend()}


def switches() -> dict[str, Any]:
    """Return the seed and the switches that decide whether a training can be repeated."""
    return {
        "torch_seed": torch.initial_seed(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
    }
