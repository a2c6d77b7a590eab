"""Several processes, one run: rank 0 starts it, and the other ranks find it by what they share with rank 0.

They search the disk and send each other nothing. If they exchanged messages and one rank missed some, because
autotrack is off or failed there, the training would hang.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, time

from autotrack.journal.records import RunStarted
from autotrack.training.inherited import parent_run

_LOADED, _LOADED_AT = time(), monotonic()
_LAUNCHED_AS = os.environ.get("LOCAL_RANK")
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
    if multiprocessing is None:
        return False
    is_starting = getattr(multiprocessing.current_process(), "_inheriting", False)  # its parent is not known yet
    return is_starting or multiprocessing.parent_process() is not None


def is_launched_rank() -> bool:
    """Return whether a launcher started this process with `multiprocessing` as a rank of a training, also rank 0."""
    return is_spawned() and os.environ.get("LOCAL_RANK") not in (None, _LAUNCHED_AS)


def is_worker() -> bool:
    """Return whether this process, or the task that it works on, is part of a training that another one records.

    Then it opens no run of its own. That is so for ranks other than 0, for whoever loads data, and for what was
    started in the run of a training, as the candidates of a search. A process that a person started for a training
    opens one, as it does in a run that a person started.
    """
    if rank_from_environment() or _loads_data():
        return True
    parent = parent_run()
    return parent is not None and parent.started_by != "user"


def _loads_data() -> bool:
    worker = sys.modules.get("torch.utils.data._utils.worker")
    return worker is not None and getattr(worker, "_worker_info", None) is not None


def find_run(experiment: Path, *, group: str | None = None) -> Path | None:
    """Return the folder of the run that rank 0 of this job started last, or None."""
    return next((folder for _, folder in reversed(find_runs(experiment, group=group))), None)


def find_runs(experiment: Path, *, group: str | None = None) -> list[tuple[RunStarted, Path]]:
    """Return the runs that rank 0 of this job started, and their folders, oldest first.

    A run belongs to this job if it was started in the same `group`. Otherwise it has to be started on this host, by
    the parent of this process (which launched the other ranks itself) or by another child of that parent (which then
    is a launcher, or a process that spawned us).
    """
    from autotrack.journal.starts import starts_in  # only ranks other than 0 search for their run

    journals = sorted(experiment.glob("*/journal/main.jsonl"), key=_modified, reverse=True)
    runs: list[tuple[RunStarted, Path]] = []
    for path in journals[:_LATEST]:
        runs += [(start, path.parent.parent) for start in starts_in(path) if _is_of_this_job(start, path, group)]
    return sorted(runs, key=lambda run: run[0].time)


def run_of_parent_process(experiment: Path) -> str | None:
    """Return the id of the run that a person has started in the process that `multiprocessing` made this one for.

    It is the latest one that is being recorded.
    """
    multiprocessing = sys.modules.get("multiprocessing")
    parent = multiprocessing and multiprocessing.parent_process()
    if parent is None:
        return None
    from autotrack.journal.reader import is_being_written  # only in child processes
    from autotrack.journal.starts import starts_in

    for path in sorted(experiment.glob("*/journal/main.jsonl"), key=_modified, reverse=True)[:_LATEST]:
        for start in reversed(starts_in(path)):
            is_parent = start.pid == parent.pid and start.host == os.uname().nodename and start.started_by == "user"
            if is_parent and is_being_written(path) is not False:
                return start.id
    return None


def _is_of_this_job(started: RunStarted, journal: Path, group: str | None) -> bool:
    # The same address, launcher or shell may have served an earlier job; this job's run started after this process.
    if group is not None and started.group is not None:
        return started.group == group and _is_new(started, journal)
    if started.host != os.uname().nodename:
        return False
    return started.pid == os.getppid() or (started.parent_pid == os.getppid() and _is_new(started, journal))


def _is_new(started: RunStarted, journal: Path) -> bool:
    """Return whether a run was started since this process was.

    The clocks of two hosts may differ by any amount. So of a run of another host, it is asked when its journal was
    written to, and what time it is, by one and the same clock: that of the file system they share.
    """
    if started.host != os.uname().nodename:
        with suppress(OSError):
            age = _now_in(journal.parents[2]) - journal.stat().st_mtime
            return age < monotonic() - _LOADED_AT + _CLOCK_SKEW_SECONDS
    return started.time > _LOADED - _CLOCK_SKEW_SECONDS


def _now_in(folder: Path) -> float:
    """Return what time it is for the file system of a folder, which may be that of a server."""
    from tempfile import TemporaryFile  # only ranks on other hosts than rank 0 ask

    with TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
