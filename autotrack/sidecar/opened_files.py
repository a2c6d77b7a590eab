"""Which files are opened for an instant in the folders of a project: the kernel says so when they are closed (Linux).

Training does nothing for it and is not slowed down. The kernel does not say who it was, so another program may have
read such a file while training went on. Written files do not count, nor folders in which more is opened than anybody
wants to know. What was read before anybody watched is told by the access times of files, where they are kept: most
file systems note the first reading after a file was written, and then one a day.
"""

import ctypes
import math
import os
import stat
import struct
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from time import monotonic

from autotrack.journal.outputs import is_output

_MOST_FOLDERS, _MOST_LISTED, _LISTING_SECONDS, _ASKING_SECONDS = 500, 2000, 0.2, 0.1
_MOST_FILES, _MOST_EVENTS = 50, 2000
"""In a folder. When there were more, it is not watched any longer."""

_QUIET_SECONDS = 300.0
"""After that long without a new file, watching ends: few programs of a user can watch anything at the same time."""


class OpenedFiles:
    """The files that were opened for reading, and closed again, in the folders that are watched.

    Attributes:
        paths: The files, of folders in which few were opened.
        crowded: The folders in which many were opened.

    Args:
        since: Also what was read from this time on, before the folder was watched.
    """

    def __init__(self, since: float = math.inf) -> None:
        self._since = since
        self.paths: dict[str, None] = {}
        self.crowded: dict[str, None] = {}
        self._inotify = _Inotify.new()
        self._watched: dict[int, _Folder] = {}
        self._tops: set[str] = set()
        self._until = monotonic() + _QUIET_SECONDS

    def watch(self, folder: str) -> None:
        """Watch a folder without those in it. One in which anything may lie is not, such as the home of the user."""
        self._watch([folder])

    def watch_below(self, top: str) -> None:
        """Watch a folder and those below it, or that links lead to, which may hold data: the nearest, not too many."""
        if self._inotify is not None and top not in self._tops and not _has_anything(top):
            self._tops.add(top)
            self._watch(_folders_below(top))

    def look(self) -> None:
        """Take up what has been opened since the last call."""
        if self._inotify is None:
            return
        for number, name in self._inotify.closed():
            self._take(number, name)
        if monotonic() > self._until:
            self._inotify = None

    def _watch(self, folders: Iterable[str]) -> None:
        """Watch folders, and only then ask what has been read in them before, so that nothing comes in between."""
        new = [number for folder in folders if (number := self._add(folder)) is not None]
        until = monotonic() + _ASKING_SECONDS
        for number in new:
            if self._since < math.inf and monotonic() < until:
                for name in _read_since(self._since, self._watched[number].path):
                    self._take(number, name)

    def _add(self, folder: str) -> int | None:
        """Watch a folder, and return its number; None if it cannot be watched, or was before."""
        if self._inotify is None or len(self._watched) >= _MOST_FOLDERS or _has_anything(folder):
            return None
        number = self._inotify.add(folder)
        if number < 0 or number in self._watched:
            return None
        self._watched[number] = _Folder(folder)
        return number

    def _take(self, number: int, name: str) -> None:
        folder = self._watched.get(number)
        if folder is None or self._inotify is None:
            return
        if folder.add(name):
            self._until = monotonic() + _QUIET_SECONDS
            self.paths[folder.path_of(name)] = None
        if folder.is_crowded:
            self._leave(number, self._inotify)

    def _leave(self, number: int, inotify: "_Inotify") -> None:
        folder = self._watched.pop(number)
        inotify.remove(number)
        if len(folder.names) > _MOST_FILES:
            self.crowded[folder.path] = None
            for name in folder.names:
                self.paths.pop(folder.path_of(name), None)


