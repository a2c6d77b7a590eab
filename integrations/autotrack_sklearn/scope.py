"""What is under way: the outermost call owns the run, and every call inside it is a part of that.

A context variable says what is under way in this thread. The threads of joblib start with an empty one; a task that
scikit-learn runs in such a thread belongs to the only recording there is.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from autotrack_sklearn.recording import Recording


class _Inside:
    """Something is under way of which nothing inside is recorded."""


INSIDE: Final = _Inside()

_under_way: ContextVar["Recording | _Inside | None"] = ContextVar("autotrack_sklearn", default=None)
_recordings: list["Recording"] = []


def is_inside() -> "Recording | _Inside | None":
    """Return what is under way here, or None; this is what a nested call costs."""
    return _under_way.get()


def enter(what: "Recording | _Inside") -> "Recording | _Inside | None":
    """Say what is under way from here on; return what was before, for `leave`."""
    before = _under_way.get()
    _under_way.set(what)
    return before


def leave(before: "Recording | _Inside | None") -> None:
    """Go back to what was under way before."""
    _under_way.set(before)


def open_recording(recording: "Recording") -> None:
    """Add a recording to those of this process."""
    _recordings.append(recording)


def close_recording(recording: "Recording") -> None:
    """Take a recording from those of this process."""
    if recording in _recordings:
        _recordings.remove(recording)


def recording_here() -> "Recording | _Inside | None":
    """Return what is under way in this thread or, in a thread of joblib's, the only recording of this process."""
    found = _under_way.get()
    if found is None and len(_recordings) == 1:
        return _recordings[0]
    return INSIDE if found is None and _recordings else found
