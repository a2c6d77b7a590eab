"""The tables that a run has logged: of each name the last one, as far as somebody reads it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader
from autotrack.journal.records import AnyRecord, Table
from autotrack.journal.summary import Summary
from autotrack.readers.plain import plain

_MOST_ROWS = 100
_LONGEST_TEXT = 300


class Tables:
    """Takes the records of a run, and keeps its tables."""

    def __init__(self) -> None:
        self._last: dict[str, Table] = {}

    def add(self, batch: Iterable[AnyRecord]) -> None:
        """Take records, in order."""
        self._last |= {record.name: record for record in batch if isinstance(record, Table)}

    def shown(self) -> list[dict[str, Any]]:
        """Return the first rows of each table, and how many it has (`count`)."""
        return [
            {
                "name": table.name,
                "step": table.step,
                "columns": table.columns,
                "rows": [[_cell(value) for value in row] for row in table.rows[:_MOST_ROWS]],
                "count": len(table.rows),
            }
            for table in self._last.values()
        ]


def tables_of(folder: Path, summary: Summary) -> list[dict[str, Any]]:
    """Return the tables of a run; its journals are only read if it has some."""
    tables = Tables()
    if summary.tables:
        try:
            for _, batch in RunReader(folder):
                tables.add(batch)
        except (OSError, AutotrackError):  # it was moved away meanwhile
            return []
    return tables.shown()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}…"
    return plain(value)
