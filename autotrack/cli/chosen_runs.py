"""What somebody asked `autotrack ls` for, and the runs, columns and groups that this gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autotrack import settings
from autotrack.cli.progress import with_progress
from autotrack.errors import QueryError
from autotrack.journal.directions import Direction, better, split_direction
from autotrack.readers.catalog import Catalog
from autotrack.readers.lists.groups import CONFIGURATION, Group, groups_of
from autotrack.readers.lists.listing import (
    Column,
    chosen_columns,
    default_columns,
    metric_column,
    name_column,
    with_sorted_by,
)
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.runs import Runs


@dataclass(frozen=True)
class ChosenRuns:
    """The options of `autotrack ls` that say which runs, in which order, and what of them."""

    store: Path
    where: str | None = None
    sort: str | None = None
    descending: bool = False
    last: int | None = None
    columns: str | None = None
    group_by: str | None = None
    metric: str | None = None
    looked_at: Catalog = field(default_factory=Catalog)

    def runs(self) -> Runs:
        """Return the runs as they are now."""
        self.looked_at.refresh()
        runs = self.looked_at.runs(
            self.store, watch=lambda folders: with_progress(folders, "reading runs", fewest=200)
        )
        runs = runs.where(self.where) if self.where else runs
        runs = runs.last(self.last) if self.last else runs
        return runs.sort(self.sort, descending=self.descending) if self.sort else runs

    def columns_of(self, runs: Runs, *, for_programs: bool = False) -> list[Column]:
        """Return the columns to show of these runs. Raises `QueryError` for names that none of them has.

        For people, the name of the run is always one of them; programs get what they ask for.
        """
        if self.columns is None or self.columns.startswith("+"):
            columns = default_columns(runs, self._wanted(runs))
            if self.sort:
                columns = with_sorted_by(columns, self._asked(self.sort, runs))
            if self.columns is None:
                return columns
            added = self._asked(self.columns[1:], runs)
            names = [column.name for column in added]
            return [*(column for column in columns if column.name not in names), *added]
        asked = self._asked(self.columns, runs)
        is_told = for_programs or any(column.name in ("name", "id") for column in asked)
        return asked if is_told else [name_column(runs), *asked]

    def _asked(self, text: str, runs: Runs) -> list[Column]:
        return chosen_columns(text, runs.names, _Directions(runs))

    def metric_of(self, runs: Runs) -> Column | None:
        """Return the metric of which groups show the mean; None if these runs have none."""
        try:
            return metric_column(*runs.judged_by(self.metric))
        except QueryError:
            if self.metric:
                raise
            return None

    def groups_of(self, runs: Runs) -> list[Group]:
        """Return groups of these runs; with `sort`, in the order of their first runs."""
        names = runs.names
        is_configuration = self.group_by == CONFIGURATION and not any(name.rest == CONFIGURATION for name in names)
        keys = [] if is_configuration else chosen_columns(self.group_by or "", names, _Directions(runs))
        groups = groups_of(runs, keys, self.metric_of(runs))
        if self.sort:
            order = {id(run): place for place, run in enumerate(runs)}
            groups.sort(key=lambda group: min(order[id(run)] for run in group.runs))
        return groups

    def _wanted(self, runs: Runs) -> tuple[str, Direction | None] | None:
        """Return the metric that is to be shown first, by the option or, if runs have it, by the settings."""
        if self.metric:
            return runs.judged_by(self.metric)
        wanted = settings.resolve().metric
        try:
            return runs.judged_by(wanted) if wanted else None
        except QueryError:
            return None


class _Directions:
    """Tells which way a metric gets better: as somebody has set it, as runs have recorded it, or by its name."""

    def __init__(self, runs: Sequence[RecordedRun]) -> None:
        self._runs = runs
        chosen = settings.resolve()
        self._wanted, self._told = chosen.metric, chosen.directions

    def __call__(self, name: str) -> Direction | None:
        wanted, direction = split_direction(self._wanted)
        if wanted == name and direction:
            return direction
        if name in self._told:
            return self._told[name]
        told = (run.card()["directions"].get(name) for run in self._runs)
        return next(filter(None, told), better(name))
