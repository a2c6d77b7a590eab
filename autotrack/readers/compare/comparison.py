"""Two or more runs side by side: what differs, how their metrics compare, and why."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from autotrack.errors import QueryError
from autotrack.journal.directions import Direction, split_direction
from autotrack.journal.judging import main_metrics, value_of
from autotrack.journal.params import is_place, varies_by_itself
from autotrack.journal.records import number
from autotrack.journal.series import Point
from autotrack.journal.summary import Summary
from autotrack.readers.code.changes import CodeChanges, code_changes
from autotrack.readers.compare.across_runs import across_runs, besides_params
from autotrack.readers.compare.cause import Cause
from autotrack.readers.compare.causes import likely_causes
from autotrack.readers.compare.consequences import Setters
from autotrack.readers.compare.difference import Difference
from autotrack.readers.compare.differences import differences
from autotrack.readers.compare.parting import Parting, parting
from autotrack.readers.compare.repeats import Spread, spread_of
from autotrack.readers.compare.system_differences import PACKAGES, named_packages
from autotrack.readers.compare.unlike import in_words
from autotrack.readers.lists.table import Table
from autotrack.readers.query.names import proposed

_MOST_PACKAGES = 20
_MOST_ASKED_WHO_SET = 20


class Comparable(Protocol):
    """What is compared: a `RecordedRun`."""

    @property
    def folder(self) -> Path:
        """The run folder."""

    @property
    def experiment(self) -> str:
        """The experiment that it belongs to."""

    @property
    def summary(self) -> Summary:
        """What was recorded, in short."""

    def card(self) -> dict[str, Any]:
        """Return what lists show of it, which an index knows."""

    def history(self, metric: str) -> Sequence[Point]:
        """Return the points of a metric. Raises `KeyError`."""


class RunComparison:
    """Runs side by side. The first one is compared with each of the others.

    Args:
        runs: Two or more runs.
        metric: By which they are compared; by default, what the first run is judged by.
        others: Runs among which repeats of these are looked for, such as all of the store.

    Attributes:
        runs: The runs.
        metric: By which they are compared; None if they have none in common.
    """

    def __init__(
        self, runs: Sequence[Comparable], *, metric: str | None = None, others: Iterable[Comparable] = ()
    ) -> None:
        if len(runs) < 2:
            raise QueryError(f"{len(runs)} run cannot be compared; name two or more")
        self.runs = list(runs)
        self._others = others
        self._curves: dict[int, Sequence[Point] | None] = {}
        self.metric, self._direction = self._choose_metric(metric)

    def _choose_metric(self, wanted: str | None) -> tuple[str | None, Direction | None]:
        summaries = [run.summary for run in self.runs]
        name: str | None
        asked: Direction | None = None
        if wanted:
            name, direction = split_direction(wanted)
            asked = direction if name != wanted.strip() else None
            if not any(name in summary.metrics for summary in summaries):
                known = {name for summary in summaries for name in summary.metrics}
                raise QueryError(f"none of these runs has the metric {name!r}; {proposed(name, known)}")
        else:
            candidates = (name for summary in summaries for name in main_metrics(summary))
            shared = (name for name in candidates if all(name in summary.metrics for summary in summaries))
            name, direction = next(shared, None), None
        recorded = (summary.metrics[name].better for summary in summaries if name in summary.metrics)
        told: Direction | None = next(filter(None, recorded), direction)  # who recorded it knows better than a name
        return name, asked or told

    def values(self, metric: str) -> list[float | None]:
        """Return the best value of a metric for each run, or the last one if no value is better than another.

        The metric that they are compared by has one direction for all, also where not all were recorded with it.
        """
        direction = self._direction if metric == self.metric else None
        recorded = [run.summary.metrics.get(metric) for run in self.runs]
        return [None if one is None else value_of(one, direction) for one in recorded]

    def title(self, metric: str) -> str:
        """Return a metric as what `values` has of it is called: `best loss` where that is not always the last one."""
        recorded = [run.summary.metrics.get(metric) for run in self.runs]
        pairs = zip(self.values(metric), recorded, strict=True)
        is_best = any(one and value != number(one.last.value) and value == value for value, one in pairs)  # noqa: PLR0124
        return f"best {metric}" if is_best else metric

    @cached_property
    def differences(self) -> dict[str, list[str]]:
        """What differs between the second run and the first, as phrases by area."""
        found = differences(self.runs[1].summary, self.runs[0].summary)
        if self.system:
            known = [phrase for phrase in found["system"] if not phrase.startswith(PACKAGES)]
            left = len(self.system) - _MOST_PACKAGES
            more = [f"{left} more {PACKAGES}"] if left > 0 else []
            found["system"] = [*known, *map(str, self.system[:_MOST_PACKAGES]), *more]
        return found

    @cached_property
    def system(self) -> list[Difference]:
        """The packages of the operating system that differ, by name, those that compute first."""
        before, now = self.runs[:2]
        facts = [run.summary.environment.get("system_packages", {}) for run in (before, now)]
        if facts[0].get("digest") == facts[1].get("digest"):
            return []
        return named_packages((before.folder, now.folder), (before.summary, now.summary))

    @cached_property
    def causes(self) -> list[Cause]:
        """The likely causes of the difference in the metric, the likeliest first.

        Of two runs, by what is known to matter; of ten or more, by how well each param explains the metric. Of three
        to nine, it is the difference between the first two.
        """
        if self.is_across_runs:
            return self._of_all_runs
        now, before = self.runs[1].summary, self.runs[0].summary
        return likely_causes(
            now,
            before,
            parted=self.parting,
            spread=self.spread,
            code=self.code,
            system=self.system,
            is_same=self._is_same,
        )

    @property
    def _is_same(self) -> bool:
        """Whether the metric came to the same in the first two runs, by the same way as far as that is known."""
        first, second = self.values(self.metric)[:2] if self.metric else (None, None)
        is_same_curve = self.parting is None or (self.parting.at is None and not self.parting.is_longer)
        return first is not None and first == second and is_same_curve

    @cached_property
    def unlike(self) -> str:
        """In what the runs are different trainings, such as `different scripts (a.py, b.py)`; nothing if they are not.

        Then single params are no likely causes of the difference.
        """
        return in_words([run.summary for run in self.runs])

    @cached_property
    def code(self) -> CodeChanges | None:
        """How the code of the second run differs from that of the first, file by file; None if it was not recorded."""
        before, now = self.runs[:2]
        return code_changes((before.folder, now.folder), (before.summary, now.summary))

    @property
    def is_across_runs(self) -> bool:
        """Whether the causes are about all runs, and not about the difference between the first two."""
        return len(self.runs) > 2 and bool(self._of_all_runs)

    @cached_property
    def parting(self) -> Parting | None:
        """Where the curves of the metric part, of the first two runs; None if it has no curves."""
        first, second = self.curve(0), self.curve(1)
        if first is None or second is None or max(len(first), len(second)) < 2:
            return None
        return parting(second, first)

    def curve(self, place: int) -> Sequence[Point] | None:
        """Return the points of the metric of one of the runs, whose journals are read once; None if it has none."""
        if place not in self._curves:
            try:
                self._curves[place] = self.runs[place].history(self.metric or "")
            except (KeyError, OSError):
                self._curves[place] = None
        return self._curves[place]

    @cached_property
    def spread(self) -> Spread | None:
        """What seeds alone make of the metric, told by repeats of one of the first two runs; None if there are few."""
        if self.metric is None:
            return None
        first, second = (run.card() for run in self.runs[:2])
        if any(card["directions"].get(self.metric) != self._direction for card in (first, second)):
            return None  # what is known of repeats are their best values in the other direction
        return spread_of(self.metric, second, first, (run.card() for run in self._others))

    def params(self) -> Table:
        """Return the params that differ: their names, and a column for each run, by its name."""
        summaries = [run.summary for run in self.runs]
        names = dict.fromkeys(name for summary in summaries for name in summary.params)
        rows = [(name, [summary.params.get(name) for summary in summaries]) for name in names]
        return self._columns("param", [(name, values) for name, values in rows if _tells(name, values)])

    def metrics(self) -> Table:
        """Return the metrics: their names, and the best or last value of each run, by its name."""
        names = dict.fromkeys(name for run in self.runs for name in run.summary.metrics)
        return self._columns("metric", [(name, self.values(name)) for name in names])

    def as_dict(self, *, with_code: bool = False) -> dict[str, Any]:
        """Return all of it as plain values, for JSON; `with_code` also the difference of the code, file by file."""
        code = {"code": self.code.as_dict() if self.code is not None else None} if with_code else {}
        return {
            "runs": [
                {"name": run.summary.name, "id": run.summary.id, "folder": str(run.folder.absolute())}
                for run in self.runs
            ],
            "metric": self.metric,
            "better": self._direction,
            "values": self.values(self.metric) if self.metric else [],
            "unlike": self.unlike,
            "causes": [cause.as_dict() for cause in self.causes],
            "differences": self.differences,
            "params": self.params().rows(),
            "metrics": self.metrics().rows(),
            **code,
        }

    def _columns(self, head: str, rows: Sequence[tuple[str, Sequence[Any]]]) -> Table:
        labels = self.labels
        columns: dict[str, list[Any]] = {head: [name for name, _ in rows]}
        for index, label in enumerate(labels):
            columns[label] = [values[index] for _, values in rows]
        return Table(columns)

    @cached_property
    def labels(self) -> list[str]:
        """What each run is called: by its name, or by as much of its path as tells it from the others."""
        named = [
            (run.summary.name, run.folder.name, f"{run.folder.parent.name}/{run.folder.name}", str(run.folder))
            for run in self.runs
        ]
        counts = [Counter(column) for column in zip(*named, strict=True)]
        return [
            next(
                (label for label, count in zip(names, counts, strict=True) if count[label] == 1),
                f"{names[0]} {number}",
            )
            for number, names in enumerate(named, start=1)
        ]

    @cached_property
    def _of_all_runs(self) -> list[Cause]:
        """Return how well what differs explains the metric, if there are enough runs; none otherwise."""
        if self.metric is None:
            return []
        values = self.values(self.metric)
        having = [place for place, value in enumerate(values) if value is not None and not math.isnan(value)]
        table = self.params()
        columns = [table[label] for label in self.labels]
        names = {name: [columns[place][row] for place in having] for row, name in enumerate(table["param"])}
        summaries = [self.runs[place].summary for place in having]
        facts = {**names, **besides_params(summaries)}
        metric = [value for place in having if (value := values[place]) is not None]
        return across_runs(facts, metric, self.metric, Setters(summaries[:_MOST_ASKED_WHO_SET]))


def _tells(name: str, values: Sequence[Any]) -> bool:
    """Return whether a param differs, and not by itself."""
    if is_place(name) or all(value is None or varies_by_itself(name, value) for value in values):
        return False
    return len({repr(value) for value in values}) > 1
