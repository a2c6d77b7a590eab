"""A file of lines that stays below a limit, with unfinished lines at its end."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from time import sleep
from types import ModuleType

from autotrack.journal.run_folder import open_file, replace_file
from autotrack.journal.unwritten_output import WaitingLines

_fcntl: ModuleType | None
try:
    import fcntl as _fcntl  # not on Windows, where nothing forks either
except ImportError:
    _fcntl = None

_CHECK_SECONDS = 1.0
_MOST_UNWRITTEN_BYTES = 2**18
_LEFT_OUT = re.compile(rb"^\[autotrack left out (\d+) lines, (\d+) bytes\]\n", re.MULTILINE)


class BoundedFile:
    """A file that grows at its end and loses its middle. Lines in progress stand at its end and are replaced.

    The file is made when there is a line to keep; `on_begin` is called then. Forked children (`is_ours` is False) only
    append to it. The process that made it also replaces lines in progress and shortens the file. It locks the file
    meanwhile, so that no line of a child is lost, and children lock it while they append. Nobody waits long for a
    lock. What the disk refuses waits on another one. `on_problem` is called once, with a sentence, and when lines are
    lost for good.
    """

    def __init__(
        self,
        path: Path,
        limit_bytes: int,
        *,
        on_begin: Callable[[], None],
        on_problem: Callable[[str], None],
        is_ours: bool,
        clock: Callable[[], float],
    ) -> None:
        self._path = path
        self._limit_bytes = self._shorten_above = limit_bytes
        self._on_begin = on_begin
        self._on_problem = on_problem
        self._clock = clock
        self.is_ours = is_ours
        self._fd = -1
        self._identity = (-1, -1)
        self._size = 0  # as far as this process knows
        self._progress = b""  # lines in progress that it wrote after the last final line,
        self._progress_offset = 0  # and where
        self._unwritten = b""  # what the disk has not taken yet
        self._waiting: WaitingLines | None = None  # those that wait on another disk, once there were any
        self._lost_lines = 0
        self._next_check = self._next_try = 0.0
        self._has_reported = self._begun = self._closed = False

    def write(self, final: bytes, progress: bytes) -> None:
        """Append final lines and, after them, lines in progress that replace those of the last call."""
        if self._closed:  # by a signal handler in the middle of a print
            return
        if not self.is_ours:
            if final:
                self._append_in_child(final)
            return
        if not self._begun:
            if not final and not progress:
                return
            self._begin()
        self._unwritten += final
        if not (progress or self._progress or self._size > self._shorten_above or self._clock() >= self._next_check):
            self._append(b"")
            return
        try:
            locked = _lock(self._fd, exclusive=True)
            try:
                self._check(locked=locked)
                self._append(progress if locked else b"")
            finally:
                _unlock(self._fd)
        except OSError as error:
            self._set_aside()
            self._report(error)

    @property
    def was_made_by_child(self) -> bool:
        """Whether forked children alone have written lines."""
        return self.is_ours and not self._begun and self._path.exists()

    def close(self) -> None:
        """Close the file."""
        if self.is_ours and self._begun and not self._closed:
            self._write_the_rest()
        self._closed = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _begin(self) -> None:
        self._begun = True
        try:
            self._open()
            if self._size and os.pread(self._fd, 1, self._size - 1) != b"\n":  # half a line of a killed process
                self._size += os.write(self._fd, b"\n")
        except OSError as error:
            self._report(error)
        self._on_begin()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = open_file(self._path.parent, self._path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        status = os.fstat(self._fd)
        self._identity = (status.st_dev, status.st_ino)
        self._size = status.st_size
        self._progress = b""

    def _append(self, progress: bytes) -> None:
        final = self._all_unwritten()
        if self._waiting and not self._bring_home():
            self._set_aside()
            return
        if not final and not progress:
            return
        try:
            written = os.write(self._fd, final + progress)
        except OSError as error:
            self._set_aside()
            self._report(error)
            return
        self._lost_lines = 0
        self._unwritten = final[written:]
        self._progress_offset = self._size + len(final)
        self._progress = progress[: max(0, written - len(final))]
        self._size += written
        if self._unwritten:
            self._set_aside()

    def _bring_home(self) -> bool:
        """Write what waits on another disk, asking once a second; returns whether all of it was written."""
        if self._waiting is None or self._clock() < self._next_try:
            return False
        self._next_try = self._clock() + _CHECK_SECONDS
        try:
            self._waiting.bring_home(self._fd)
        except OSError as error:
            self._report(error)
            return False
        self._size = os.fstat(self._fd).st_size
        return True

    def _set_aside(self) -> None:
        """Keep what the disk has not taken on another one, or else in memory, as far as there is room."""
        self._waiting = self._waiting or WaitingLines(self._path)
        pending = self._all_unwritten()
        if pending and self._waiting.keep(pending):
            self._unwritten, self._lost_lines = b"", 0
        else:
            self._bound_unwritten()

    def _all_unwritten(self) -> bytes:
        lost = b"\n[autotrack lost %d lines: the disk was full]\n" % self._lost_lines if self._lost_lines else b""
        return lost + self._unwritten

    def _write_the_rest(self) -> None:
        self._next_try = 0.0
        if self._unwritten or self._waiting or self._lost_lines:
            self._append(b"")
        if lost := self._lost_lines + self._unwritten.count(b"\n"):
            self._on_problem(f"{lost} lines of {self._path.name} are lost, because no disk took them")

    def _bound_unwritten(self) -> None:
        excess = len(self._unwritten) - _MOST_UNWRITTEN_BYTES
        if excess > 0:
            cut = self._unwritten.find(b"\n", excess) + 1
            self._lost_lines += self._unwritten.count(b"\n", 0, cut)
            self._unwritten = self._unwritten[cut:]

    def _check(self, *, locked: bool) -> None:
        """Remove the lines in progress, make the file again if it vanished, and shorten it if it is too long."""
        self._next_check = self._clock() + _CHECK_SECONDS
        self._stay_with_the_path()
        self._size = os.fstat(self._fd).st_size
        if self._progress and locked and self._size == self._progress_offset + len(self._progress):
            os.ftruncate(self._fd, self._progress_offset)
            self._size = self._progress_offset
        self._progress = b""
        if locked and self._size + len(self._unwritten) > self._shorten_above:
            try:
                self._shorten()
            except OSError as error:
                self._shorten_above = self._size + self._limit_bytes // 2
                self._report(error)

    def _stay_with_the_path(self) -> None:
        status = None
        with contextlib.suppress(OSError):  # somebody closed all descriptors
            status = os.fstat(self._fd)
        if status is None or (status.st_dev, status.st_ino) != self._identity:  # and perhaps opened others
            self._fd = -1
            self._open()
        elif not status.st_nlink:
            vanished = self._fd
            self._open()
            os.close(vanished)
            self._report_once(f"{self._path} vanished; it was made again from here on")

    def _shorten(self) -> None:
        """Keep the first tenth and the last half of the limit, and count what is left out between them."""
        most_head = self._limit_bytes // 10
        head = os.pread(self._fd, most_head + 100, 0)
        earlier = _LEFT_OUT.search(head)
        if earlier:
            kept, begin, lines, size = earlier.start(), earlier.end(), int(earlier[1]), int(earlier[2])
        else:
            kept = begin = head.rfind(b"\n", 0, most_head) + 1
            lines = size = 0
        end = max(begin, self._size - self._limit_bytes // 2)
        tail = os.pread(self._fd, self._size - end, end)
        cut = tail.find(b"\n") + 1
        size += end + cut - begin
        lines += tail.count(b"\n", 0, cut)
        while begin < end:
            part = os.pread(self._fd, min(2**20, end - begin), begin)
            lines += part.count(b"\n")
            begin += len(part) or end
        left_out = b"[autotrack left out %d lines, %d bytes]\n" % (lines, size)
        replace_file(self._path.parent, self._path.name, head[:kept] + left_out + tail[cut:])
        os.close(self._fd)  # and release the lock with it
        self._open()
        _lock(self._fd, exclusive=True)
        self._shorten_above = self._limit_bytes

    def _append_in_child(self, lines: bytes) -> None:
        try:
            if self._fd < 0:  # the parent has not printed yet
                self._open()
            for _ in range(100):
                if not _lock(self._fd, exclusive=False):
                    sleep(0.001)
                elif self._is_at_path():
                    break
                else:  # the parent has replaced it by a shorter one
                    os.close(self._fd)
                    self._open()
            if os.fstat(self._fd).st_size < 2 * self._limit_bytes:  # more only if the parent has long been silent
                os.write(self._fd, lines)
            _unlock(self._fd)
        except OSError as error:
            self._report(error)

    def _is_at_path(self) -> bool:
        try:
            status = self._path.stat()
        except FileNotFoundError:  # the parent will notice
            return True
        return (status.st_dev, status.st_ino) == self._identity

    def _report(self, error: OSError) -> None:
        waits = self._waiting.path if self._waiting else None
        where = f"; what it refuses is kept in {waits} until it has room, or until: autotrack sync" if waits else ""
        self._report_once(f"{error.strerror} ({self._path}){where}")

    def _report_once(self, message: str) -> None:
        if not self._has_reported:
            self._has_reported = True
            self._on_problem(message)


def _lock(fd: int, *, exclusive: bool) -> bool:
    """Lock a file for this process unless another one has locked it. On systems without locks, nobody ever has."""
    if _fcntl is None or fd < 0:
        return True
    try:
        _fcntl.lockf(fd, (_fcntl.LOCK_EX if exclusive else _fcntl.LOCK_SH) | _fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _unlock(fd: int) -> None:
    if _fcntl is not None and fd >= 0:
        with contextlib.suppress(OSError):
            _fcntl.lockf(fd, _fcntl.LOCK_UN)
