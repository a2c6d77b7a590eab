"""What is under way: the outermost call owns the run, and every call inside it is a part of that.

A context variable holds what is under way in this thread. The threads of joblib start without a value; a task that
scikit-learn runs in such a thread belongs to the recording of this process, if there is only one.
"""

from contextvars import ContextVar
from typing import Final, cast

from autotrack_sklearn.recording import Recording


class _Inside:
    """Something is under way, and nothing inside it is recorded."""


INSIDE: Final = _Inside()

UnderWay = Recording | _Inside


class Scope:
    """What is under way in each thread of this process; `here` is read before every hook."""

    def __init__(self) -> None:
        self.here: ContextVar[UnderWay | None] = ContextVar("autotrack_sklearn", default=None)
        self._recordings: list[Recording] = []

    def enter(self, call: UnderWay = INSIDE) -> "Entered":
        """Say that a call is under way, until the returned context manager is left."""
        return Entered(self.here, call, self._recordings)

    def of_task(self) -> UnderWay | None:
        """Return what a task belongs to: what is under way in this thread or, in one of joblib's, in this process."""
        call = self.here.get()
        if call is None and len(self._recordings) == 1:
            return self._recordings[0]
        return INSIDE if call is None and self._recordings else call


class Entered:
    """A call that is under way."""

    __slots__ = ("_before", "_call", "_here", "_recordings")

    def __init__(self, here: ContextVar[UnderWay | None], call: UnderWay, recordings: list[Recording]) -> None:
        self._here = here
        self._call = call
        self._before = here.get()
        self._recordings = recordings
        here.set(call)
        if call is not INSIDE:
            recordings.append(cast("Recording", call))

    def leave(self) -> None:
        """Go back to what was under way before."""
        self.__exit__()

    def __enter__(self) -> None:
        return

    def __exit__(self, *_error: object) -> None:
        self._here.set(self._before)
        if self._call is not INSIDE and self._call in self._recordings:
            self._recordings.remove(self._call)
