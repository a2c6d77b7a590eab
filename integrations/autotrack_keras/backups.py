"""Finds the run that was cut off and now goes on: the one whose backup `BackupAndRestore` is about to restore."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras.callbacks import BackupAndRestore

import autotrack
from autotrack.integrations import RunOptions, attempt

_MOST_RUNS = 20
"""Only the latest runs of the experiment are looked at."""

_CUT_OFF = ("failed", "interrupted", "killed")


def run_backed_up(callbacks: Iterable[Any], options: RunOptions) -> str | None:
    """Return the id of the run that these callbacks will go on from, or None if there is no backup."""
    for callback in callbacks:
        if isinstance(callback, BackupAndRestore):
            with attempt("keras backup"):
                folder = Path(callback.backup_dir).absolute()
                if folder.is_dir() and any(folder.iterdir()):
                    return _latest_run_with(folder, options)
    return None


def _latest_run_with(backup: Path, options: RunOptions) -> str | None:
    experiment = options.experiment_folder
    folders = sorted(experiment.iterdir(), reverse=True) if experiment.is_dir() else []
    for folder in folders[:_MOST_RUNS]:
        if (folder / "journal" / "main.jsonl").exists():
            run = autotrack.load(folder)
            if run.status in _CUT_OFF and backup in _backups_of(run):
                return str(run.id)
    return None


def _backups_of(run: autotrack.RecordedRun) -> list[Path]:
    """Return where a run kept its backups. Paths are recorded as the script gave them."""
    named = [value for name, value in run.params.items() if name.endswith(".backup_dir")]
    return [Path(run.summary.cwd) / str(value) for value in named]
