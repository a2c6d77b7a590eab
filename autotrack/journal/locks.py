"""Locks on files, which tell other processes that somebody is at work.

They are `flock` locks: they belong to the open file, so a forked child shares its parent's lock, and the system
releases them when the last process that holds the file open dies. There is no library here, because it comes to one
system call, and because what matters is the answer where nothing can be locked: on Windows and on file systems
without locks, `lock` says yes and `is_locked` says that it cannot tell.
"""

import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType

_fcntl: ModuleType | None
try:
    import fcntl as _fcntl  # not on Windows
except ImportError:
    _fcntl = None

_RETRY_SECONDS = 0.002
_ONLY_ASKED = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
"""In the place of a file may be a pipe, which would be waited for, or a link, which could lead anywhere."""


def lock(fd: int, *, patience_seconds: float = 0.0) -> bool:
    """Lock an open file for this process alone; returns False when another one still has it after `patience_seconds`.

    A process that asks `is_locked` holds the lock for an instant, so files that others ask about need some patience.
    """
    if _fcntl is None:
        return True
    deadline = monotonic() + patience_seconds
    while True:
        try:
            _fcntl.flock(fd, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                return False
            sleep(_RETRY_SECONDS)
        except OSError:  # a file system without locks
            return True
        else:
            return True


def unlock(fd: int) -> None:
    """Release the lock. Closing the file is not enough while a forked child still has it open."""
    if _fcntl is not None:
        with suppress(OSError):
            _fcntl.flock(fd, _fcntl.LOCK_UN)


def is_locked(path: Path) -> bool | None:
    """Return whether a process has locked the file at `path`; None where that cannot be told."""
    if _fcntl is None:
        return None
    try:
        fd = os.open(path, _ONLY_ASKED)
    except OSError:
        return False
    try:
        _fcntl.flock(fd, _fcntl.LOCK_SH | _fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    else:
        return False
    finally:
        os.close(fd)
