"""How a run ranks among the runs of its kind, wherever that is told: on a terminal, in a report, in TensorBoard."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autotrack.format import ranked
from autotrack.journal.directions import Direction
from autotrack.journal.judging import judged_by
from autotrack.journal.records import Number
from autotrack.journal.standing import Ladder
from autotrack.readers.recorded_run import RecordedRun


@dataclass(frozen=True)
class Rank:
    """The place of a run among `count` of its experiment, by its best value of a metric.

    Attributes:
        value: Its own best value.
        best: The best of the others.
        best_value: The best value of that one.
        is_shared: Whether others have the same value.
    """

    metric: str
    direction: Direction
    place: int
    count: int
    value: Number
    best: RecordedRun | None
    best_value: Number | None
    is_shared: bool

    def __str__(self) -> str:
        return f"{self.in_words} by {self.metric}" if self.in_words else ""

    @property
    def in_words(self) -> str:
        """Return the place, for where the metric is named already; nothing for a single run."""
        return ranked(self.place, self.count, is_shared=self.is_shared) if self.count > 1 else ""


class Ranks:
    """Ranks runs among `runs`: each by its best value, among those of its kind for which the metric means the same."""

    def __init__(self, runs: Iterable[RecordedRun]) -> None:
        self._by_kind: dict[str, list[RecordedRun]] = {}
        for run in runs:
            self._by_kind.setdefault(run.card()["kind"], []).append(run)
        self._ladders: dict[tuple[str, str, Direction], Ladder[str]] = {}
        self._by_id = {run.card()["id"]: run for alike in self._by_kind.values() for run in alike}

    def of(self, run: RecordedRun, *, wanted: str = "") -> Rank | None:
        """Return how a run ranks, which may be among the others; None if it has no metric that runs are judged by.

        `wanted` is the setting `metric`.
        """
        metric = judged_by(run.summary, wanted=wanted)
        recorded = run.summary.metrics.get(metric or "")
        if metric is None or recorded is None or recorded.best is None or recorded.better is None:
            return None
        value = recorded.best.value
        place = self._ladder(run.card()["kind"], metric, recorded.better).place_of(value, own=run.id)
        if place is None:
            return Rank(metric, recorded.better, 1, 1, value, None, None, is_shared=False)
        best = self._by_id[place.best]
        return Rank(
            metric, recorded.better, place.rank, place.count, value, best, place.best_value, is_shared=place.is_shared
        )

    def _ladder(self, kind: str, metric: str, better: Direction) -> Ladder[str]:
        key = kind, metric, better
        if key not in self._ladders:
            cards = (run.card() for run in self._by_kind.get(kind, ()))
            having = (card for card in cards if card["directions"].get(metric) == better and metric in card["best"])
            self._ladders[key] = Ladder({card["id"]: card["best"][metric] for card in having}.items(), better)
        return self._ladders[key]


def is_alike(card: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two runs are of one kind: see `kind_of`."""
    return bool(card["kind"] == other["kind"])
