"""Carries what a training process prints to its sidecar, through memory that both of them map.

A print costs one copy into that memory, no system call and no lock. The text stays in a nameless file in memory, is
never on the disk, and outlives the training process for as long as the sidecar holds the file open.

The file consists of segments. The first one holds four positions, the others hold records: a head, the text, and
`_END`. Memory that has not been written is zero, and no record contains a zero byte. So a record without one is
complete, and the writer need not say when it is done. Memory is bounded: the reader frees what it has read, and a
writer that is too far ahead of the reader gives up the oldest texts.
"""

import errno
import mmap
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from threading import get_ident
from time import monotonic, sleep
from typing import NamedTuple

SEGMENT_BYTES = 2**18
MOST_SEGMENTS = 64
"""How many segments may wait for the reader: 16 MB, more than a log keeps of its end."""

_SEGMENTS_KEPT = 48  # when the oldest are given up
_END = b"\xff"  # UTF-8 has no such byte
_LONGEST_BYTES = SEGMENT_BYTES // 2
_PIECE_CHARACTERS = _LONGEST_BYTES // 8
_MOST_HEADS = 100
_WAIT_SECONDS = 0.001
SECRETS = "secrets"
"""The stream of secret variables; each text is a name and a value, in JSON."""
PLACE = "place"
"""The stream that tells where in the training the texts after it were printed: a step and an epoch, in JSON; `END`."""
END = "end"
"""Said in place of a place when the run has ended."""

_ZERO, _ESCAPED_ZERO = b"\0", b"\xc0\x80"  # the latter is not UTF-8 either
_OLDEST, _READ, _NEWEST, _WHOLE = range(4)


class PrintedText(NamedTuple):
    """One piece of text that a thread wrote to a stream while a run was recorded."""

    output: int
    """The number of the run's output, unique in its process."""
    stream: str
    thread: int
    text: str
    lost_bytes: int = 0
    """How much was given up right before this text."""


def is_supported() -> bool:
    """Whether files in memory exist here (elsewhere, the text would be on the disk), and threads take turns."""
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return has_gil and hasattr(os, "memfd_create") and hasattr(mmap, "MADV_REMOVE")


class OutputWriter:
    """The end of the training process. `wake` is called when a segment is full, so that the reader starts on it.

    Threads and signal handlers may write at any time: one call into C copies the record. Only one thread at a time
    begins a new segment. What others write meanwhile is left for that thread, so nobody waits.

    Attributes:
        append: Copies a record into the current segment. Raises `ValueError` when there is no room.
        waiting: Records for the next segment. While there are any, nothing may be appended, to keep their order.
    """

    def __init__(self, fd: int, wake: Callable[[], None]) -> None:
        self.fd = fd
        self._identity = _identity(fd)
        os.posix_fallocate(fd, 0, mmap.PAGESIZE)
        self._positions = _map_positions(fd)
        self._wake = wake
        self._segment = 0
        self._mapped: mmap.mmap | None = None
        self.append: Callable[[bytes], object] = _no_room
        self.waiting: deque[bytes] = deque()
        self._secrets: dict[bytes, None] = {}
        self._segment_change = threading.Lock()
        self._pid = os.getpid()
        os.register_at_fork(after_in_child=self._leave_to_parent)  # cheaper than to ask for the pid at every print
        self._numbers = count(1)

    def for_run(self) -> "RunWriter":
        """Return what writes the texts of one run."""
        return RunWriter(self, next(self._numbers))

    def write_secret(self, encoded: bytes) -> None:
        """Add a secret, which is repeated at the start of every segment: earlier ones may be given up."""
        record = b"0 " + SECRETS.encode() + b" 0:" + encoded + _END
        if record not in self._secrets:
            self.write_later(record)
            self._secrets[record] = None  # now other threads may rely on it

    def write_later(self, record: bytes) -> bool:
        """Add a record in another segment, after those that are waiting. Return False in a forked child."""
        if os.getpid() != self._pid:
            return False
        self.waiting.append(record)
        while self.waiting and self._segment_change.acquire(blocking=False):
            try:
                while self.waiting:
                    try:
                        self.append(self.waiting[0])
                    except ValueError:
                        self._begin_segment()
                    else:
                        self.waiting.popleft()
            finally:
                self._segment_change.release()
        return True

    def wait_until_read(self, seconds: float) -> None:
        """Wait, for so many seconds at most, until the reader has taken what this process wrote (before it forked)."""
        if self._mapped is None:
            return
        end, deadline = self._segment * SEGMENT_BYTES + self._mapped.tell(), monotonic() + seconds
        self._wake()
        while self._positions[_READ] < end and monotonic() < deadline:
            sleep(_WAIT_SECONDS)

    def _leave_to_parent(self) -> None:
        self.append = _no_room

    def _begin_segment(self) -> None:
        if _identity(self.fd) != self._identity:  # the program has closed all descriptors, and opened others
            raise OSError(errno.EBADF, "the memory for it was closed")
        begin = (self._segment + 1) * SEGMENT_BYTES
        self._bound_memory(begin)
        os.posix_fallocate(self.fd, begin, SEGMENT_BYTES)  # fails if no memory is left; to write there would be fatal
        segment = _map(self.fd, begin, SEGMENT_BYTES)
        for secret in list(self._secrets):
            segment.write(secret)
        self.append, self._mapped = segment.write, segment
        self._segment += 1
        self._positions[_NEWEST] = begin
        if self._segment > 1:
            self._wake()

    def _bound_memory(self, newest: int) -> None:
        unread = max(self._positions[_READ], self._positions[_OLDEST], SEGMENT_BYTES) // SEGMENT_BYTES * SEGMENT_BYTES
        if newest - unread >= MOST_SEGMENTS * SEGMENT_BYTES:
            oldest = newest - _SEGMENTS_KEPT * SEGMENT_BYTES
            self._positions[_OLDEST] = oldest
            _free(self.fd, unread, oldest)


