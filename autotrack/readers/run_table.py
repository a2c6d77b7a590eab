"""Runs as a table: a row for each run, a column for each name."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from autotrack.readers.query_names import GROUPS, Name
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.table import Table

_FIELDS = ("name", "experiment", "status", "started", "duration_seconds", "error", "id")


def table_of(runs: Sequence[RecordedRun], names: Collection[Name]) -> Table:
    """Return the fields that lists show, and all params, metrics, best values, tags and facts of git."""
    columns: dict[str, list[Any]] = {field: [run.value(Name("", field)) for run in runs] for field in _FIELDS}
    columns["started"] = [datetime.fromtimestamp(started, UTC) for started in columns["started"]]
    order = {group: place for place, group in enumerate(GROUPS)}
    for name in sorted((name for name in names if name.group), key=lambda name: (order[name.group], name.rest)):
        values = [run.value(name) for run in runs]
        if any(value is not None for value in values):
            columns[f"{name.group}.{name.rest}"] = values
    columns["folder"] = [str(run.folder) for run in runs]
    return Table(columns)
