"""Several processes, one run: rank 0 starts it, and the other ranks find it by what they share with rank 0.

They search the disk and send each other nothing. If they exchanged messages and one rank missed some, because
autotrack is off or failed there, the training would hang.
"""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from time import time

from autotrack.journal.records import RunStarted

_LOADED, _LOADED_IN = time(), os.getpid()
_CLOCK_SKEW_SECONDS = 60
_LATEST = 20
"""Only this many runs, those written to last, are searched for the one that is being recorded."""


def rank_from_environment(environ: Mapping[str, str] | None = None) -> int:
    """Return the rank of this process from the environment variables that launchers set; 0 without a launcher."""
    environ = os.environ if environ is None else environ  # as a default, pydoc would show all of it
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        value = environ.get(name, "")
        if value.isdigit() and (name != "SLURM_PROCID" or environ.get("SLURM_NTASKS", "1") != "1"):
            return int(value)
    return 0


def is_spawned() -> bool:
    """Return whether `multiprocessing` started this process for another one."""
    multiprocessing = sys.modules.get("multiprocessing")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def is_worker() -> bool:
    """Return whether this process works for another one, or is a rank other than 0: it opens no run of its own."""
    return is_spawned() or os.getpid() != _LOADED_IN or bool(rank_from_environment())


def find_run(experiment: Path, *, group: str | None = None) -> Path | None:
    """Return the folder of the run that rank 0 of this job started last, or None."""
    return next((folder for _, folder in reversed(find_runs(experiment, group=group))), None)


def find_runs(experiment: Path, *, group: str | None = None) -> list[tuple[RunStarted, Path]]:
    """Return the runs that rank 0 of this job started, and their folders, oldest first.

    A run belongs to this job if it was started in the same `group`. Otherwise it has to be started on this host, by
    the parent of this process (which launched the other ranks itself) or by another child of that parent (which then
    is a launcher, or a process that spawned us).
    """
    from autotrack.journal.reader import starts_in  # only ranks other than 0 search for their run

    journals = sorted(experiment.glob("*/journal/main.jsonl"), key=_modified, reverse=True)
    runs: list[tuple[RunStarted, Path]] = []
    for path in journals[:_LATEST]:
        runs += [(start, path.parent.parent) for start in starts_in(path) if _is_of_this_job(start, group)]
    return sorted(runs, key=lambda run: run[0].time)


def _is_of_this_job(started: RunStarted, group: str | None) -> bool:
    # The same address, launcher or shell may have served an earlier job; this job's run started after this process.
    is_new = started.time > _LOADED - _CLOCK_SKEW_SECONDS
    if group is not None and started.group is not None:
        return started.group == group and is_new
    if started.host != socket.gethostname():
        return False
    return started.pid == os.getppid() or (started.parent_pid == os.getppid() and is_new)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
