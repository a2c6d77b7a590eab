"""Which files training reads: those that are open or mapped into its memory when the sidecar looks, once a second.

Training itself does nothing for it. What it opens and closes between two looks is only known to have been opened, and
not by whom (`opened_files.py`). An audit hook would see all of it, but can never be taken off again, and every call of
`id` in the process would take six times as long.
"""

import math
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from autotrack.sidecar.capture.keeping import is_secret_file
from autotrack.sidecar.descriptions import NO_DATA, description
from autotrack.sidecar.opened_files import OpenedFiles

_PROC = Path("/proc")
_MOST_FILES = 200
_QUIET_LOOKS = 20
_SELDOM_SECONDS = 10.0
"""After that many looks at which nothing was new, it is looked so seldom."""

_READ_BY_US = ("/pyproject.toml", "/.gitignore")

_OF_THE_SYSTEM = tuple(
    f"/{name}/" for name in "bin boot dev etc lib lib64 proc run sbin sys usr var/lib var/log".split()
)


class ReadFiles:
    """The files that a process and its children were seen reading, by path.

    Attributes:
        opened: What was opened in the folders of the project and of the files that were seen, by whomever.
    """

    def __init__(self, pid: int, *, proc: Path = _PROC) -> None:
        self._pid = pid
        self._proc = proc
        self._seen: dict[str, None] = {}
        self._quiet = 0
        self._next = 0.0
        installed = (sys.prefix, sys.base_prefix, sys.exec_prefix)
        self._ignored = (*_OF_THE_SYSTEM, *(os.path.join(folder, "") for folder in installed))  # noqa: PTH118
        self.opened = OpenedFiles(_began(proc / str(pid)))
        with suppress(OSError):  # it has ended, or there is no /proc
            self.watch(os.readlink(proc / str(pid) / "cwd"))  # noqa: PTH115  a text

    def watch(self, folder: str) -> None:
        """Hear of what is opened in a folder of the project and in those below it."""
        if not f"{folder}/".startswith(self._ignored):
            self.opened.watch_below(folder)

    def look(self, others: Iterable[int] = ()) -> None:
        """Look at what is open now in the process and in `others`, its children."""
        self.opened.look()
        if time.monotonic() < self._next or len(self._seen) >= _MOST_FILES:
            return
        before = len(self._seen)
        for pid in dict.fromkeys([self._pid, *others]):
            with suppress(OSError):  # it has ended, or is somebody else's
                for path in (*self._opened(pid), *self._mapped(pid)):
                    if path not in self._seen and self.is_data(path) and len(self._seen) < _MOST_FILES:
                        self._seen[path] = None
                        self.opened.watch(os.path.dirname(path))  # noqa: PTH120  a text
        self._quiet = self._quiet + 1 if len(self._seen) == before else 0
        self._next = time.monotonic() + _SELDOM_SECONDS if self._quiet > _QUIET_LOOKS else 0.0

    def described(self, started: float, *, without: Path) -> dict[str, dict[str, Any]]:
        """Return size, modification time and fingerprint of the files that were there before `started`, by path.

        What was written later may be a result. What lies in the folder `without` belongs to autotrack.
        """
        found = {}
        for path in list(self._seen):
            if Path(path).is_relative_to(without):
                continue
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116  any text
                if stat.S_ISREG(status.st_mode) and status.st_mtime <= started:
                    found[path] = description(path, status)
        return found

    def _opened(self, pid: int) -> Iterator[str]:
        """Yield the files that a process has open for reading only."""
        for entry in os.scandir(self._proc / str(pid) / "fd"):
            with suppress(OSError, ValueError, IndexError):
                path = os.readlink(entry.path)  # noqa: PTH115  a text that need not be a path
                if path.startswith("/") and path not in self._seen:
                    text = (self._proc / str(pid) / "fdinfo" / entry.name).read_text()
                    flags = int(text.partition("flags:")[2].split()[0], 8)
                    if flags & os.O_ACCMODE == os.O_RDONLY:
                        yield path

    def _mapped(self, pid: int) -> Iterator[str]:
        """Yield the files that a process has mapped into its memory, as numpy and arrow do, and cannot write."""
        for line in (self._proc / str(pid) / "maps").read_text(errors="surrogateescape").splitlines():
            words = line.split(maxsplit=5)
            if len(words) == 6 and words[5].startswith("/") and "x" not in words[1] and words[1] != "rw-s":
                yield words[5]

    def is_data(self, path: str) -> bool:
        """Whether a file may be data: it is no code, no part of the system or of an environment, and no secret."""
        is_code = path.endswith((*NO_DATA, " (deleted)", *_READ_BY_US)) or ".so." in path
        return not (is_code or path.startswith(self._ignored) or is_secret_file(path))


def _began(process: Path) -> float:
    """Return when a process was started, by its folder in /proc; infinity where that is not known."""
    try:
        ticks = int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[19])
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):  # it has ended, or there is no /proc
        return math.inf