class RunWriter:
    """Writes the texts of one run. The sidecar tells runs apart by `number`.

    A forked child cannot write them, for it does not know how far its parent has come: there, `write_in_child` is
    called instead.
    """

    def __init__(self, writer: OutputWriter, number: int) -> None:
        self.number = number
        self.write_in_child: Callable[[str, str], None] | None = None
        self._writer = writer
        self._heads: dict[tuple[str, int], bytes] = {}
        self._place_head = b"%d %b 0:" % (number, PLACE.encode())

    def write(self, stream_name: str, text: str) -> None:
        """Add a text that this thread wrote to a stream. Raises `OSError` when there is no memory for it."""
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            encoded = text.encode("utf-8", "surrogatepass")
        if "\0" in text:
            encoded = encoded.replace(_ZERO, _ESCAPED_ZERO)
        if len(encoded) > _LONGEST_BYTES:
            for begin in range(0, len(text), _PIECE_CHARACTERS):
                self.write(stream_name, text[begin : begin + _PIECE_CHARACTERS])
            return
        thread = get_ident()
        record = (self._heads.get((stream_name, thread)) or self._make_head(stream_name, thread)) + encoded + _END
        if not self._append(record) and self.write_in_child is not None:
            self.write_in_child(stream_name, text)

    def write_place(self, step: int | None, epoch: int | None) -> None:
        """Say that what was recorded last is of this step and epoch. A forked child says nothing."""
        known = b"null" if step is None else b"%d" % step, b"null" if epoch is None else b"%d" % epoch
        self._append(self._place_head + b"[%b,%b]" % known + _END)

    def write_end(self) -> None:
        """Say that the run has ended; what follows is printed after it."""
        self._append(self._place_head + END.encode() + _END)

    def _append(self, record: bytes) -> bool:
        """Add a record; return False in a forked child."""
        writer = self._writer
        if not writer.waiting:
            try:
                writer.append(record)
            except ValueError:  # no room in this segment
                pass
            else:
                return True
        return writer.write_later(record)

    def wait_until_read(self, seconds: float) -> None:
        """Wait as `OutputWriter.wait_until_read` does."""
        self._writer.wait_until_read(seconds)

    def write_secrets(self, variables: dict[str, str]) -> None:
        """Add secret variables that texts from here on may show, if they are new."""
        for name, value in variables.items():
            import json  # few runs change a secret variable; msgspec refuses what is not text in one

            self._writer.write_secret(json.dumps([name, value]).encode())

    def _make_head(self, stream: str, thread: int) -> bytes:
        if len(self._heads) > _MOST_HEADS:
            self._heads.clear()
        head = self._heads[stream, thread] = b"%d %b %x:" % (self.number, stream.encode(), thread)
        return head


