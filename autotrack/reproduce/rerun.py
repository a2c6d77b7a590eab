"""Runs the command that repeats a run, and finds what it recorded."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from autotrack.errors import ReproduceError
from autotrack.journal.records import RunStarted, decode
from autotrack.journal.run_folder import open_file
from autotrack.journal.summary import Summary
from autotrack.readers.recorded_run import RecordedRun, load
from autotrack.readers.scan import run_folders
from autotrack.reproduce.command import Rerun
from autotrack.reproduce.workspace import FOLDER as WORKSPACES

_MOST_FIRST_LINE = 2**24


def run(rerun: Rerun, *, output_to_stderr: bool = False) -> int:
    """Run a command; what it prints is seen as it comes. Return its exit code, negative for a signal."""
    try:
        process = subprocess.Popen(
            list(rerun.command),
            cwd=rerun.cwd,
            env=rerun.environ(),
            stdout=sys.stderr if output_to_stderr else None,
        )
    except (OSError, ValueError) as error:  # no system takes a text with a NUL in it
        why = error.strerror if isinstance(error, OSError) else error
        raise ReproduceError(f"{rerun.command[0]} cannot be started: {why}") from error
    before = signal.getsignal(signal.SIGINT)
    with suppress(ValueError):  # in a thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command gets Ctrl-C as well, and ends its run in order
    try:
        return process.wait()
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, before)


def recorded_since(before: set[Path], store: Path, run_id: str, *, workspace: Path) -> list[RecordedRun]:
    """Return the runs of a store that repeat a run, without those that were there `before`, the first one first.

    Another repetition of the same run may have gone on beside this one. So a run that was recorded in `workspace` is
    taken before others, and none that was recorded in another workspace beside it.
    """
    found = []
    for folder in set(run_folders(store)) - before:
        first = _first_record(folder)
        if first is not None and first.reproduces == run_id:
            found.append(load(folder))
    own = [run for run in found if Path(run.summary.cwd).is_relative_to(workspace)]
    if workspace.parent.name == WORKSPACES:
        found = [run for run in found if not Path(run.summary.cwd).is_relative_to(workspace.parent)]
    return sorted(own or found, key=lambda run: (run.summary.started, run.folder.name))


def counterpart(original: Summary, position: int, repeated: Sequence[RecordedRun]) -> RecordedRun | None:
    """Return the run that stands for the original, which was the run at `position` of its process.

    A script may record many runs. Where their number has changed, it is the first one that is alike.
    """
    if not repeated:
        return None
    own = [run for run in repeated if _alike(run.summary, original)]
    if position < len(repeated) and repeated[position] in own:
        return repeated[position]
    return next(iter(own), repeated[min(position, len(repeated) - 1)])


def position_in_process(original: RecordedRun) -> int:
    """Return how many runs the process of a run had recorded before it, as far as they are still there."""
    wanted, position = original.summary, 0
    for folder in run_folders(original.folder.absolute().parent.parent):
        first = _first_record(folder)
        if first is None or (first.host, first.pid, first.argv) != (wanted.host, wanted.pid, wanted.argv):
            continue
        if (first.time, folder.name) < (wanted.started, original.folder.name) and first.id != wanted.id:
            position += 1
    return position


def _alike(one: Summary, other: Summary) -> bool:
    return (
        one.experiment == other.experiment
        and one.started_by == other.started_by
        and one.params.keys() == other.params.keys()
        and one.tags.get("estimator") == other.tags.get("estimator")
    )


def _first_record(folder: Path) -> RunStarted | None:
    try:
        with os.fdopen(open_file(folder, "journal/main.jsonl"), "rb") as file:
            record = decode(file.readline(_MOST_FIRST_LINE))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record if isinstance(record, RunStarted) else None
