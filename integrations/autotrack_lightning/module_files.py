"""Keeps the trained module as a whole at the end of a fit, so that it can be loaded without the script."""

from pathlib import Path
from typing import Any

import torch

import autotrack
from autotrack.integrations import RunFiles


def calls_of(run: autotrack.Run, trainer: Any, module: Any) -> Any:
    """Return what learns the inputs and outputs of a module from calls of `forward`; None in distributed training.

    There Lightning calls it with the arguments of `training_step`.
    """
    return RunFiles(run).calls_of(module) if trainer.world_size == 1 else None


def keep_module(run: autotrack.Run, trainer: Any, module: Any, *, step: int, epoch: int | None, calls: Any) -> None:
    """Write the module, unless that takes too long or its weights are spread over several processes."""
    if trainer.world_size > 1 and not type(trainer.strategy).__name__.startswith("DDP"):
        return
    size = sum(one.numel() * one.element_size() for one in (*module.parameters(), *module.buffers()))

    weights = {"weights": "restored"} if _has_averages(trainer, module) else {"step": step, "epoch": epoch}

    def save(path: Path, pickling: Any) -> None:
        torch.save(module, path, pickle_module=pickling)

    RunFiles(run).keep_pickled_model(
        save,
        size_bytes=size,
        flavors={
            "python_function": {"loader_module": "mlflow.pytorch", "data": "data"},
            "pytorch": {"model_data": "data", "pytorch_version": str(torch.__version__)},
        },
        modules=["torch", type(trainer).__module__],
        calls=calls,
        **weights,
    )


def _has_averages(trainer: Any, module: Any) -> bool:
    """Whether a callback has put averages into the module at the end: StochasticWeightAveraging, WeightAveraging.

    They do not do so where training ends before its last epoch, so it is looked at what the module has.
    """
    averaged = (getattr(callback, "_average_model", None) for callback in trainer.callbacks)
    return any(_have_same_weights(one, module) for one in averaged if isinstance(one, torch.nn.Module))


def _have_same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=False)
    return all(torch.equal(mine.to(its.device), its) for mine, its in pairs)