class OutputReader:
    """The end of the sidecar; of the training process, should the sidecar die."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._positions = _map_positions(fd)
        self._position = max(self._positions[_WHOLE], SEGMENT_BYTES)
        self._lost_bytes = 0
        begin = self._position // SEGMENT_BYTES * SEGMENT_BYTES
        read = os.pread(fd, self._position - begin, begin).split(_END)[:-1]
        self._known_secrets = [text for text in map(_decode, read) if text.stream == SECRETS]

    def read(self) -> Iterator[PrintedText]:
        """Yield the next texts, a segment's at most; none when all has been read.

        A text counts as read when the next one is asked for. Whoever reads in the place of this reader, should it die,
        begins with the text that it was working on; or before that, with the first piece of a line that was not whole
        yet: this reader had it in memory only.
        """
        yield from self._known_secrets  # by the reader in whose place this one reads
        self._known_secrets.clear()
        for record in self._next_records().split(_END)[:-1]:
            text = _decode(record, self._lost_bytes)
            yield text
            self._lost_bytes = 0
            self._advance(self._position + len(record) + len(_END), is_whole=self._is_whole_after(text))

    def _is_whole_after(self, text: PrintedText) -> bool:
        """Whether nothing has to be read again for the sake of what this text continues.

        A line that another thread has begun meanwhile is not waited for, and neither is a bar, whose last state is
        in the file: it may be under way for hours.
        """
        if text.stream in (SECRETS, PLACE):
            return self._positions[_WHOLE] == self._position
        return "\n" in text.text or "\r" in text.text

    def _next_records(self) -> bytes:
        """Return the complete records in the rest of a segment. Without any, all has been read."""
        while True:
            newest = self._positions[_NEWEST]  # first: nothing is added to segments before this one
            segment_end = (self._position // SEGMENT_BYTES + 1) * SEGMENT_BYTES
            records = b""
            if os.pread(self._fd, 1, self._position) != _ZERO:  # usually there is nothing new
                written = os.pread(self._fd, segment_end - self._position, self._position).partition(_ZERO)[0]
                records = written[: written.rfind(_END) + 1]
            oldest = self._positions[_OLDEST]
            if oldest > self._position:  # given up, perhaps while it was being read
                self._lost_bytes += oldest - self._position
                self._advance(oldest)
            elif records:
                return records
            elif newest >= segment_end:
                self._advance(segment_end)
            else:
                return b""

    def _advance(self, position: int, *, is_whole: bool = True) -> None:
        begin, end = (offset // SEGMENT_BYTES * SEGMENT_BYTES for offset in (self._position, position))
        self._position = self._positions[_READ] = position
        if is_whole or end > begin:
            self._positions[_WHOLE] = position
        if end > begin:
            _free(self._fd, begin, end)


def _decode(record: bytes, lost_bytes: int = 0) -> PrintedText:
    output, stream, rest = record.split(b" ", 2)
    thread, _, encoded = rest.partition(b":")
    text = encoded.replace(_ESCAPED_ZERO, _ZERO).decode("utf-8", "surrogatepass")
    return PrintedText(int(output), stream.decode(), int(thread, 16), text, lost_bytes)


def _map_positions(fd: int) -> memoryview:
    return memoryview(_map(fd, 0, mmap.PAGESIZE)).cast("Q")


def _free(fd: int, begin: int, end: int) -> None:
    """Give the memory of segments back."""
    with _map(fd, begin, end - begin) as segments:
        segments.madvise(mmap.MADV_REMOVE)


def _map(fd: int, begin: int, size: int) -> mmap.mmap:
    """Map a part of a file. Python keeps a second descriptor for that, which must not become a standard stream."""
    spare = [os.open(os.devnull, os.O_RDWR)]
    try:
        while spare[-1] <= 2:  # one that is closed
            spare.append(os.open(os.devnull, os.O_RDWR))
        os.close(spare.pop())
        return mmap.mmap(fd, size, offset=begin)
    finally:
        for descriptor in spare:
            os.close(descriptor)


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _no_room(_: bytes) -> None:
    raise ValueError
