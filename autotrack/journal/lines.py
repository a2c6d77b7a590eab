"""Where lines end in journals: how far one is complete, and how far it was when something else happened."""

import errno
import os
import sys
from pathlib import Path

import msgspec

from autotrack.journal.run_folder import open_journal

_LONGEST_LINE_BYTES = 2**28
_BLOCK_BYTES = 2**20


def next_data(fd: int, offset: int) -> int:
    """Return where the next bytes of a file are that the disk holds: a sparse file may have terabytes of nothing.

    Asked only where there are zero bytes, which no record has: file systems have been wrong about holes.
    """
    try:
        return os.lseek(fd, offset, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(fd).st_size if error.errno == errno.ENXIO else offset  # nothing follows; it cannot tell
    except AttributeError:  # Windows
        return offset


def _end_of_data(fd: int, end: int) -> int:
    """Return where the last bytes before `end` end that the disk holds."""
    position = last = 0
    while position < end and (data := next_data(fd, position)) < end:
        try:
            position = os.lseek(fd, data, os.SEEK_HOLE)
        except (OSError, AttributeError):
            return end
        last = min(position, end)
    return last


def end_of_last_line(fd: int, *, until: int = sys.maxsize) -> int:
    """Return how many bytes of an open journal, or of the first `until` bytes of it, are whole lines.

    A process that is killed may leave half a line.
    """
    end = min(os.fstat(fd).st_size, until)
    tail = b""
    block_bytes = 2**16
    while end > 0 and b"\n" not in tail:
        if tail.endswith(b"\0"):
            end = _end_of_data(fd, end)
        start = max(0, end - block_bytes)
        tail = os.pread(fd, end - start, start)
        end, block_bytes = start, _BLOCK_BYTES
    return end + tail.rfind(b"\n") + 1


def cut_torn_line(fd: int) -> None:
    """Remove the half line that a killed writer or a full disk may have left in an open journal.

    Nobody can read it, and it must not stand in the middle of the file once more is appended.
    """
    end = end_of_last_line(fd)
    if end < os.fstat(fd).st_size:
        os.ftruncate(fd, end)


def lengths_of_others(journal: Path) -> dict[str, int]:
    """Return how many bytes of whole lines each other journal of the same run has, by name."""
    lengths = {}
    for path in journal.parent.glob("*.jsonl"):
        if path.name != journal.name:
            fd = open_journal(path)
            try:
                lengths[path.name] = end_of_last_line(fd)
            finally:
                os.close(fd)
    return lengths


class _Line(msgspec.Struct):
    time: float
    record: str


_decode = msgspec.json.Decoder(_Line).decode


def end_of_records_before(path: Path, time: float, offset: int) -> int:
    """Return where the records of a journal end that were made before a time, from an offset on.

    Runs of early versions do not tell how long this journal was at that time, so the clocks have to. But a start ends
    the search too: the process that writes this journal goes on together with the main one.
    """
    end, is_in_zeros = offset, False
    with os.fdopen(open_journal(path), "rb") as file:
        file.seek(offset)
        while line := file.readline(_BLOCK_BYTES if is_in_zeros else _LONGEST_LINE_BYTES):
            if is_in_zeros := line.endswith(b"\0"):
                end = file.seek(next_data(file.fileno(), end + len(line)))
                continue
            try:
                found = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # whoever reads the journal will say so
            else:
                if found.time >= time or (found.record == "RunStarted" and end > offset):
                    break
            end += len(line)
    return end


def may_hold_start(lines: bytes) -> bool:
    """Return whether any of these lines may be a `RunStarted`: to ask each record takes as long as decoding it."""
    return b"RunStarted" in lines or b"\\u" in lines  # names may have escapes in them
