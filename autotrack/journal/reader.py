"""Reads journals, also while they are being written, in the order in which things happened."""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from autotrack.errors import JournalFormatError
from autotrack.journal import lines, locks, records, shared_files
from autotrack.journal.descriptors import is_held
from autotrack.journal.lines import may_hold_start
from autotrack.journal.nesting import without_too_deep
from autotrack.journal.records import SHARED_KIND, AnyRecord, Environment, RunStarted
from autotrack.journal.run_folder import open_journal

_LONGEST_LINE_BYTES = 2**28
"""A longer line is no record that anybody logged; it is skipped without being held in memory."""

_MAIN = "main.jsonl"

_LONGEST_KIND = 100
"""Characters; no version of autotrack names a type of record like that."""

_BLOCK_AFTER_ZEROS = 2**12
"""After zero bytes, more may follow that are not worth reading."""

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a line raises that is no record; the last for JSON that is nested thousands of times."""


class JournalReader:
    """Reads the records of one journal from `offset` on, in bytes. It can be read again whenever there may be more.

    A `decoder` of one's own may leave out what is not needed; it has to return each `RunStarted` as it is.

    Attributes:
        offset: Where the next read begins.
        at_end: Whether the last read reached the end of the file.
        has_starts: Whether any of the records that were read last may be a `RunStarted`.
        unknown: How many records have a type that this version does not know, by type.
        unreadable: How many lines are not records.
    """

    def __init__(self, path: Path, offset: int = 0, decoder: msgspec.json.Decoder[Any] = records.decoder) -> None:
        self.path = path
        self.has_starts = False
        self._decoder = decoder
        self.rank = rank_of(path)
        self.offset = offset
        self.at_end = False
        self.unknown: dict[str, int] = {}
        self.unreadable = 0
        self._torn_bytes = 0
        self._is_in_long_line = self._has_zeros = False
        self._bad_line_began = 0

    @property
    def resume_at(self) -> int:
        """Where to go on another time. Whoever goes on with a run cuts off a line that has not ended."""
        return self._bad_line_began if self._is_in_long_line else self.offset

    @property
    def torn(self) -> bool:
        """Whether the file ended in the middle of a line when it was last read."""
        return self._torn_bytes > 0

    @property
    def seen(self) -> int:
        """How many bytes of the file have been read, including an incomplete line at the end."""
        return self.offset + self._torn_bytes

    def read(self, limit_bytes: int = 2**20, *, until: int = sys.maxsize) -> list[AnyRecord]:
        """Return the next complete records, about `limit_bytes` of them; an empty list when there are no more.

        What begins at the offset `until` or after it is left for another time.

        Raises:
            JournalFormatError: A newer autotrack wrote the journal.
            OSError: The file cannot be read.
        """
        while self.offset < until:
            with os.fdopen(open_journal(self.path), "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if self._is_in_long_line:
                    self._skip_line(file)
                left = max(min(size, until) - self.offset, 0)
                file.seek(self.offset)
                block_bytes = min(limit_bytes, _BLOCK_AFTER_ZEROS) if self._has_zeros else limit_bytes
                chunk = self._read_lines(file, min(block_bytes, left), limit_bytes)
            self.at_end = len(chunk) >= left
            end = chunk.rfind(b"\n") + 1
            self._has_zeros = chunk.endswith(b"\0")
            if self._has_zeros or (not end and len(chunk) > _LONGEST_LINE_BYTES):
                self.unreadable += 1
                self._bad_line_began = self.offset + end
                self.offset += len(chunk)
                self._is_in_long_line, self._torn_bytes = True, 0
            else:
                self._torn_bytes = len(chunk) - end
                self.offset += end
            batch = self._decode(chunk[:end])
            if batch or not chunk or not (end or self._is_in_long_line):
                return batch
        return []

    @staticmethod
    def _read_lines(file: io.FileIO, first_bytes: int, block_bytes: int) -> bytes:
        """Read a block, and more until a line ends: a record may be longer than a block, but has no zero bytes."""
        blocks = [file.read(first_bytes) or b""]  # as much memory is taken as is asked for
        total = len(blocks[0])
        while not _ends_line(blocks[-1]) and total <= _LONGEST_LINE_BYTES and (more := file.read(block_bytes)):
            blocks.append(more)
            total += len(more)
        return b"".join(blocks)

    def _skip_line(self, file: io.FileIO) -> None:
        """Go to the end of a line that is too long to be a record, as far as it has been written."""
        file.seek(self.offset)
        block_bytes = _BLOCK_AFTER_ZEROS
        while block := file.read(block_bytes):
            end = block.find(b"\n") + 1
            self.offset += end or len(block)
            if end:
                self._is_in_long_line = False
                return
            if block.endswith(b"\0"):
                self.offset = file.seek(lines.next_data(file.fileno(), self.offset))
            block_bytes = _BLOCK_AFTER_ZEROS if block.endswith(b"\0") else min(2 * block_bytes, 2**20)

    def _decode(self, lines: bytes) -> list[AnyRecord]:
        batch: list[AnyRecord]
        try:
            batch = self._decoder.decode_lines(lines)
        except _UNDECODABLE:
            batch = [record for line in lines.splitlines() if line and (record := self._decode_line(line))]
        every, batch = batch, without_too_deep(batch, lines)
        self.unreadable += len(every) - len(batch)
        self.has_starts = may_hold_start(lines)
        for record in batch if self.has_starts else ():
            if record.__class__ is records.RunStarted and record.format > records.FORMAT:
                raise JournalFormatError(
                    f"{self.path} has journal format {record.format}, this autotrack reads up to {records.FORMAT}; "
                    f"update it: pip install --upgrade autotrack-ml"
                )
        return batch

    def _decode_line(self, line: bytes) -> AnyRecord | None:
        try:
            record: AnyRecord = self._decoder.decode(line)
        except _UNDECODABLE:
            self._count_undecodable(line)
            return None
        return record

    def _count_undecodable(self, line: bytes) -> None:
        try:
            kind = msgspec.json.decode(line)["record"]
        except (*_UNDECODABLE, KeyError, TypeError):
            self.unreadable += 1
            return
        if not isinstance(kind, str) or kind in records.KINDS or len(kind) > _LONGEST_KIND:
            self.unreadable += 1
        else:
            self.unknown[kind] = self.unknown.get(kind, 0) + 1


class Progress(msgspec.Struct, frozen=True):
    """How far one journal has been read: where to go on, in bytes, and what was not read before that."""

    offset: int
    unknown: dict[str, int]
    unreadable: int


class Position(NamedTuple):
    """How far the journals of a run have been read.

    Attributes:
        offsets: By the name of the journal, where to go on, in bytes.
        seen: The same, but including an incomplete line at the end.
        left_out: What could not be read, a sentence each.
    """

    offsets: dict[str, int]
    seen: dict[str, int]
    left_out: list[str]


class RunReader:
    """Reads all records of the run in `folder`, in batches, each with the rank that wrote it.

    First comes what the main journal has of the first process that recorded the run, then what the other journals have
    of that time, then the next process that went on with it, and so on. Within each part, the main journal comes
    first. So a record that comes later was also recorded later, except by processes that ran at the same time.

    Iterating again goes on where the last iteration stopped, and finds new journals.

    Args:
        folder: The run.
        offsets: How many bytes of each journal to skip, by name.
        until: How many bytes of each journal to read; by default, all that there are. Other journals are not read.
        progress: What `progress` of another reader has told, in place of `offsets`.
        decoder_of: Returns what decodes the journals of a rank, by default everything.
    """

    def __init__(
        self,
        folder: Path,
        offsets: Mapping[str, int] | None = None,
        *,
        until: Mapping[str, int] | None = None,
        progress: Mapping[str, Progress] | None = None,
        decoder_of: Callable[[int], msgspec.json.Decoder[Any]] = lambda _: records.decoder,
    ) -> None:
        self.folder = folder
        self._journals = folder / "journal"
        self._offsets = dict(offsets or {})
        self._until = until
        self._decoder_of = decoder_of
        self._has_start = self._offsets.get(_MAIN, 0) > 0
        self._readers: dict[str, JournalReader] = {}
        self._missing: set[str | None] = set()
        for name, before in (progress or {}).items():
            reader = self._begin(name, before.offset)
            reader.unknown, reader.unreadable = dict(before.unknown), before.unreadable
            self._has_start = self._has_start or (name == _MAIN and before.offset > 0)

    @property
    def journals(self) -> list[Path]:
        """The journals that exist now, in the order in which they are read."""
        return [self._journals / name for name in self._names()]

    def __iter__(self) -> Iterator[tuple[int, list[AnyRecord]]]:
        for name in self._names():
            for batch in self._batches(name):
                if name != _MAIN or not self._reader(name).has_starts:
                    yield rank_of(Path(name)), batch
                    continue
                begun = 0
                for index, record in enumerate(batch):
                    if record.__class__ is RunStarted:
                        if self._has_start:
                            if begun < index:
                                yield 0, batch[begun:index]
                            yield from self._recorded_before(record)
                            begun = index
                        self._has_start = True
                yield 0, batch[begun:]

    def _recorded_before(self, start: RunStarted) -> Iterator[tuple[int, list[AnyRecord]]]:
        """Read what the other journals had when the run went on."""
        for name in self._names():
            if name == _MAIN:
                continue
            reader = self._reader(name)
            if start.journals is None:
                end = lines.end_of_records_before(reader.path, start.time, reader.offset)
            else:
                end = start.journals.get(name, 0)
            for batch in self._batches(name, end):
                yield reader.rank, batch

    def _batches(self, name: str, end: int = sys.maxsize) -> Iterator[list[AnyRecord]]:
        reader = self._reader(name)
        if self._until is not None:
            end = min(end, self._until.get(name, 0))
        while batch := reader.read(until=end):
            yield self._expand(batch) if "sidecar" in name else batch  # nobody else shares anything
            if reader.at_end:
                break

    def _reader(self, name: str) -> JournalReader:
        if name not in self._readers:
            return self._begin(name, self._offsets.get(name, 0))
        return self._readers[name]

    def _begin(self, name: str, offset: int) -> JournalReader:
        path = self._journals / name
        return self._readers.setdefault(name, JournalReader(path, offset, self._decoder_of(rank_of(path))))

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self._journals)  # noqa: PTH208  this is called every second, and pathlib is slower
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted((name for name in names if name.endswith(".jsonl")), key=lambda name: (name != _MAIN, name))

    def position(self) -> Position:
        """Return how far the journals have been read."""
        offsets = {name: reader.resume_at for name, reader in self._readers.items()}
        seen = {name: reader.seen for name, reader in self._readers.items()}
        return Position({**self._offsets, **offsets}, seen, list(self._left_out()))

    def progress(self) -> dict[str, Progress] | None:
        """Return what another reader needs to go on from here; None in the middle of a line that is no record.

        None, too, where files that the run shares with others could not be read: they may be there the next time.
        """
        if self._missing or any(reader.resume_at != reader.offset for reader in self._readers.values()):
            return None
        return {
            name: Progress(reader.offset, reader.unknown, reader.unreadable) for name, reader in self._readers.items()
        }

    def _expand(self, batch: list[AnyRecord]) -> list[AnyRecord]:
        expanded = shared_files.expand(self.folder, batch)
        self._missing |= {
            each.shared for each in expanded if isinstance(each, Environment) and each.kind == SHARED_KIND
        }
        return expanded

    def _left_out(self) -> Iterator[str]:
        yield from (shared_files.missing(digest) for digest in sorted(filter(None, self._missing)))
        for name, reader in self._readers.items():
            yield from (f"{name}: {n} records of the unknown type {kind}" for kind, n in reader.unknown.items())
            if reader.unreadable:
                yield f"{name}: {reader.unreadable} lines that are not records"
            if reader.torn:
                yield f"{name}: the last record is incomplete"


def journal_sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes each journal of the run in `folder` has, by name. Raises `OSError`."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder / "journal") as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.name.endswith(".jsonl")}
    return {}


def rank_of(journal: Path) -> int:
    """Return the rank that writes a journal, by its name: rank 1 for `rank1.jsonl`, rank 0 for `main.jsonl`."""
    match = re.match(r"rank(\d+)", journal.name)
    return int(match[1]) if match else 0


def is_being_written(path: Path) -> bool | None:
    """Return whether a live process has this journal open for writing; None where that cannot be told."""
    is_locked = locks.is_locked(path)
    return is_held(path) if is_locked is False else is_locked


def _ends_line(block: bytes) -> bool:
    return b"\n" in block or block.endswith(b"\0")
