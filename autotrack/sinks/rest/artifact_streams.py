"""Reads what is uploaded: files that may be replaced, cut or removed meanwhile, at a limited speed."""

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Protocol

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import file_status, open_file
from autotrack.sinks.base import Unreachable

_BLOCK_BYTES = 2**16
_PAUSES_SECONDS = (0.0, 0.5, 1.0, 2.0)


class SourceChanged(AutotrackError):  # noqa: N818  a state of the file, which is read again
    """The file is not the same as when its upload began."""


class SourceLost(AutotrackError):  # noqa: N818  a state of the file, which is given up
    """The file is gone, or cannot be read."""


class Version(NamedTuple):
    """The version of a file. A file with the same size and modification time is taken for the same."""

    bytes: int
    mtime_ns: int


class Readable(Protocol):
    """The body of a request, which has a length and is read to its end once."""

    def __len__(self) -> int:
        """Return the number of bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Read block by block."""

    def read(self, limit: int, /) -> bytes:
        """Return up to `limit` bytes, none at the end."""

    def close(self) -> None:
        """Close the file."""


class Source(Protocol):
    """Content that can be read again from any position, for every attempt to send it."""

    size: int

    def open(self, start: int = 0, length: int | None = None) -> Readable:
        """Return a reader of `length` bytes from `start` on, or of all the rest."""


class Throttle:
    """Limits uploads to `bytes_per_second`; None means no limit. Ends them once `stop` is set."""

    def __init__(self, bytes_per_second: float | None = None, *, stop: threading.Event | None = None) -> None:
        self._bytes_per_second = bytes_per_second
        self._stop = stop or threading.Event()
        self._free_at = 0.0

    def block_bytes(self) -> int:
        """Return how many bytes to read at once, so that no pause is longer than a server waits."""
        if self._bytes_per_second is None:
            return _BLOCK_BYTES
        return max(min(_BLOCK_BYTES, int(self._bytes_per_second / 4)), 1)

    def seconds_for(self, count: int) -> float:
        """Return how many seconds this many bytes take at least."""
        return count / self._bytes_per_second if self._bytes_per_second else 0.0

    def pass_on(self, count: int) -> None:
        """Wait until this many bytes may be sent; raises `Unreachable` when told to stop."""
        now = monotonic()
        self._free_at = max(self._free_at, now) + self.seconds_for(count)
        self.pause(self._free_at - now)

    def attempts(self) -> Iterator[None]:
        """Yield once an attempt, after growing pauses: for requests that a server may fail to serve for a moment."""
        for seconds in _PAUSES_SECONDS:
            self.pause(seconds)
            yield

    def pause(self, seconds: float) -> None:
        """Wait; raises `Unreachable` when told to stop."""
        if self._stop.wait(seconds) if seconds > 0 else self._stop.is_set():
            raise Unreachable("we stopped before the upload was complete")


class FileSource:
    """A file as it is now; raises `SourceLost` when it cannot be read.

    Reading raises `SourceChanged` as soon as the file is another version. Otherwise content of two versions could
    arrive, with the length of the first. `sha256` is known once the whole file has been read in order.
    """

    def __init__(self, path: Path, *, throttle: Throttle, below: Path | None = None) -> None:
        self.path = path
        self._below = below
        self.version = self.look()
        self.size = self.version.bytes
        self._throttle = throttle
        self._hashes = {0: hashlib.sha256()}  # of everything before an offset, because parts may be sent again

    @property
    def sha256(self) -> str | None:
        """The checksum of the whole content in hex; None as long as a part of it has not been read."""
        digest = self._hashes.get(self.size)
        return digest.hexdigest() if digest else None

    def open(self, start: int = 0, length: int | None = None) -> Readable:
        """Return a reader of `length` bytes from `start` on, or of all the rest."""
        length = self.size - start if length is None else length
        return _FileStream(self, start, length)

    def look(self) -> Version:
        """Return the version that the file has now; raises `SourceLost` when it cannot be told."""
        with self._lost_when_it_fails():
            return _version(self.path.stat() if self._below is None else file_status(self._below, self._name))

    def digest(self) -> str:
        """Return the checksum of the file as it is now, in hex; raises `SourceLost`."""
        with self._lost_when_it_fails(), self._open_file() as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    @property
    def _name(self) -> str:
        return self.path.relative_to(self._below or self.path.parent).as_posix()

    def _open_file(self) -> io.FileIO:
        """Open it: one of a run through the door, which lets no link and no pipe pass."""
        if self._below is None:
            return self.path.open("rb", buffering=0)
        return os.fdopen(open_file(self._below, self._name), "rb", buffering=0)

    @contextmanager
    def _lost_when_it_fails(self) -> Iterator[None]:
        try:
            yield
        except (OSError, AutotrackError) as fault:
            raise SourceLost(f"{self.path}: {getattr(fault, 'strerror', None) or fault}") from None

    def _check(self, fd: int) -> None:
        if _version(os.fstat(fd)) != self.version:
            raise SourceChanged(f"{self.path} changed while it was uploaded")


class BytesSource:
    """Content in memory."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._content = content

    def open(self, start: int = 0, length: int | None = None) -> Readable:
        """Return a reader of `length` bytes from `start` on, or of all the rest."""
        end = self.size if length is None else start + length
        return _BytesStream(self._content[start:end])


class _FileStream:
    """A part of a file. It raises no OSError, because a client would take that for an error of the network."""

    def __init__(self, source: FileSource, start: int, length: int) -> None:
        self._source, self._start, self._length, self._left = source, start, length, length
        hash_before = source._hashes.get(start)
        self._hash = hash_before.copy() if hash_before else None
        with source._lost_when_it_fails():
            self._file = source._open_file()
            self._file.seek(start)
        try:
            source._check(self._file.fileno())
        except SourceChanged:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True  # an empty file is content too

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(_BLOCK_BYTES):
            yield block

    def read(self, limit: int, /) -> bytes:
        """Return up to `limit` bytes, none at the end; raises as `FileSource` says, and `Unreachable`."""
        block = self._read(min(limit, self._left, self._source._throttle.block_bytes()))
        self._left -= len(block)
        if self._hash is not None:
            self._hash.update(block)
        if not self._left:  # check before the last block is sent: without it, the server has no complete file
            self._source._check(self._file.fileno())
            if self._hash is not None:
                self._source._hashes[self._start + self._length] = self._hash
        self._source._throttle.pass_on(len(block))
        return block

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, limit: int) -> bytes:
        try:
            block = self._file.read(limit)
        except OSError as fault:
            raise SourceLost(f"{self._source.path}: {fault.strerror}") from None
        if limit and not block:
            raise SourceChanged(f"{self._source.path} was cut while it was uploaded")
        return block or b""


class _BytesStream(io.BytesIO):
    def __len__(self) -> int:
        return self.getbuffer().nbytes


def _version(status: os.stat_result) -> Version:
    return Version(status.st_size, status.st_mtime_ns)
