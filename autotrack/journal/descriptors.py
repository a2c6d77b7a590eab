"""Bounds how many journals of this process are open at the same time: a script may train thousands of models in turn.

Of the journals that are open, the one that was used longest ago is put aside when there is no room for another. It is
closed, and opened again with its next record. A journal that is put aside cannot be locked. A file beside it, such as
`main.jsonl.held`, says which process holds it, so that nobody takes its run for one that was killed.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from autotrack.errors import AutotrackError
from autotrack.journal.files import write_atomically
from autotrack.journal.run_folder import read_bytes

_LIMITS = (16, 256)
_SHARE = 4
"""A fourth of what the process may have open is ours to use, within these limits."""

_MARK_BYTES = 1000


class OpenJournal(Protocol):
    """A journal that has a descriptor."""

    @property
    def last_used(self) -> float:
        """When a record was written to it, more or less."""

    def put_aside(self) -> bool:
        """Give the descriptor up; return False if the journal is in use at this moment."""

    def leave(self) -> None:
        """Close the descriptor that a forked child got from its parent."""


class Descriptors:
    """The journals of this process that have a descriptor."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may open a journal at any moment
        self._open: dict[int, OpenJournal] = {}
        self._most: int | None = None

    def add(self, journal: OpenJournal) -> None:
        """Note that a journal has been opened, and put others aside if there are too many."""
        if self._most is None:
            self._most = _most_open()
        with self._lock:
            self._open[id(journal)] = journal
            if len(self._open) <= self._most:
                return
            for other in sorted(self._open.values(), key=lambda each: each.last_used)[:_SHARE]:
                if other is not journal and other.put_aside():
                    del self._open[id(other)]
                    return

    def remove(self, journal: OpenJournal) -> None:
        """Note that a journal has been closed."""
        with self._lock:
            self._open.pop(id(journal), None)

    def forget(self) -> None:
        """In a forked child, leave the journals to the parent."""
        self._lock = threading.RLock()
        for journal in self._open.values():
            journal.leave()
        self._open = {}


descriptors = Descriptors()


def mark(path: Path) -> None:
    """Say beside a journal that this process holds it, though it is not open. Raises `OSError`."""
    write_atomically(_mark(path), f"{os.uname().nodename} {os.getpid()} {_began(os.getpid())}".encode())


def unmark(path: Path) -> None:
    """Take that back."""
    with suppress(OSError):
        _mark(path).unlink(missing_ok=True)


def is_held(path: Path) -> bool | None:
    """Return whether a live process holds the journal at `path`, put aside; None where that cannot be told."""
    holder = _holder(path)
    if holder is None:
        return False
    host, pid, began = holder
    return _began(pid) == began if host == os.uname().nodename else None


def is_held_by_another(path: Path) -> bool:
    """Return whether another live process holds the journal at `path`."""
    holder = _holder(path)
    return holder is not None and holder[1] != os.getpid() and is_held(path) is True


def _holder(path: Path) -> tuple[str, int, str] | None:
    mark_path = _mark(path)
    try:
        content = read_bytes(path.parent.parent, f"{path.parent.name}/{mark_path.name}", limit_bytes=_MARK_BYTES)
        host, pid, began = content.decode().rsplit(" ", 2)
        return host, int(pid), began
    except (OSError, AutotrackError, ValueError):  # usually there is none
        return None


def _began(pid: int) -> str:
    """Return when a process began, which tells it from a later one of the same number; "" when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    if not Path("/proc/self").exists():  # elsewhere than on Linux, its number has to do
        with suppress(OSError):
            os.kill(pid, 0)
            return "-"
    return ""


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.held")


def _most_open() -> int:
    try:
        import resource  # not on Windows
    except ImportError:
        return _LIMITS[1]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = _LIMITS[1] if limit == resource.RLIM_INFINITY else limit // _SHARE
    return max(_LIMITS[0], min(most, _LIMITS[1]))