class _Folder:
    """A folder that is watched, and what was opened in it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: set[str] = set()
        self._events = 0

    @property
    def is_crowded(self) -> bool:
        return self._events > _MOST_EVENTS or len(self.names) > _MOST_FILES

    def path_of(self, name: str) -> str:
        return os.path.join(self.path, name)  # noqa: PTH118  any text

    def add(self, name: str) -> bool:
        """Count that a file was opened; return whether that is news."""
        self._events += 1
        is_new = name not in self.names
        self.names.add(name)
        return is_new


class _Inotify:
    """What the kernel tells of some folders: inotify(7). It ends with the object."""

    CLOSED_AFTER_READING, ONLY_FOLDERS, IS_FOLDER = 0x10, 0x1000000, 0x40000000
    EVENT = struct.Struct("iIII")
    AT_ONCE, MOST_READS = 2**16, 32
    """The kernel keeps no more than that many times so much."""

    def __init__(self, libc: ctypes.CDLL, fd: int) -> None:
        self._libc, self._fd = libc, fd

    def __del__(self) -> None:
        os.close(self._fd)

    @classmethod
    def new(cls) -> "_Inotify | None":
        """Return a new one; None where the system has none, or no more of them for this user."""
        if sys.platform != "linux":
            return None
        try:
            libc = ctypes.CDLL(None)
            fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):  # a library without it
            return None
        return cls(libc, fd) if fd >= 0 else None

    def add(self, folder: str) -> int:
        """Watch a folder; return its number, or a negative one if it cannot be watched."""
        mask = self.CLOSED_AFTER_READING | self.ONLY_FOLDERS
        return int(self._libc.inotify_add_watch(self._fd, os.fsencode(folder), ctypes.c_uint32(mask)))

    def remove(self, number: int) -> None:
        """Watch a folder no longer."""
        self._libc.inotify_rm_watch(self._fd, number)

    def closed(self) -> Iterator[tuple[int, str]]:
        """Yield the number of the folder and the name of each file that was closed after it had only been read."""
        with suppress(BlockingIOError):
            for _ in range(self.MOST_READS):
                content, place = os.read(self._fd, self.AT_ONCE), 0
                while place < len(content):
                    number, mask, _, length = self.EVENT.unpack_from(content, place)
                    place += self.EVENT.size + length
                    if mask & self.CLOSED_AFTER_READING and not mask & self.IS_FOLDER and length:
                        yield number, os.fsdecode(content[place - length : place].rstrip(b"\0"))


def _read_since(since: float, folder: str) -> list[str]:
    """Return the names of the files in a folder that have been read since then, and not only been written."""
    with suppress(OSError), os.scandir(folder) as listing:
        return [entry.name for entry in islice(listing, _MOST_LISTED) if _was_read(entry, since)]
    return []


def _was_read(entry: "os.DirEntry[str]", since: float) -> bool:
    with suppress(OSError):  # it is gone, or a link to nowhere
        status = entry.stat()
        return stat.S_ISREG(status.st_mode) and max(since, status.st_ctime) < status.st_atime
    return False


def _folders_below(top: str) -> Iterator[str]:
    """Yield a folder and those below it, without environments, what is hidden and what trainings write to."""
    waiting, until = deque([os.path.realpath(top)]), monotonic() + _LISTING_SECONDS
    known = set(waiting)
    while waiting and len(known) < _MOST_FOLDERS and monotonic() < until:
        folder = waiting.popleft()
        with suppress(OSError):
            inner = _folders_in(folder)
            if inner is not None:
                yield folder
                waiting += [one for one in inner if one not in known]
                known.update(inner)


def _folders_in(folder: str) -> list[str] | None:
    """Return where the folders in a folder are that may hold data; None if it is an environment of Python."""
    with os.scandir(folder) as listing:
        entries = list(islice(listing, _MOST_LISTED))
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return None
    chosen = (entry.path for entry in entries if _may_hold_data(entry.name) and _is_folder(entry))
    return sorted(path for path in map(os.path.realpath, chosen) if not _has_anything(path))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))  # noqa: PTH112


def _may_hold_data(name: str) -> bool:
    return not name.startswith((".", "__")) and name != "node_modules" and not is_output(f"{name}/file")


def _has_anything(folder: str) -> bool:
    home = os.environ.get("HOME") or os.sep
    return any(f"{one}/".startswith(f"{folder.rstrip(os.sep)}/") for one in (home, tempfile.gettempdir()))
