"""Which run a training or an evaluation belongs to."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

import autotrack
from autotrack import settings
from autotrack.errors import JournalBusyError
from autotrack.journal.reader import is_being_written
from autotrack.training import ranks
from autotrack.training.start import attach_run, reopen_run, resume_run, start_run, with_defaults

KEY = "autotrack"
"""Under this key a checkpoint says which run it is of."""


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


def trained_in(module: Any, options: Mapping[str, Any]) -> Trained | None:
    """Return the run of the latest fit of this model; also in a process spawned for an evaluation after it."""
    if module not in _trained and multiprocessing.parent_process() is not None:
        folder = ranks.find_run(experiment_folder(options))
        if folder is not None:
            try:
                _trained[module] = Trained(reopen_run(folder))
            except JournalBusyError:  # the process that spawned this one goes on recording it
                _trained[module] = Trained(attach_run(folder))
    return _trained.get(module)


def run_of_a_person(options: Mapping[str, Any]) -> autotrack.Run | None:
    """Return the run that a person started round this training; also in a process spawned for it."""
    run = autotrack.current_run()
    if run is None and multiprocessing.parent_process() is not None:
        for started, folder in reversed(ranks.find_runs(experiment_folder(options))):
            live = started.pid == os.getppid() and is_being_written(folder / "journal" / "main.jsonl")
            if started.started_by == "user" and live:
                return attach_run(folder)
    return run


def start_or_continue(
    trainer: Any, options: Mapping[str, Any], name: str | None, origin: Mapping[str, str] | None, at_step: int | None
) -> autotrack.Run:
    """Continue the unfinished run that a checkpoint is of, or start one, naming the run it comes from if any."""
    about: dict[str, Any] = {"frameworks": frameworks(trainer), "group": group(trainer)}
    if origin is not None:
        folder = _find_origin(origin, options)
        if folder is not None and _is_unfinished(folder):
            try:
                return resume_run(folder, at_step=at_step, **about)
            except JournalBusyError:  # it is being recorded right now, by somebody else
                pass
    resumed_from = origin["run_id"] if origin else None
    return start_run(name, resumed_from=resumed_from, started_by="lightning", **options, **about)


def join(trainer: Any, options: Mapping[str, Any]) -> autotrack.Run | None:
    """Join the run that rank 0 records, as another rank; None when there is none to be found."""
    folder = ranks.find_run(experiment_folder(options), group=group(trainer))
    if folder is None:
        return None
    return resume_run(folder, rank=trainer.global_rank, group=group(trainer))


def experiment_folder(options: Mapping[str, Any]) -> Path:
    """Return the folder in which runs with these options lie."""
    chosen = settings.resolve(**with_defaults(options))
    return Path(chosen.to).expanduser().absolute() / chosen.experiment


def group(trainer: Any) -> str | None:
    """Return what the ranks of a distributed training have in common: the address at which they meet."""
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if trainer.world_size == 1 or environment is None:
        return None
    return f"{environment.main_address}:{environment.main_port}"


def frameworks(trainer: Any) -> dict[str, str]:
    """Return the versions of Lightning, under the name that this trainer comes from, and of torch."""
    names = {cls.__module__.partition(".")[0] for cls in type(trainer).__mro__}
    found = [name for name in ("lightning", "pytorch_lightning") if name in names]
    return {**{name: sys.modules[name].__version__ for name in found}, "torch": str(torch.__version__)}


def _find_origin(origin: Mapping[str, str], options: Mapping[str, Any]) -> Path | None:
    """The run may have been moved along with its store since the checkpoint was written."""
    recorded = Path(origin["folder"])
    for folder in (recorded, experiment_folder(options) / recorded.name):
        if (folder / "journal" / "main.jsonl").exists() and autotrack.load(folder).id == origin["run_id"]:
            return folder
    return None


def _is_unfinished(folder: Path) -> bool:
    return autotrack.load(folder).status in ("failed", "interrupted", "killed")
