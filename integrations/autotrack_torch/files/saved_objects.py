"""What a file that a script saves is: weights to go on from, a whole model, or something else."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Literal

import torch

from autotrack.integrations import direction_of
from autotrack_torch.files.weight_names import bare_name

Kind = Literal["checkpoint", "model", "output"]

is_saving: ContextVar[bool] = ContextVar("autotrack_torch_is_saving", default=False)
"""Whether something is being saved: what saves within that is a part of it."""

_DEEPEST = 3
_MOST_ENTRIES = 1000
"""So many entries of a mapping or list are looked at: a checkpoint says early what it is."""


def kind_of(saved: Any, weight_names: Iterable[str] = ()) -> Kind:
    """Return what a saved object is.

    A module, a scripted or an exported one is a model. A checkpoint has weights or the state of an optimizer in it.
    Tensors by name are weights if the names are some of `weight_names`, those of the models in training; else they may
    be data. All the rest is output, such as predictions.
    """
    if isinstance(saved, (torch.nn.Module, torch.jit.ScriptFunction, torch.export.ExportedProgram)):
        return "model"
    return "checkpoint" if _has_state(saved, frozenset(map(bare_name, weight_names)), _DEEPEST) else "output"


def metrics_in(saved: Any) -> dict[str, Any]:
    """Return the metrics that are saved beside weights, as in `{"epoch": 3, "val_loss": 0.2, "model": ...}`.

    A number is taken for one if its name says which way it gets better; others may be settings.
    """
    if not isinstance(saved, Mapping) or hasattr(saved, "_metadata"):
        return {}
    entries = {name: value for name, value in _entries(saved) if isinstance(name, str)}
    if any(isinstance(value, torch.Tensor) and value.dim() for value in entries.values()):
        return {}  # these are weights
    numbers = {name: as_number(value) for name, value in entries.items() if direction_of(name)}
    return {name: number for name, number in numbers.items() if number is not None}


def as_number(value: Any) -> Any:
    """Return a value as a number if it is one, without waiting for a device; None if it is not.

    A tensor that is not on the CPU is handed on as it is.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    if type(value) in (torch.Tensor, torch.nn.Parameter):  # to read one that is spread over ranks, all would have to
        if value.numel() != 1 or value.dtype in (torch.bool, torch.uint8) or value.is_complex():
            return None
        return value.detach().item() if value.device.type == "cpu" else value.detach()
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and value.dtype.kind in "iuf":
        return value.item()
    return None


def tensors_in(saved: Any, depth: int = _DEEPEST) -> Iterator[torch.Tensor]:
    """Yield the tensors in a saved object, those of modules included."""
    if isinstance(saved, torch.Tensor):
        yield saved
    elif isinstance(saved, torch.nn.Module):
        yield from saved.parameters()
    elif depth:
        for _, value in _entries(saved):
            yield from tensors_in(value, depth - 1)


def _has_state(saved: Any, weight_names: frozenset[str], depth: int) -> bool:
    if isinstance(saved, (torch.nn.Module, torch.optim.Optimizer, torch.nn.Parameter)):
        return True
    if not isinstance(saved, (Mapping, list, tuple)):
        return False
    if isinstance(saved, Mapping) and _is_state(saved, weight_names):
        return True
    return depth > 0 and any(_has_state(value, weight_names, depth - 1) for _, value in _entries(saved))


def _is_state(saved: Mapping[Any, Any], weight_names: frozenset[str]) -> bool:
    """Whether these are the weights of a module, or the state of an optimizer."""
    if "param_groups" in saved and "state" in saved:
        return True
    if hasattr(saved, "_metadata"):  # what `Module.state_dict` returns has it
        return True
    tensors = (name for name, value in _entries(saved) if isinstance(value, torch.Tensor) and isinstance(name, str))
    return any(bare_name(name) in weight_names for name in tensors)


def _entries(saved: Any) -> list[tuple[Any, Any]]:
    if isinstance(saved, Mapping):
        pairs: Iterable[tuple[Any, Any]] = saved.items()
    elif isinstance(saved, (list, tuple)):
        pairs = enumerate(saved)
    else:
        return []
    return [pair for pair, _ in zip(pairs, range(_MOST_ENTRIES), strict=False)]
