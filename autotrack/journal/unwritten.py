"""Records that the disk of a run has refused. They wait on another disk, or in memory, until they can be brought home.

The lines that a journal could not take go into a file of the user's state folder, or else of the temporary folder, so
they outlive the process. The file begins with a line that says which journal it belongs to and how long that was: by
that, whoever brings the lines home knows which of them have arrived already. Only where no other disk has room either,
lines wait in memory, up to `MEMORY_BYTES`, and an empty file says that they may be lost (`lost.py`).
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import time
from zlib import crc32

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal import locks, records
from autotrack.journal.files import above_standard_streams
from autotrack.journal.lines import cut_torn_line, end_of_last_line
from autotrack.journal.lost import LossTold, losses_in
from autotrack.journal.own_folders import is_private, own_folders
from autotrack.journal.run_folder import open_journal

MEMORY_BYTES = 16 * 2**20
"""How much is kept in memory. What exceeds this is counted and dropped."""

_FIRST_BYTES, _BLOCK_BYTES = 2**12, 2**20
"""A disk that may still be full is offered little at first, because it is asked with every record."""


class Header(msgspec.Struct):
    """The first line of a file of unwritten lines: the `journal` they belong to, its run, and how long it was.

    `length` has a fixed number of digits, so that it can be replaced where it stands.
    """

    journal: str
    run_id: str
    length: str


_decode = msgspec.json.Decoder(Header).decode

_END, _NOTICE = b'{"record":"RunFinished"', b'{"record":"Notice"'


class Unwritten:
    """The lines of one journal that wait for room, oldest first. They belong to whoever has locked the journal.

    Attributes:
        memory: Those that are in no file yet.
        path: The file that holds them; None while there is none.
        dropped: How many lines were dropped, because there was no room for them anywhere.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self.memory: deque[bytes] = deque()
        self._memory_bytes = 0
        self._fd = -1
        self._size = self._header_size = self._length = 0
        self._header = Header(str(journal.absolute()), "", "")
        self._told = LossTold(journal)
        self.path: Path | None = None
        self.dropped = 0
        for folder in own_folders("unwritten"):
            if os.path.exists(path := f"{folder}/{_name_for(journal)}"):  # noqa: PTH110  asked for every journal
                self.adopt(Path(path))

    def __bool__(self) -> bool:
        return bool(self.memory or self.path or self.dropped)

    @property
    def in_memory(self) -> int:
        """How many lines are lost with this process if they are not brought home, or were dropped."""
        return len(self.memory) + self.dropped

    def adopt(self, path: Path) -> None:
        """Go on with the file of an earlier process."""
        if self.path is not None or not is_private(path.parent):
            return
        with suppress(OSError, ValueError, msgspec.DecodeError):
            fd = above_standard_streams(os.open(path, _FLAGS))
            header = os.pread(fd, 2**16, 0).partition(b"\n")[0] + b"\n"
            self._header = _decode(header)
            self._length, self._header_size = int(self._header.length), len(header)
            self._fd, self._size = fd, end_of_last_line(fd)
            self.path = path

    def open_again(self) -> None:
        """Go on after `close`; what waited may have been brought home meanwhile."""
        if self.path is not None and self._fd < 0:
            path, self.path = self.path, None
            self.adopt(path)

    def take_over(self, *, ends: bool = True) -> None:
        """Have lines wait that stand for what an earlier process could write nowhere, if there is anything.

        The end of the run is only among them with `ends`.
        """
        for record in self._told.take_over():
            if ends or not isinstance(record, records.RunFinished):
                self._remember(records.encode(record) + b"\n")

    def keep(self, line: bytes, journal_fd: int) -> None:
        """Keep a line that the journal, which is open as `journal_fd`, has refused."""
        is_full = self._memory_bytes + len(line) > MEMORY_BYTES
        if is_full and not line.startswith(_END) and not self._save(journal_fd):
            self.dropped += 1
        else:
            self._remember(line)
            self._save(journal_fd)
        if self.in_memory > 2 * self._told.count:  # the process may be killed before it can tell
            self._told.tell(self._lost())

    def tell_what_is_lost(self) -> None:
        """Leave word of what no disk has taken, because the process may end now."""
        self._told.tell(self._lost(), next(self._ends(), None))

    def _lost(self) -> int:
        """Count what is lost if the process ends now. A notice is mostly of what is tried again, or of the disk."""
        return sum(not line.startswith(_NOTICE) for line in self.memory) + self.dropped

    def _remember(self, line: bytes) -> None:
        self.memory.append(line)
        self._memory_bytes += len(line)

    def _ends(self) -> Iterator[records.RunFinished]:
        """Yield the ends of the run among the lines in memory, the last one first."""
        for line in reversed(self.memory):
            if line.startswith(_END) and isinstance(end := records.decode(line), records.RunFinished):
                yield end

    def bring_home(self, journal_fd: int) -> None:
        """Append all lines to the journal. Raises `OSError` when it does not take all of them."""
        cut_torn_line(journal_fd)
        if self.path is not None:
            arrived = max(end_of_last_line(journal_fd) - self._length, 0)
            position, block = self._header_size + arrived, _FIRST_BYTES
            while position < self._size:
                block = min(block, self._size - position)
                position += _write_all(journal_fd, os.pread(self._fd, block, position))
                block = _BLOCK_BYTES
            os.fsync(journal_fd)
            self.path.unlink(missing_ok=True)
            self.close()
            self.path = None
        while self.memory:
            _write_all(journal_fd, self.memory[0])
            self._memory_bytes -= len(self.memory.popleft())
        if self.dropped:
            message = f"{self.dropped} records were dropped because the disk did not take them in time"
            notice = records.Notice(time=time(), about="journal", message=message)
            _write_all(journal_fd, records.encode(notice) + b"\n")
            self.dropped = 0
        self._told.forget()

    def begin_anew(self, head: bytes, journal_fd: int) -> None:
        """Begin a journal that had vanished and is empty again with its first line, unless that is waiting here."""
        if head in self.memory or (self.path is not None and not self._length):
            return
        if self.path is None:
            self.memory.appendleft(head)
            self._memory_bytes += len(head)
            return
        with suppress(OSError):
            _write_all(journal_fd, head)
        os.pwrite(self._fd, self._new_header(journal_fd), 0)

    def close(self) -> None:
        """Close the file, which stays if there are lines in it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _save(self, journal_fd: int) -> bool:
        """Move lines from memory to the file; returns whether all of them were moved."""
        try:
            while self.memory:
                if self.path is None:
                    self._create(journal_fd)
                line = self.memory[0]
                written = 0
                while written < len(line):
                    written += os.pwrite(self._fd, line[written:], self._size + written)
                self._size += len(line)
                self._memory_bytes -= len(self.memory.popleft())
        except OSError:  # half a line at the end does not count, and is written over
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            return False
        if not self.dropped:
            self._told.forget()
        return True

    def _create(self, journal_fd: int) -> None:
        """Create the file in the first folder that has room. Raises `OSError` when none has."""
        failure: OSError | None = None
        for folder in map(Path, own_folders("unwritten")):
            path = folder / _name_for(self._journal)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not is_private(folder):
                    continue
                self._fd = above_standard_streams(os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600))
                header = self._new_header(journal_fd)
                if os.pwrite(self._fd, header, 0) == len(header):
                    self.path, self._size, self._header_size = path, len(header), len(header)
                    return
            except OSError as error:
                failure = error
            if self._fd >= 0:
                self.close()
                path.unlink(missing_ok=True)
        raise failure or OSError("no folder of this user's can be written to")

    def _new_header(self, journal_fd: int) -> bytes:
        """Return the header for what is missing in the journal from now on."""
        is_to_be_made = journal_fd < 0 and not self._journal.exists()
        self._length = 0 if is_to_be_made else end_of_last_line(journal_fd)
        self._header.length = f"{self._length:020}"
        if not self._header_size:  # otherwise it is replaced, and must not change its size
            self._header.run_id = _run_id(self._journal, b"" if self._length else self.memory[0])
        return msgspec.json.encode(self._header) + b"\n"


def bring_home(folder: Path) -> list[str]:
    """Bring home what the disk has refused of the run in `folder`.

    Returns what is missing all the same, a sentence each: what the disk still refuses, and what is lost. What a live
    process still writes is left to that process.
    """
    missing = []
    for path, header in _files_of(folder):
        journal = folder / "journal" / Path(header.journal).name
        try:
            _bring_home(journal, path)
        except OSError as error:
            missing.append(f"{error.strerror} ({journal}); records of it wait in {path}")
    has_end = False
    for loss in losses_in(folder):  # first that of training, which knows best how it ended
        try:
            if _bring_home(loss.journal, ends=not has_end):
                has_end |= loss.end is not None
                missing.append(f"{loss}; now this is noted in the run")
        except OSError as error:
            missing.append(f"{loss}; to note this in the run fails, too: {error.strerror}")
    return missing


def _bring_home(journal: Path, path: Path | None = None, *, ends: bool = True) -> bool:
    """Bring home what waits for a journal, also in `path`; returns whether no live process writes it."""
    fd = open_journal(journal, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        if not locks.lock(fd, patience_seconds=0.2):
            return False
        waiting = Unwritten(journal)
        if path is not None:
            waiting.adopt(path)
        waiting.take_over(ends=ends)
        waiting.bring_home(fd)
        return True
    finally:
        os.close(fd)


def waiting_among(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of those runs of which records wait to be brought home."""
    folders = list(folders)
    files = list(_all_files()) if folders else []
    return [folder for folder in folders if any(_is_of(header, folder) for _, header in files)]


