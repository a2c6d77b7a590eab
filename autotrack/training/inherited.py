"""The run of another process that this process, or the task that it works on, was started in.

A forked child remembers the run that was being recorded where it was forked. A spawned one is told by its parent
(`autotrack.training.children`), and so is a worker that gets its tasks one by one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import msgspec

from autotrack.training.hooks.current_run import innermost_run


class ParentRun(msgspec.Struct, frozen=True):
    """A run, as other processes know it: `pid` is the process that records it."""

    id: str
    folder: str
    started_by: str
    pid: int

    def is_live(self) -> bool:
        """Whether it is still being recorded, by another process than this one."""
        if self.pid == os.getpid():
            return False
        from autotrack.journal.reader import is_being_written  # only in processes that were started in a run

        return is_being_written(Path(self.folder) / "journal" / "main.jsonl") is not False


_of_process: ParentRun | None = None
_of_task: ContextVar[ParentRun | None] = ContextVar("autotrack_parent_run", default=None)


def parent_run() -> ParentRun | None:
    """Return the run of another process that this process or task was started in, while that is being recorded."""
    run = run_for_children()
    return run if run is not None and run.is_live() else None


def run_for_children() -> ParentRun | None:
    """Return the run that is being recorded here, or else the one that this process or task was started in."""
    run = innermost_run()
    if run is not None:
        return ParentRun(run.id, str(run.folder), run.started_by, run.pid)
    return _of_task.get() or _of_process


def belong_to(run: ParentRun | None) -> None:
    """Note that this process was started in `run`."""
    global _of_process  # noqa: PLW0603  a process is started once
    _of_process = run


@contextmanager
def working_for(run: ParentRun) -> Iterator[None]:
    """Let what happens in the block belong to `run`, in which the task was handed to this process."""
    token = _of_task.set(run)
    try:
        yield
    finally:
        _of_task.reset(token)
