"""How a run compares with others of its kind: in one line, and by rank. Whoever tells a rank tells it from here."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from autotrack.journal.directions import Direction
from autotrack.journal.judging import judged_by
from autotrack.journal.records import Number, number
from autotrack.journal.summary import Summary

Rivals = dict[str, list[tuple[str, Number]]]
"""By metric, the names of earlier runs, and their best values."""

Noise = dict[str, tuple[str, float]]
"""By metric, what repeats of one configuration come to, in words, and how far apart two of them may lie."""

Who = TypeVar("Who")


@dataclass(frozen=True)
class Place(Generic[Who]):
    """The place of a run among `count` runs, the best of the others, and whether others share the place."""

    rank: int
    count: int
    best: Who
    best_value: Number
    is_shared: bool


class Ladder(Generic[Who]):
    """Runs in the order of their best values of a metric. Runs with the same value share a place; NaN is the last.

    Args:
        values: The runs, by whatever tells them apart, with their values.
        better: Which way the metric gets better.
    """

    def __init__(self, values: Iterable[tuple[Who, Number]], better: Direction | None) -> None:
        self._better = better
        self._rungs = sorted(((self._height(value), who, value) for who, value in values), key=lambda rung: rung[0])
        self._heights = [height for height, *_ in self._rungs]
        self._height_of = {who: height for height, who, _ in self._rungs}

    def place_of(self, value: Number, *, own: Who | None = None) -> Place[Who] | None:
        """Return the place of a run with this value; None if there is no other. It may be among them, as `own`."""
        height = self._height(value)
        first, end = bisect_left(self._heights, height), bisect_right(self._heights, height)
        inside = self._height_of.get(own) if own is not None else None  # as it was when the runs were looked at
        best = next(((who, other) for _, who, other in self._rungs if own is None or who != own), None)
        if best is None:
            return None
        is_shared = any(own is None or who != own for _, who, _ in self._rungs[first:end])
        ahead = first - (inside is not None and inside < height)
        return Place(ahead + 1, len(self._rungs) + (inside is None), *best, is_shared)

    def _height(self, value: Number) -> tuple[bool, float]:
        plain = float(number(value))
        return plain != plain, -plain if self._better == "max" else plain  # noqa: PLR0124  NaN is not itself


class Comparison(msgspec.Struct, frozen=True):
    """What is said of a run beside earlier ones of its kind.

    Attributes:
        since: How it differs from the last one and the best one, in one line; nothing if there is none.
        rivals: What it is ranked among.
        by_metric: What `since` is for each metric that the best one is chosen by.
        to_repeat: What would be missing to repeat the run, in a few words; nothing if nothing is.
        is_of_latest: Whether there are older runs that were not looked at.
        noise: What seeds alone make of metrics, where there are repeats.
        at_start: The line for the start of the run; nothing where nothing differs that may matter.
    """

    since: str = ""
    rivals: Rivals = {}
    by_metric: dict[str, str] = {}
    to_repeat: str = ""
    is_of_latest: bool = False
    noise: Noise = {}
    at_start: str = ""

    def of(self, summary: Summary) -> "tuple[str, Standing | None]":
        """Return how a run differs and how it ranks, both by the metric that it is judged by."""
        metric = judged_by(summary)
        if metric in self.by_metric or not self.by_metric:
            standing = standing_of(summary, self.rivals, is_of_latest=self.is_of_latest, noise=self.noise)
            return self.by_metric.get(metric or "", self.since), standing
        return self.since, None


class Standing(msgspec.Struct, frozen=True):
    """The rank of a run among `count` runs by its best `value` of a metric, and the best of the others.

    Attributes:
        is_shared: Whether others have the same value.
        is_of_latest: Whether there are older runs, which do not count.
        noise: What repeats come to, if this run and the best of the others lie no farther apart than two of them may.
    """

    metric: str
    value: Number
    rank: int
    count: int
    best_name: str
    best_value: Number
    is_shared: bool = False
    is_of_latest: bool = False
    noise: str = ""


def standing_of(
    summary: Summary, rivals: Rivals, *, is_of_latest: bool = False, noise: Noise | None = None
) -> Standing | None:
    """Return how a run ranks by the metric that it is judged by; None if no other run has that metric."""
    metric = judged_by(summary) or ""
    others = rivals.get(metric)
    best = summary.metrics[metric].best if others else None
    if not others or best is None:
        return None
    place = Ladder(enumerate(value for _, value in others), summary.metrics[metric].better).place_of(best.value)
    if place is None:
        return None
    repeats, reach = (noise or {}).get(metric, ("", -1.0))
    apart = abs(float(number(best.value)) - float(number(place.best_value)))
    return Standing(
        metric,
        best.value,
        place.rank,
        place.count,
        others[place.best][0],
        place.best_value,
        place.is_shared,
        is_of_latest,
        repeats if 0 < apart <= reach else "",
    )
