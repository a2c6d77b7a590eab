"""Where lines end in journals: how far one is complete, and how far it was when something else happened."""

import os
from pathlib import Path

import msgspec

from autotrack.journal.run_folder import open_journal

_LONGEST_LINE_BYTES = 2**28


def end_of_last_line(fd: int) -> int:
    """Return how many bytes of an open journal are whole lines. A process that is killed may leave half a line."""
    end = os.fstat(fd).st_size
    tail = b""
    while end > 0 and b"\n" not in tail:
        start = max(0, end - 2**16)
        tail = os.pread(fd, end - start, start)
        end = start
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
    end = offset
    with os.fdopen(open_journal(path), "rb") as file:
        file.seek(offset)
        while line := file.readline(_LONGEST_LINE_BYTES):
            try:
                found = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # whoever reads the journal will say so
            else:
                if found.time >= time or (found.record == "RunStarted" and end > offset):
                    break
            end += len(line)
    return end
