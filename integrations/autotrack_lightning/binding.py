"""Which run a training or an evaluation belongs to."""

import multiprocessing
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

import autotrack
from autotrack.integrations import RunOptions, reopen_run

KEY = "autotrack"
"""The key under which a checkpoint names its run."""


@dataclass(frozen=True)
class Trained:
    """The run that a model was trained in, and how far the training had come when it ended."""

    run: autotrack.Run
    step: int | None = None
    epoch: int | None = None


_trained: WeakKeyDictionary[Any, Trained] = WeakKeyDictionary()


def remember(module: Any, trained: Trained) -> None:
    """Bind a model to its run, for as long as the model lives."""
    _trained[module] = trained


def trained_in(module: Any, options: RunOptions) -> Trained | None:
    """Return the run of the latest fit of this model; also in a process spawned for an evaluation after it."""
    if module not in _trained and multiprocessing.parent_process() is not None:
        folder = options.find_run()
        if folder is not None:
            _trained[module] = Trained(reopen_run(folder))
    return _trained.get(module)


def start_or_continue(
    trainer: Any, options: RunOptions, origin: Mapping[str, str] | None, at_step: int | None
) -> autotrack.Run:
    """Continue the unfinished run that a checkpoint names, or start one that names it as where it was resumed from."""
    about: dict[str, Any] = {"frameworks": frameworks(trainer), "group": group(trainer)}
    if origin is not None:
        continued = options.continue_run(origin["run_id"], Path(origin["folder"]), at_step=at_step, **about)
        if continued is not None:
            return continued
    resumed_from = origin["run_id"] if origin else None
    return options.start_run(started_by="lightning", resumed_from=resumed_from, **about)


def join(trainer: Any, options: RunOptions) -> autotrack.Run | None:
    """Join the run that rank 0 records, as another rank; None when there is none to be found."""
    return options.join_run(trainer.global_rank, group=group(trainer))


def group(trainer: Any) -> str | None:
    """Return what the ranks of a distributed training have in common: the address at which they meet."""
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if trainer.world_size == 1 or environment is None:
        return None
    return f"{environment.main_address}:{environment.main_port}"


def frameworks(trainer: Any) -> dict[str, str]:
    """Return the versions of Lightning, under the name that this trainer comes from, and of torch."""
    names = {cls.__module__.partition(".")[0] for cls in type(trainer).__mro__}
    packages = [name for name in ("lightning", "pytorch_lightning") if name in names]
    return {**{name: sys.modules[name].__version__ for name in packages}, "torch": str(torch.__version__)}
