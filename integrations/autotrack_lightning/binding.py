"""Which run a training or an evaluation belongs to."""

import multiprocessing
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

import autotrack
from autotrack.integrations import Outcome, RunOptions, reopen_run

KEY = "autotrack"
"""The key under which a checkpoint names its run."""


@dataclass(frozen=True)
class Trained:
    """The run that a model was trained in, and how far the training had come when it ended."""

    run: autotrack.Run
    step: int | None = None
    epoch: int | None = None


@dataclass(frozen=True)
class Origin:
    """The run that a checkpoint names, and how far the training had come when it was saved."""

    run_id: str
    folder: Path
    step: int | None = None
    epoch: int | None = None

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any]) -> "Origin | None":
        """Return what a checkpoint says, or None if it names no run."""
        if (named := checkpoint.get(KEY)) is None:
            return None
        steps = checkpoint.get("global_step", 0)
        step = max(steps - 1, 0) if isinstance(steps, int) else None
        return cls(named["run_id"], Path(named["folder"]), step, checkpoint.get("epoch"))

    def reopen(self, options: RunOptions) -> Trained | None:
        """Return the run, to add to it, or None when it is no longer there."""
        here = (one.run for one in _trained.values() if isinstance(one, Trained) and one.run.id == self.run_id)
        run = next((run for run in here if run.folder.exists()), None) or options.reopen_run(self.run_id, self.folder)
        return None if run is None else Trained(run, self.step, self.epoch)


_trained: Any = WeakIdKeyDictionary()  # by identity, because some models and data modules have no hash


def remember(module: Any, trained: Trained | Origin) -> None:
    """Bind a model to the run it was trained in, for as long as the model lives."""
    _trained[module] = trained


def is_trained(module: Any) -> bool:
    """Whether a run is known in which this model was trained."""
    return module in _trained


def trained_in(trainer: Any, module: Any, options: RunOptions, loaded: Origin | None) -> Trained | None:
    """Return the run of the weights that are evaluated now.

    That is the run which the checkpoint names that was `loaded` for this evaluation, or else the run of the latest fit
    of the model or of the checkpoint it was made from. In a process that the strategy has started for the evaluation,
    it is the run that was started by the same trainer.
    """
    known: Trained | Origin | None = _trained.get(module)
    if loaded is not None and not (isinstance(known, Trained) and known.run.id == loaded.run_id):
        known = loaded
    if isinstance(known, Origin):
        known = known.reopen(options)
    if known is None and starts_processes(trainer):
        folder = options.find_run(group=group(trainer))
        known = None if folder is None else Trained(reopen_run(folder))
    return known


def start_or_continue(trainer: Any, options: RunOptions, origin: Origin | None, at_step: int | None) -> autotrack.Run:
    """Continue the unfinished run that a checkpoint names, or start one that names it as where it was resumed from."""
    return continue_run(trainer, options, origin, at_step) or options.start_run(
        started_by="lightning",
        resumed_from=origin.run_id if origin else None,
        frameworks=frameworks(trainer),
        group=group(trainer),
    )


def continue_run(
    trainer: Any, options: RunOptions, origin: Origin | None, at_step: int | None
) -> autotrack.Run | None:
    """Continue the unfinished run that a checkpoint names; None when there is nothing to continue."""
    if origin is None:
        return None
    return options.continue_run(
        origin.run_id, origin.folder, at_step=at_step, frameworks=frameworks(trainer), group=group(trainer)
    )


def enclosing_run(
    trainer: Any, options: RunOptions, origin: Origin | None, at_step: int | None
) -> autotrack.Run | None:
    """Return the run around a training that begins now. That of a script may be the one that a checkpoint names."""
    return options.enclosing_run(
        resumed_from=origin.run_id if origin else None,
        group=group(trainer),
        continued=lambda: continue_run(trainer, options, origin, at_step),
    )


def join(trainer: Any, options: RunOptions) -> autotrack.Run | None:
    """Join the run that rank 0 records, as another rank; None when there is none to be found."""
    return options.join_run(trainer.global_rank, group=group(trainer))


def starts_processes(trainer: Any) -> bool:
    """Whether the trainer's strategy starts a process for each rank with `multiprocessing`, as `ddp_spawn` does."""
    return hasattr(trainer.strategy.launcher, "_start_method")


def launches_ranks(trainer: Any) -> bool:
    """Whether this process only waits for ranks that it has started with `multiprocessing`, and is none itself."""
    return starts_processes(trainer) and multiprocessing.parent_process() is None


def group(trainer: Any) -> str | None:
    """Return what the ranks of a distributed training have in common: the address at which they meet."""
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if environment is None or (trainer.world_size == 1 and not starts_processes(trainer)):
        return None
    return f"{environment.main_address}:{environment.main_port}"


def frameworks(trainer: Any) -> dict[str, str]:
    """Return the versions of Lightning, under the name that this trainer comes from, and of torch."""
    names = {cls.__module__.partition(".")[0] for cls in type(trainer).__mro__}
    packages = [name for name in ("lightning", "pytorch_lightning") if name in names]
    return {**{name: sys.modules[name].__version__ for name in packages}, "torch": str(torch.__version__)}


def remember_loaded(_cls: Any, checkpoint: Any = None, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook around what makes a module from a checkpoint: note which run that is of."""
    outcome = yield
    if outcome.result is not None and (origin := Origin.of(checkpoint)) is not None:
        remember(outcome.result, origin)
