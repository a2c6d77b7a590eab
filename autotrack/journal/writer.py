"""Writes journals: append-only files of records, each with one writer. `reader.py` reads them.

When `append` returns, the operating system has the record, and it survives the death of this process.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import time

from autotrack.errors import JournalBusyError
from autotrack.journal import locks, records
from autotrack.journal.lines import end_of_last_line
from autotrack.journal.records import AnyRecord
from autotrack.journal.run_folder import open_journal

BACKLOG_BYTES = 16 * 2**20
"""How much is kept in memory while the disk refuses to take it. What exceeds this is counted and dropped."""

_CHECK_SECONDS = 1.0
_LOCK_PATIENCE_SECONDS = 0.2  # a reader that asks whether the journal is locked holds the lock for an instant

# How many forks lead to this process. To ask for the process id with every record would cost more.
_forks = 0


def _count_fork() -> None:
    global _forks  # noqa: PLW0603  forks happen to the whole process
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Journal:
    """Appends records to a file, with one `os.write` for each.

    A full disk, a short write and a vanished folder raise nothing. Records that could not be written are kept in
    memory up to `BACKLOG_BYTES`, and written in order when there is room again. A vanished folder is noticed within a
    second; it is created again, and its journal begins with the first record of the old one. A forked child that
    appends gets a file of its own, named after its process id.

    Args:
        path: The file. Its folders are created.
        on_problem: Called once, with a sentence, when something could not be written.
        each_second: Called about once a second while there are records to append.

    Raises:
        JournalBusyError: A live process is writing to the same file.
    """

    def __init__(
        self, path: Path, *, on_problem: Callable[[str], None], each_second: Callable[[], None] = lambda: None
    ) -> None:
        self.path = path
        self._each_second = each_second
        self._on_problem = on_problem
        self._lock = threading.RLock()  # reentrant: a signal handler may log while another record is being written
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._begun = 0  # how many bytes of the first line of the backlog are in the file already
        self._dropped = 0
        self._has_reported = False
        self._head = b""
        self._forks = _forks
        self._fd = -1
        self._open()

    def append(self, record: AnyRecord) -> None:
        """Write one record. When this returns, the operating system has it.

        This raises nothing, unless the journal was closed: then it is opened again, as at first.
        """
        try:
            line = records.encode(record) + b"\n"
        except UnicodeEncodeError:  # names of files and arguments may hold bytes that are not text
            line = records.encode_replacing(record) + b"\n"
        if self._forks != _forks:
            self._move_to_own_file()
        with self._lock:
            if self._fd < 0:
                self._open()
            if not self._head:
                self._head = line
            if not 0.0 < self._next_check - record.time <= _CHECK_SECONDS:  # also when the clock was set back
                self._check_folder(record.time)
            if self._backlog and not self._write_backlog():
                self._keep(line)
                return
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                self._keep(line)
                self._report(f"{error.strerror} ({self.path})")
                return
            if written < len(line):  # the rest is written before anything else, so no torn line stays in the middle
                self._backlog.append(line)
                self._backlog_bytes += len(line)
                self._begun = written
                self._write_backlog()

    def close(self) -> None:
        """Write what can still be written, and let other processes continue this journal."""
        if self._forks != _forks:  # in a forked child, the file, its lock and the backlog are its parent's
            self._forget_backlog()
            return
        with self._lock:
            if self._fd < 0:
                return
            self._write_backlog()
            locks.unlock(self._fd)  # forked children share the lock and may outlive this process
            os.close(self._fd)
            self._fd = -1

    @property
    def unwritten_records(self) -> int:
        """How many records wait in memory, or were dropped, because the disk refused them."""
        return len(self._backlog) + self._dropped

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Also readable, to find a line that a killed process left torn.
        self._fd = open_journal(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        if not locks.lock(self._fd, patience_seconds=_LOCK_PATIENCE_SECONDS):
            os.close(self._fd)
            self._fd = -1
            raise JournalBusyError(f"{self.path} is being written by another process that is still running")
        _cut_torn_line(self._fd)
        self._begun = 0
        self._next_check = time() + _CHECK_SECONDS
        if self._head and self._head not in self._backlog and not os.fstat(self._fd).st_size:
            # The folder had vanished: the new file begins as the old one did.
            self._backlog.appendleft(self._head)
            self._backlog_bytes += len(self._head)

    def _move_to_own_file(self) -> None:
        """Leave the file, its lock and the backlog to the parent of this forked child, and open a file of its own."""
        self._forks = _forks
        self._lock = threading.RLock()
        self._head = b""
        self._forget_backlog()
        self.path = self.path.with_name(f"{self.path.stem}-{os.getpid()}.jsonl")
        try:
            self._open()
        except (OSError, JournalBusyError) as error:
            self._fd = os.open(os.devnull, os.O_WRONLY)
            self._report(f"a forked process cannot open a journal of its own: {error}")

    def _check_folder(self, now: float) -> None:
        self._next_check = now + _CHECK_SECONDS
        self._each_second()
        if os.name != "posix" or os.fstat(self._fd).st_nlink:
            return
        vanished = self._fd
        try:
            self._open()
        except (OSError, JournalBusyError) as error:
            self._fd = vanished
            self._report(f"the folder {self.path.parent} vanished and cannot be made again: {error}")
        else:
            os.close(vanished)
            self._report(f"the folder {self.path.parent} vanished; it was made again from here on")

    def _keep(self, line: bytes) -> None:
        if self._backlog_bytes + len(line) > BACKLOG_BYTES:
            self._dropped += 1
            return
        self._backlog.append(line)
        self._backlog_bytes += len(line)

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self._backlog_bytes = self._begun = self._dropped = 0

    def _write_backlog(self) -> bool:
        """Write the backlog, oldest first; returns whether all of it was written."""
        while self._backlog:
            line = self._backlog[0]
            try:
                self._begun += os.write(self._fd, line[self._begun :])
            except OSError as error:
                self._report(f"{error.strerror} ({self.path})")
                return False
            if self._begun == len(line):
                self._backlog.popleft()
                self._backlog_bytes -= len(line)
                self._begun = 0
        if self._dropped:
            message = f"{self._dropped} records were dropped because the disk did not take them in time"
            self._dropped = 0
            notice = records.Notice(time=time(), about="journal", message=message)
            self._keep(records.encode(notice) + b"\n")
            return self._write_backlog()
        return True

    def _report(self, message: str) -> None:
        if not self._has_reported:
            self._has_reported = True
            self._on_problem(message)


def _cut_torn_line(fd: int) -> None:
    """Remove the half line that a killed writer may have left.

    Nobody can read it, and it must not stand in the middle of the file once more is appended.
    """
    end = end_of_last_line(fd)
    if end < os.fstat(fd).st_size:
        os.ftruncate(fd, end)