def _files_of(folder: Path) -> Iterator[tuple[Path, Header]]:
    """Yield the files with lines of the run in `folder`, also if that was moved since."""
    return ((path, header) for path, header in _all_files() if _is_of(header, folder))


def _all_files() -> Iterator[tuple[Path, Header]]:
    for place in map(Path, own_folders("unwritten")):
        for path in sorted(place.glob("*.jsonl")) if is_private(place) else ():
            with suppress(OSError, msgspec.DecodeError), path.open("rb") as file:
                yield path, _decode(file.readline(2**16))


def _is_of(header: Header, folder: Path) -> bool:
    journal = Path(header.journal)
    if journal.parent.parent == folder.absolute():
        return True
    is_moved = bool(header.run_id) and not journal.parent.exists()
    return is_moved and _run_id(folder / "journal" / "main.jsonl") == header.run_id


_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def _name_for(journal: Path) -> str:
    path = str(journal.absolute())
    return f"{journal.parent.parent.name[:60]}-{journal.stem[:60]}-{crc32(os.fsencode(path)):08x}.jsonl"


def run_id_of(folder: Path) -> str:
    """Return the id of the run in `folder`; nothing if it cannot be read."""
    return _run_id(folder / "journal" / "main.jsonl")


def _run_id(journal: Path, first_line: bytes = b"") -> str:
    """Return the id of the run of a journal: by its first line, or else by that of the main journal."""
    with suppress(OSError, AutotrackError, msgspec.DecodeError, RecursionError):
        if first_line and isinstance(first := records.decode(first_line), records.RunStarted):
            return first.id
        with os.fdopen(open_journal(journal.with_name("main.jsonl")), "rb") as main:
            first = records.decode(main.readline(2**24))
        return first.id if isinstance(first, records.RunStarted) else ""
    return ""


def _write_all(fd: int, content: bytes) -> int:
    """Write all of `content`, whose last line may be cut off by the next call. Raises `OSError`."""
    written = 0
    while written < len(content):
        written += os.write(fd, content[written:])
    return written
