"""The starts and resumptions of a run, without the rest of its records."""

import os
import sys
from pathlib import Path

from autotrack.journal import lines
from autotrack.journal.lines import may_hold_start
from autotrack.journal.reader import JournalReader
from autotrack.journal.records import AnyRecord, RunStarted
from autotrack.journal.run_folder import open_journal


class _StartsReader(JournalReader):
    """Decodes no other records."""

    def _decode(self, lines: bytes) -> list[AnyRecord]:
        if not may_hold_start(lines):
            return []
        starts = (line for line in lines.split(b"\n") if may_hold_start(line))
        return [record for line in starts if (record := self._decode_line(line)) is not None]


def starts_in(path: Path, *, until: int | None = None) -> list[RunStarted]:
    """Return the starts and resumptions of a run, from its main journal or the first `until` bytes of it.

    No other record is decoded, so this is much faster than a `JournalReader`.
    """
    journal, starts = _StartsReader(path), list[RunStarted]()
    with os.fdopen(open_journal(path), "rb", buffering=0) as file:
        end = lines.end_of_last_line(file.fileno(), until=sys.maxsize if until is None else until)
    while batch := journal.read(until=end):
        starts += [record for record in batch if isinstance(record, RunStarted)]
    return starts
