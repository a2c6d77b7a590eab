"""Which run is being recorded here: a context variable, so that threads and tasks do not mix their runs."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autotrack.training.run import Run

_current: ContextVar["Run | None"] = ContextVar("autotrack_run", default=None)


def current_run() -> "Run | None":
    """Return the innermost run that is being recorded here, or None."""
    run = _current.get()
    while run is not None and run.status != "running":
        run = run.outer
    return run


def enter(run: "Run") -> None:
    """Make this the run that is being recorded here."""
    _current.set(run)


def leave(run: "Run") -> None:
    """Go back to the run outside this one, if this one is being recorded here."""
    if _current.get() is run:
        _current.set(run.outer)
