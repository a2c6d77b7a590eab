"""Runs as a table: a row for each run, a column for each name."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from autotrack.readers.lists.table import Table
from autotrack.readers.query.names import GROUPS, Name
from autotrack.readers.recorded_run import RecordedRun

_FIELDS = ("name", "experiment", "status", "started", "duration_seconds", "error", "id")


def table_of(runs: Sequence[RecordedRun], names: Collection[Name]) -> Table:
    """Return the fields that lists show, and all params, metrics, best values, tags and facts of git."""
    columns: dict[str, list[Any]] = {field: [run.value(Name("", field)) for run in runs] for field in _FIELDS}
    columns["name"] = [_as_text(name) for name in columns["name"]]
    columns["started"] = [_moment(started) for started in columns["started"]]
    order = {group: place for place, group in enumerate(GROUPS)}
    for name in sorted((name for name in names if name.group), key=lambda name: (order[name.group], name.rest)):
        values = [run.value(name) for run in runs]
        if any(value is not None for value in values):
            columns[f"{name.group}.{name.rest}"] = values
    columns["folder"] = [_as_text(str(run.folder)) for run in runs]
    return Table(columns)


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # the clock of whoever recorded it was wrong by ages
        return None


def _as_text(name: str) -> str:
    """Return a name of which no library of data frames refuses a byte: names of folders need not be text."""
    return name.encode(errors="replace").decode()
