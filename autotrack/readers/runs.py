"""Many runs in an order: filtered, sorted, sliced."""

import math
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from autotrack import amounts, settings
from autotrack.errors import QueryError
from autotrack.journal.directions import Direction, split_direction
from autotrack.journal.judging import value_of
from autotrack.journal.records import number
from autotrack.readers.lists.run_table import table_of
from autotrack.readers.lists.table import Table
from autotrack.readers.picking import pick
from autotrack.readers.query import conditions
from autotrack.readers.query.names import Name, names_in
from autotrack.readers.recorded_run import RecordedRun, values_of

if TYPE_CHECKING:
    from autotrack.readers.compare.comparison import RunComparison
    from autotrack.report.file import Report

_STARTED = Name("", "started")
_HISTORY = ("run", "step", "epoch", "time", "value")


class Runs(Sequence[RecordedRun]):
    """Runs in an order, which is the newest first unless they are sorted. `where` and `sort` return new objects.

    Args:
        runs: The runs.
        names: Returns the names that these or the runs they were chosen from have: what one of them has is no mistake.
        whole: All runs of the store that these were chosen from, among which they are ranked; by default, these.
    """

    def __init__(
        self,
        runs: Sequence[RecordedRun],
        *,
        names: Callable[[], Collection[Name]] | None = None,
        whole: Sequence[RecordedRun] | None = None,
    ) -> None:
        self._runs = list(runs)
        self._whole = self._runs if whole is None else whole
        self._find_names = names or self._own_names

    @overload
    def __getitem__(self, index: int | str) -> RecordedRun: ...
    @overload
    def __getitem__(self, index: slice) -> "Runs": ...
    def __getitem__(self, index: int | str | slice) -> "RecordedRun | Runs":
        if isinstance(index, str):
            return pick(self, index)
        return self._chosen(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        return f"<Runs {[run.name for run in self._runs]}>"

    def __reduce__(self) -> tuple[type["Runs"], tuple[list[RecordedRun]]]:
        return type(self), (self._runs,)

    @cached_property
    def names(self) -> Collection[Name]:
        """The names that these or the runs they were chosen from have, as in `where`."""
        return self._find_names() if self._runs else ()

    def where(self, condition: str) -> "Runs":
        """Return the runs for which a condition holds, such as `"val_loss < 0.2 and params.lr > 1e-3"`.

        Names are `params.NAME`, `metrics.NAME` (the last value), `best.NAME`, `tags.NAME`, `git.commit`, and the
        fields of the summary: `status`, `name`, `experiment`, `duration_seconds`, `trials` (how many there are), … A
        param, a metric or a tag that shares its name with no other needs no group. A run without one of these names is
        left out; `params.lr is missing` asks for such runs. Dates and durations are texts, as in
        `started > "2026-11-25"`, `started > "2 days ago"` and `duration_seconds > "5 min"`. `name contains "otter"`
        and `error matches "CUDA.*"` look into texts. Raises `QueryError` for a condition that cannot be understood,
        and for a name that no run has.
        """
        holds = conditions.Condition(condition, self.names)
        holds.check_names()
        return self._chosen([run for run in self._runs if holds(run.value)])

    def sort(self, by: str, *, descending: bool = False) -> "Runs":
        """Return the runs ordered by a name as in `where`. Runs without it come last. Raises `QueryError`."""
        key = conditions.Query(by, self.names)
        key.check_names()
        values = [(key(run.value), run) for run in self._runs]
        having = [(conditions.sortable(value), run) for value, run in values if value is not None]
        having.sort(key=lambda item: item[0], reverse=descending)
        having.sort(key=lambda item: item[0][0])  # numbers, NaN, text: in both directions
        return self._chosen([*(run for _, run in having), *(run for value, run in values if value is None)])

    def last(self, count: int) -> "Runs":
        """Return the newest runs, in the order in which they are here."""
        newest = sorted(self._runs, key=lambda run: run.value(_STARTED), reverse=True)[
            : amounts.count("the number of runs", count)
        ]
        kept = set(map(id, newest))
        return self._chosen([run for run in self._runs if id(run) in kept])

    def best(self, metric: str | None = None) -> RecordedRun:
        """Return the run with the best value of a metric; of several, the one that comes first here.

        Args:
            metric: Its name, such as `val_loss`, or `min my_cost` and `max my_score` for a name that does not tell
                which way it gets better. By default, the metric in the settings, or else the one by which most of
                these runs are judged.

        Raises:
            QueryError: No run has a best value of it.

        >>> import tempfile, autotrack
        >>> with tempfile.TemporaryDirectory() as store:
        ...     for loss in (0.5, 0.2, 0.4):
        ...         with autotrack.start_run(to=store) as run:
        ...             run.log({"val_loss": loss})
        ...     autotrack.runs(store).best("val_loss").card()["best"]
        {'val_loss': 0.2}
        """
        name, direction = self.judged_by(metric)
        values = [(run, _best_value(run, name, direction)) for run in self._having(name)]
        finite = [item for item in values if not math.isnan(item[1])] or values
        choose = min if direction == "min" else max
        return choose(finite, key=lambda item: item[1])[0]

    def judged_by(self, metric: str | None = None) -> tuple[str, Direction]:
        """Return the metric that `best` goes by, and which way it gets better. Argument and errors are as there."""
        wanted = metric or settings.resolve().metric or self._watched()
        name, direction = split_direction(wanted)
        told_here = settings.resolve().directions.get(name) if wanted == name else None
        having = self._having(name)
        if not having:
            conditions.Query(str(Name("metrics", name)), self.names).check_names()
            raise QueryError(f"none of these {len(self)} runs has the metric {name!r}")
        if wanted == name:  # nobody says which way, so those who recorded it do, before its name does
            told = (run.card()["directions"].get(name) for run in having)
            direction = told_here or next(filter(None, told), direction)
        if direction is None:
            raise QueryError(
                f"the name {name!r} does not tell whether less or more is better; write 'min {name}' or 'max {name}'"
            )
        return name, direction

    def _having(self, metric: str) -> list[RecordedRun]:
        return [run for run in self._runs if run.value(Name("metrics", metric)) is not None]

    def remove(self) -> list[Path]:
        """Move these runs into the trash of their store; return where they are. Raises as `remove` of a run does."""
        return [run.remove() for run in self._runs]

    def compare(self, metric: str | None = None) -> "RunComparison":
        """Return these runs side by side, with the likely causes of differences. Raises `QueryError`."""
        from autotrack.readers.compare.comparison import RunComparison  # few look at runs to compare them

        return RunComparison(self._runs, metric=metric, others=self._whole)

    def report(self, path: str | os.PathLike[str] | None = None, *, title: str | None = None) -> "Report":
        """Return these runs as one page with tables, curves and comparisons; write it into the file `path`, if given.

        The file needs no server and no network, and shows all that was recorded but data, models and other files. At
        the end of a cell, a notebook shows the page. `title` is by default the experiment. Raises `OSError`.
        """
        from autotrack.report.file import Report  # the page is made by a room above this one, and few ask for it

        found = Report(self, self.names, title=title, whole=self._whole)
        if path is not None:
            found.write(path)
        return found

    def group_by(self, name: str) -> dict[Any, "Runs"]:
        """Return the runs by what a name, as in `where`, means for each; None for those that lack it."""
        key = conditions.Query(name, self.names)
        key.check_names()
        groups: dict[Any, list[RecordedRun]] = {}
        for run in self._runs:
            value = key(run.value)
            groups.setdefault(str(value) if isinstance(value, (list, dict)) else value, []).append(run)
        return {value: self._chosen(runs) for value, runs in groups.items()}

    def table(self) -> Table:
        """Return one row for each run: its folder and main fields, params, last and best values of metrics, tags."""
        return table_of(self._runs, self.names)

    def to_pandas(self) -> Any:
        """Return `table()` as a `pandas.DataFrame`."""
        return self.table().to_pandas()

    def to_polars(self) -> Any:
        """Return `table()` as a `polars.DataFrame`."""
        return self.table().to_polars()

    def to_arrow(self) -> Any:
        """Return `table()` as a `pyarrow.Table`."""
        return self.table().to_arrow()

    def history(self, metric: str) -> Table:
        """Return every point of a metric of these runs, in one long table: run, step, epoch, time, value.

        Runs without the metric are left out. Raises `QueryError` if none of the runs has it.
        """
        conditions.Query(str(Name("metrics", metric)), self.names).check_names()
        rows = [
            (run.name, point.step, point.epoch, point.time, number(point.value))
            for run in self._having(metric)
            for point in run.history(metric)
        ]
        columns = zip(*rows, strict=True) if rows else ((),) * len(_HISTORY)
        return Table(dict(zip(_HISTORY, map(list, columns), strict=True)))

    def _watched(self) -> str:
        metric = most_judged_by(run.card() for run in self._runs)
        if metric is None:
            raise QueryError(
                "none of these runs has a metric whose name tells which way it gets better; "
                "name one, as in 'min my_cost' or 'max my_score'"
            )
        return str(metric)

    def _own_names(self) -> Collection[Name]:
        return set(names_in(run.summary for run in self._runs))

    def _chosen(self, runs: Sequence[RecordedRun]) -> "Runs":
        return Runs(runs, names=lambda: self.names, whole=self._whole)


def most_judged_by(cards: Iterable[dict[str, Any]]) -> str | None:
    """Return the metric that most runs are judged by; of several, that of the first run; None if there is none."""
    count = Counter(card["judged_by"][0] for card in cards if card["judged_by"])
    return next((name for name, _ in count.most_common(1)), None)


def best_is_another(condition: str, runs: Runs) -> list[str]:
    """Return the metrics that a condition has by their short names, of which the best value is not always the last."""
    names = conditions.Condition(condition, runs.names).names
    short = [name.rest for name in names if name.group == "metrics" and f"metrics.{name.rest}" not in condition]
    return [name for name in short if _has_better(name, runs)]


def _has_better(metric: str, runs: Runs) -> bool:
    best, last = (values_of(runs, Name(group, metric)) for group in ("best", "metrics"))
    return any(one is not None and one != other for one, other in zip(best, last, strict=True))


def _best_value(run: RecordedRun, name: str, direction: Direction) -> float:
    """Return the best value of a metric that a run has, which way it gets better being told by somebody."""
    if run.card()["directions"].get(name) == direction and (best := run.value(Name("best", name))) is not None:
        return float(best)  # from the index, without reading the run
    return value_of(run.metrics[name], direction)
