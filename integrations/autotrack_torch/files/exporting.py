"""Turns a kept module into a form that needs none of the code of its training: an exported program, or TorchScript."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from autotrack.integrations import KeptModel
from autotrack_torch.files.kept_models import load

FORMATS = ("pt2", "torchscript")

_ROWS = 2
"""One row or none would be taken for a constant."""


def export(kept: KeptModel, target: Path, *, to_format: str) -> None:
    """Write the module in a kept file to `target`, by inputs like those of the training, all zeros."""
    module = load(kept)
    if not isinstance(module, torch.nn.Module):
        kept.fail("holds no module, so there is nothing to export")
    if to_format == "torchscript" and isinstance(module, torch.jit.ScriptModule):
        _save_scripted(module, target)
        return
    inputs = _zeros(kept.described.get("inputs")) if kept.described else None
    if inputs is None:
        kept.fail(
            "says nothing of its inputs, which exporting needs: its training has not called the module as a whole"
        )
    takes = kept.described.get("takes")
    args, kwargs = ((inputs,), {}) if takes is None else ((), {name: inputs[name] for name in takes})
    if to_format == "pt2":
        torch.export.save(_exported(module, args, kwargs), target)
    else:
        trace: Any = torch.jit.trace
        given = {"example_kwarg_inputs": kwargs} if kwargs else {"example_inputs": args}
        with torch.no_grad():
            _save_scripted(trace(module, **given, strict=False), target)


def _exported(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Export a module for any number of rows, or, if it does not allow that, for those of the example."""
    shapes = torch.utils._pytree.tree_map(_any_rows, (args, kwargs))
    try:
        return torch.export.export(module, args, kwargs, dynamic_shapes=(*shapes[0], *shapes[1].values()))
    except Exception:  # noqa: BLE001  the compiler raises many kinds of errors
        return torch.export.export(module, args, kwargs)


def _any_rows(value: Any) -> Any:
    return {0: torch.export.Dim.AUTO} if isinstance(value, torch.Tensor) and value.dim() else None


def _save_scripted(module: Any, target: Path) -> None:
    save: Any = torch.jit.save
    save(module, target)


def _zeros(described: Any) -> Any:
    """Return zeros as they are described, in the same structure; None for what was optional and not given."""
    if described is None:
        return None
    if isinstance(described, list):
        return tuple(map(_zeros, described))
    if isinstance(described, Mapping) and isinstance(described.get("shape"), list):
        sizes = [_ROWS if size is None else int(size) for size in described["shape"]]
        return torch.zeros(sizes, dtype=getattr(torch, str(described["dtype"])))
    return {name: _zeros(part) for name, part in described.items()}
