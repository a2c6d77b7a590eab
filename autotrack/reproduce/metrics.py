"""Compares every metric of two runs at every step: values of the same step and epoch, in the order they were logged.

Of metrics that were found in what a script prints, the steps may shift with what else is printed at the time, so their
values are compared in their order alone.
"""

import math
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from autotrack.journal.fold import Fold
from autotrack.journal.records import PRINTED, number
from autotrack.journal.series import Point
from autotrack.readers.plain import plain

_MEASURES_THE_MACHINE = re.compile(
    r"(^|[_/. ])(seconds?|secs?|time|times|elapsed|duration|eta|ms|speed|throughput)(?=$|[_/. ])"
    r"|per_second|per_sec\b|it/s|data_wait_percent|(memory|_bytes|_mb|_gb|_mib|_gib)$",
    re.IGNORECASE,
)
_MEASURES_THE_MODEL = re.compile(
    r"(^|[_/. ])(loss|error|accuracy|acc|score|auc|f1|r2|[rn]?m[sa]p?e|nll|perplexity|precision|recall)(@?\d+)?$",
    re.IGNORECASE,
)
"""How names end that are no durations although there is a word such as `time` in them: `time_series_mse`."""


@dataclass(frozen=True)
class MetricDifference:
    """One metric of two runs.

    Attributes:
        name: The metric.
        points: How many points both runs have, at the same steps.
        original_points, repeated_points: How many points each of them has.
        original, repeated: The last values.
        largest: The largest difference between two values; 0 if all of them are the same, bit for bit.
        relative: The largest of the differences, each in proportion to the larger of its two values.
        parted: The first point of the original that differs by more than the tolerance; None if there is none.
        parted_repeated: The value of the repeated run there.
        alone: The first point at a step and epoch for which the other run has none.
    """

    name: str
    points: int
    original_points: int
    repeated_points: int
    original: float | None
    repeated: float | None
    largest: float
    relative: float
    parted: Point | None
    parted_repeated: float | None
    alone: Point | None = None

    @property
    def is_identical(self) -> bool:
        """Whether both runs have the same points, bit for bit."""
        return not self.largest and self.alone is None

    @property
    def is_same(self) -> bool:
        """Whether both runs have points at the same steps, and none of them differ by more than the tolerance."""
        return self.parted is None and self.alone is None

    @property
    def place(self) -> str:
        """Where the two part, in words; nothing if they do not."""
        if self.parted is not None:
            return _place_of(self.parted)
        if self.alone is None:
            return ""
        if self.original_points != self.repeated_points:
            return f"{self.repeated_points} instead of {self.original_points} points"
        return f"only one has {_place_of(self.alone)}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        parted = self.parted
        return {
            "metric": self.name,
            "points": self.points,
            "original_points": self.original_points,
            "repeated_points": self.repeated_points,
            "original": plain(self.original),
            "repeated": plain(self.repeated),
            "identical": self.is_identical,
            "same": self.is_same,
            "largest_difference": plain(self.largest),
            "largest_relative_difference": plain(self.relative),
            "parted": None
            if parted is None
            else {
                "step": parted.step,
                "epoch": parted.epoch,
                "original": plain(number(parted.value)),
                "repeated": plain(self.parted_repeated),
            },
        }


def metric_differences(
    original: Fold, repeated: Fold, *, tolerance: float, is_cut_short: bool = False
) -> list[MetricDifference]:
    """Return how each metric of two runs differs, those that differ most first.

    Durations, speeds and memory are left out: they are of the machine, and never the same twice. Of an original that
    `is_cut_short`, what only the repeated run has is no difference: it came further.
    """
    curves, others = _curves(original), _curves(repeated)
    printed = _printed(original) | _printed(repeated)
    names = [
        name for name in dict.fromkeys(curves if is_cut_short else [*curves, *others]) if not _is_of_machine(name)
    ]
    found = [
        _difference(
            name,
            curves.get(name, ()),
            others.get(name, ()),
            tolerance,
            in_order=name in printed,
            is_cut_short=is_cut_short,
        )
        for name in names
    ]
    return sorted(found, key=lambda one: (one.is_identical, one.is_same, -one.relative))


def _is_of_machine(name: str) -> bool:
    return _MEASURES_THE_MACHINE.search(name) is not None and _MEASURES_THE_MODEL.search(name) is None


def _printed(fold: Fold) -> set[str]:
    return {name for name, metric in fold.summary().metrics.items() if metric.source == PRINTED}


def _curves(fold: Fold) -> dict[str, Sequence[Point]]:
    """Return the points of all metrics, and the results of the candidates of a search, by their numbers."""
    curves: dict[str, list[Point]] = {name: list(points) for name, points in fold.points.items()}
    for trial in fold.summary().trials:
        for name, value in trial.values.items():
            point = Point(value, trial.time, step=trial.number)
            curves.setdefault(f"{name} of {trial.kind}s", []).append(point)
    return dict(curves)


def _difference(
    name: str,
    original: Sequence[Point],
    repeated: Sequence[Point],
    tolerance: float,
    *,
    in_order: bool,
    is_cut_short: bool,
) -> MetricDifference:
    largest, largest_relative, points = 0.0, 0.0, 0
    parted: Point | None = None
    parted_repeated: float | None = None
    alone: Point | None = None
    for point, beside in _pairs(original, repeated, in_order=in_order):
        if point is None or beside is None:
            alone = alone or point or (None if is_cut_short else beside)
            continue
        points += 1
        one, other = float(number(point.value)), float(number(beside.value))
        apart, relative = _apart(one, other)
        largest, largest_relative = max(largest, apart), max(largest_relative, relative)
        if parted is None and min(apart, relative) > tolerance:
            parted, parted_repeated = point, other
    return MetricDifference(
        name=name,
        points=points,
        original_points=len(original),
        repeated_points=len(repeated),
        original=_last(original),
        repeated=_last(repeated),
        largest=largest,
        relative=largest_relative,
        parted=parted,
        parted_repeated=parted_repeated,
        alone=alone,
    )


def _pairs(
    original: Collection[Point], repeated: Collection[Point], *, in_order: bool
) -> Iterator[tuple[Point | None, Point | None]]:
    """Yield the points that belong together: of the same step and epoch, or else those at the same place.

    Where a run has several of a step and epoch, they belong together in their order. A point for which the other run
    has none stands beside None; those that only the repeated run has come last.
    """
    if in_order:
        yield from zip_longest(original, repeated)
        return
    waiting: dict[tuple[int | None, int | None], deque[Point]] = {}
    for point in repeated:
        waiting.setdefault((point.step, point.epoch), deque()).append(point)
    for point in original:
        beside = waiting.get((point.step, point.epoch))
        yield point, beside.popleft() if beside else None
    yield from ((None, point) for points in waiting.values() for point in points)


def _place_of(point: Point) -> str:
    if point.step is not None:
        return f"step {point.step}"
    return f"epoch {point.epoch}" if point.epoch is not None else "the first value"


def _apart(one: float, other: float) -> tuple[float, float]:
    """Return how far two values are apart, and that in proportion to the larger one."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0, 0.0
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.inf, math.inf
    apart = abs(one - other)
    return apart, apart / max(abs(one), abs(other))


def _last(points: Sequence[Point]) -> float | None:
    return float(number(points[-1].value)) if points else None
