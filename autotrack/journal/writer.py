"""Writes journals: append-only files of records, each with one writer. `reader.py` reads them.

When `append` returns, the operating system has the record, and it survives the death of this process.
"""

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import time

import msgspec

from autotrack.errors import JournalBusyError
from autotrack.journal import locks, records
from autotrack.journal.builtin import as_builtin
from autotrack.journal.descriptors import descriptors, is_held_by_another, mark, unmark
from autotrack.journal.files import OF_THE_DISK
from autotrack.journal.lines import cut_torn_line
from autotrack.journal.records import AnyRecord
from autotrack.journal.run_folder import open_journal
from autotrack.journal.unwritten import Unwritten

_CHECK_SECONDS = 1.0
_LOCK_PATIENCE_SECONDS = 0.2  # a reader that asks whether the journal is locked holds the lock for an instant

# How many forks lead to this process. To ask for the process id with every record would cost more.
_forks = 0


def _count_fork() -> None:
    global _forks  # noqa: PLW0603  forks happen to the whole process
    _forks += 1
    descriptors.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Journal:
    """Appends records to a file, with one `os.write` for each.

    A full disk, a short write and a vanished folder raise nothing. Records that could not be written wait on another
    disk (`Unwritten`), and are written in order when there is room again: by this journal, by the next one of the same
    path, or by `autotrack sync`. A vanished folder is noticed within a second; it is created again, and its journal
    begins with the first record of the old one. A forked child that appends gets a file of its own, named after its
    process id. Where a process has many journals, some are closed until their next record.

    Args:
        path: The file. Its folders are created.
        on_problem: Called once, with a sentence, when something could not be written.
        each_second: Called about once a second while there are records to append.
        may_wait: Whether a disk that does not even take the file raises nothing either.

    Raises:
        JournalBusyError: A live process is writing to the same file.
        OSError: The file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_problem: Callable[[str], None],
        each_second: Callable[[], None] = lambda: None,
        may_wait: bool = False,
    ) -> None:
        self.path = path
        self._each_second = each_second
        self._on_problem = on_problem
        self._lock = threading.RLock()  # reentrant: a signal handler may log while another record is being written
        self._has_reported = False
        self._head = b""
        self._forks = _forks
        self._unwritten = Unwritten(path)
        self._fd = -1
        self._is_aside = False
        self._next_check = 0.0
        try:
            self._open()
        except OSError as error:
            if not may_wait or error.errno not in OF_THE_DISK:
                raise
            self._is_aside = True
            self._report_refusal(error)

    def append(self, record: AnyRecord) -> None:
        """Write one record. When this returns, the operating system has it.

        This raises nothing, unless the journal was closed: then it is opened again, as at first.
        """
        try:
            line = records.encode(record) + b"\n"
        except UnicodeEncodeError:  # names of files and arguments may hold bytes that are not text
            line = encode_replacing(record) + b"\n"
        if self._forks != _forks:
            self._move_to_own_file()
        with self._lock:
            if self._fd < 0 and not self._open_again():
                self._keep(line)
                return
            if not self._head:
                self._head = line
            if not 0.0 < self._next_check - record.time <= _CHECK_SECONDS:  # also when the clock was set back
                self._check_folder(record.time)
            waiting = self._unwritten
            if (
                waiting.memory or waiting.path
            ) and not self._bring_home():  # `bool(waiting)` is one call more a record
                self._keep(line)
                return
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                self._keep(line, error)
                return
            if written < len(line):  # the disk is full: what is torn now is cut off before anything else is written
                self._keep(line)
                self._bring_home()

    def close(self) -> None:
        """Write what can still be written, and let other processes continue this journal.

        To close it again tries once more to write what no disk has taken.
        """
        if self._forks != _forks:  # in a forked child, the file, its lock and what waits are its parent's
            return
        with self._lock:
            if self._is_aside:
                self._is_aside = False
                unmark(self.path)
            if self._fd < 0 and self._unwritten:
                with suppress(OSError, JournalBusyError):
                    self._open()
            if self._fd >= 0:
                self._bring_home()
                descriptors.remove(self)
                self._close()
            self._unwritten.close()
            self._unwritten.tell_what_is_lost()

    @property
    def last_used(self) -> float:
        """The time of the last record, to the second."""
        return self._next_check

    def put_aside(self) -> bool:
        """Give the descriptor to other journals until the next record; return False if this one is in use."""
        if self._forks != _forks or not self._lock.acquire(blocking=False):
            return False
        try:
            if self._unwritten or self._fd < 0:
                return False
            mark(self.path)
            self._is_aside = True
            self._close()
        except OSError:
            return False
        finally:
            self._lock.release()
        return True

    def leave(self) -> None:
        """Close what a forked child got from its parent: it may live longer, and would keep the lock."""
        self._unwritten.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def lost_records(self) -> int:
        """How many records no disk has taken: they are in memory, or were dropped."""
        return self._unwritten.in_memory if self._forks == _forks else 0

    @property
    def waiting_file(self) -> Path | None:
        """The file that holds records which the disk of the run has refused; None if there are none."""
        return self._unwritten.path if self._forks == _forks else None

    def _close(self) -> None:
        locks.unlock(self._fd)  # forked children share the lock and may outlive this process
        os.close(self._fd)
        self._fd = -1

    def _open_again(self) -> bool:
        """Open the journal with its next record. One that was put aside is as good as open, so this raises nothing."""
        if not self._is_aside:
            self._open()
            return True
        try:
            self._open()
        except (OSError, JournalBusyError) as error:
            self._report(f"it cannot be opened again: {error}")
            return False
        self._is_aside = False
        unmark(self.path)
        return True

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Also readable, to find a line that a killed process left torn.
        self._fd = open_journal(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        is_ours = locks.lock(self._fd, patience_seconds=_LOCK_PATIENCE_SECONDS)
        if not is_ours or is_held_by_another(self.path):
            os.close(self._fd)
            self._fd = -1
            raise JournalBusyError(f"{self.path} is being written by another process that is still running")
        descriptors.add(self)
        cut_torn_line(self._fd)
        self._next_check = time() + _CHECK_SECONDS
        if self._unwritten:
            self._unwritten.open_again()
        else:
            self._unwritten = Unwritten(self.path)
        if not self._head:
            self._unwritten.take_over()
        elif not os.fstat(self._fd).st_size:
            self._unwritten.begin_anew(self._head, self._fd)

    def _move_to_own_file(self) -> None:
        """Leave the file, its lock and what waits to the parent of this forked child, and open a file of its own."""
        self._forks = _forks
        self._lock = threading.RLock()
        self._head = b""
        self._is_aside = False
        self.path = self.path.with_name(f"{self.path.stem}-{os.getpid()}.jsonl")
        self._unwritten = Unwritten(self.path)
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

    def _keep(self, line: bytes, error: OSError | None = None) -> None:
        self._unwritten.keep(line, self._fd)
        if error is not None:
            self._report_refusal(error)

    def _bring_home(self) -> bool:
        """Write what waits, oldest first; returns whether all of it was written."""
        try:
            self._unwritten.bring_home(self._fd)
        except OSError as error:
            self._report_refusal(error)
            return False
        return True

    def _report_refusal(self, error: OSError) -> None:
        waits = self._unwritten.path
        kept = f"is kept in {waits} until it has room, or until: autotrack sync" if waits else "waits in memory"
        self._report(f"{error.strerror} ({self.path}); what it refuses {kept}")

    def _report(self, message: str) -> None:
        if not self._has_reported:
            self._has_reported = True
            self._on_problem(message)


def encode_replacing(record: AnyRecord) -> bytes:
    r"""Encode a record that `records.encode` refuses. Bytes in it that are not text become `\udc80` or so."""
    import json  # here, because it is hardly ever needed

    text = json.dumps(msgspec.to_builtins(record, enc_hook=as_builtin), ensure_ascii=False, separators=(",", ":"))
    return re.sub("[\ud800-\udfff]", lambda lone: rf"\\u{ord(lone[0]):x}", text).encode()
