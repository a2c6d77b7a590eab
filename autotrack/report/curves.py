"""The curves of a run as columns, thinned out to as many points as can be seen, without losing extremes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autotrack.journal.fold import Fold
from autotrack.journal.records import number
from autotrack.journal.series import Point
from autotrack.readers.plain import plain

FEWEST, MOST = 100, 4_000
"""Between these lies how many points a curve keeps in a file, whatever the number of curves."""

_ALL_POINTS = 600_000

_DIGITS = 7
"""What single precision has. The last and best values of a metric are kept as they are, beside the curves."""


def points_for_each(curves: int) -> int:
    """Return how many points each of so many curves may keep, so that a file does not become too large to mail."""
    return min(max(_ALL_POINTS // max(curves, 1), FEWEST), MOST)


def points_of(folded: Fold) -> dict[str, list[Point]]:
    """Return the points of the metrics of a run, and of its load as `system/…`, without those that have none."""
    named: Mapping[str, list[Point]] = {
        **folded.points,
        **{f"system/{name}": points for name, points in folded.system.items()},
    }
    return {name: points for name, points in named.items() if points}


def curves_of(folded: Fold, started: float, most: int) -> dict[str, dict[str, Any]]:
    """Return the curves of `points_of`. Times are seconds since `started`."""
    return {name: curve_of(points, started, most) for name, points in points_of(folded).items()}


def curve_of(points: Sequence[Point], started: float, most: int) -> dict[str, Any]:
    """Return one curve: how many points were recorded (`count`), and the columns of those that are kept."""
    places = thinned([float(number(point.value)) for point in points], most)
    return columns_of_curve(points, places, started)


def columns_of_curve(points: Sequence[Point], places: Sequence[int], started: float) -> dict[str, Any]:
    """Return the columns of the points at these places, and how many points there are."""
    kept = [points[place] for place in places]
    return {
        "count": len(points),
        "step": _column([point.step for point in kept]),
        "epoch": _column([point.epoch for point in kept]),
        "time": [round(point.time - started, 2) for point in kept],
        "value": [_rounded(float(number(point.value))) for point in kept],
        "stage": points[-1].stage,
    }


def thinned(values: Sequence[float], most: int) -> Sequence[int]:
    """Return the places of the values to keep, in order, about `most` of them at the most.

    Values that stand side by side form groups. Of each group, the first, the last, the lowest and the highest value
    are kept, and a value that is no number, if there is one: so a curve looks the same, with all its peaks.

    >>> list(thinned([0, 0, 0, 9, 0, 0, 0, -7, 0, 0, 0, 0], 8))
    [0, 3, 5, 6, 7, 11]
    """
    if len(values) <= most:
        return range(len(values))
    groups = max(most // 4, 1)
    kept: set[int] = set()
    for group in range(groups):
        first, after = group * len(values) // groups, (group + 1) * len(values) // groups
        places = range(first, after)
        finite = [place for place in places if math.isfinite(values[place])]
        kept |= {first, after - 1}
        if finite:
            kept |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)}
        if len(finite) < len(places):
            kept.add(next(place for place in places if not math.isfinite(values[place])))
    return sorted(kept)


def _column(values: list[int | None]) -> list[Any] | None:
    """Return a column; None if there is nothing in it."""
    return None if all(value is None for value in values) else [plain(value) for value in values]


def _rounded(value: float) -> Any:
    return plain(value if value == 0 or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}"))
