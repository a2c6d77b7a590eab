"""Which run is being recorded here: a context variable, so that threads and tasks do not mix their runs.

Runs are told apart by a protocol, since the module of `Run` is above this one. `training.run.current_run` is the same
with `Run` as its type.
"""

from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from autotrack.journal.records import Status


class CurrentRun(Protocol):
    """What the hooks need of a run."""

    id: str
    name: str
    folder: Path
    started_by: str

    @property
    def status(self) -> str:
        """`running` until the run has ended."""

    @property
    def pid(self) -> int:
        """The process that records it: in a forked child, the run may be that of the parent."""

    @property
    def outer(self) -> "CurrentRun | None":
        """The run that was being recorded here when this one started."""

    def notice(self, about: str, message: str) -> None:
        """Record something that autotrack could not do or did differently."""


_PRUNED = "TrialPruned"
"""What Optuna calls the exception with which an objective gives up a trial that is not promising."""

_current: ContextVar[CurrentRun | None] = ContextVar("autotrack_run", default=None)

entered_run = _current.get
"""Returns the run that was entered last in this thread or task, whether or not it has ended."""


def innermost_run() -> CurrentRun | None:
    """Return the innermost run that is being recorded in this thread or task, or None."""
    run = _current.get()
    while run is not None and run.status != "running":
        run = run.outer
    return run


def enter(run: CurrentRun) -> None:
    """Make this run the one that is being recorded here."""
    _current.set(run)


def leave(run: CurrentRun) -> None:
    """Go back to the outer run, if this run is the one being recorded here."""
    if _current.get() is run:
        _current.set(run.outer)


def status_of(error: BaseException | None) -> Status:
    """Return the status of a run that ended with this exception, or with none."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    if any(cls.__name__ == _PRUNED for cls in type(error).__mro__):
        return "pruned"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
