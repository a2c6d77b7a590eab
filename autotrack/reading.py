"""Reading journals, also while somebody writes them."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autotrack import records
from autotrack.errors import JournalFormatError
from autotrack.records import AnyRecord


class JournalReader:
    """Reads the records of one journal, from `offset` (bytes) on, as often as there may be more.

    After reading, `offset` is where to go on, `unknown` counts records of types this version does not know,
    `unreadable` lines that are no record at all, and `torn` is True when the file ends in half a line.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.unknown: dict[str, int] = {}
        self.unreadable = 0
        self.torn = False

    def read(self, limit_bytes: int = 8 * 2**20) -> list[AnyRecord]:
        """Return the next whole records, about `limit_bytes` of them; an empty list when there are no more.

        Raises `JournalFormatError` for a journal of a newer format, `OSError` for a file that cannot be read.
        """
        while True:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                chunk = file.read(limit_bytes)
                if chunk and not chunk.endswith(b"\n"):
                    chunk += file.readline()  # a record may be longer than the limit
            end = chunk.rfind(b"\n") + 1
            self.torn = end < len(chunk)
            self.offset += end
            found = [record for line in chunk[:end].splitlines() if line and (record := self._decode(line))]
            if found or not end:
                return found

    def _decode(self, line: bytes) -> AnyRecord | None:
        try:
            record: AnyRecord = records.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._count_undecodable(line)
            return None
        if isinstance(record, records.RunStarted) and record.format > records.FORMAT:
            raise JournalFormatError(
                f"{self.path} has journal format {record.format}, this autotrack reads up to {records.FORMAT}; "
                f"update it: pip install --upgrade autotrack-ml"
            )
        return record

    def _count_undecodable(self, line: bytes) -> None:
        try:
            kind = msgspec.json.decode(line)["record"]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            self.unreadable += 1
        else:
            self.unknown[str(kind)] = self.unknown.get(str(kind), 0) + 1


class RunReader:
    """Reads all records of the run in `folder`, in batches, journal after journal, the main one first."""

    def __init__(self, folder: Path) -> None:
        found = sorted((folder / "journal").glob("*.jsonl"))
        self.journals = sorted(found, key=lambda path: path.name != "main.jsonl")
        self._readers = [JournalReader(path) for path in self.journals]

    def __iter__(self) -> Iterator[list[AnyRecord]]:
        for reader in self._readers:
            while batch := reader.read():
                yield batch

    def left_out(self) -> list[str]:
        """Say what was there and could not be read, one sentence each."""
        said = []
        for reader in self._readers:
            name = reader.path.name
            said += [f"{name}: {n} records of the unknown type {kind}" for kind, n in reader.unknown.items()]
            if reader.unreadable:
                said.append(f"{name}: {reader.unreadable} lines that are no records")
            if reader.torn:
                said.append(f"{name}: the last record is incomplete")
        return said


def is_being_written(path: Path) -> bool | None:
    """Whether a live process has this journal open for writing; None where that cannot be told."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return None
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    else:
        return False
    finally:
        os.close(fd)
