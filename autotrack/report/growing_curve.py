"""One curve of a run that goes on: any part of it, thinned out, in a time that hardly grows with its length."""

from array import array
from collections.abc import Sequence
from typing import Any

from autotrack.journal.records import number
from autotrack.journal.series import Point
from autotrack.report.curves import columns_of_curve, thinned

_SMALLEST_GROUP, _TIMES, _LEVELS = 16, 8, 4
"""Groups of 16 points have their extremes kept, groups of 8 times as many those among them, and so on."""

_OF_A_GROUP = 4


class GrowingCurve:
    """Follows a list of points that only grows. What is kept of a group of neighbours is found once."""

    def __init__(self) -> None:
        self._points: Sequence[Point] = ()
        self._values = array("d")
        self._levels = [_Level(_SMALLEST_GROUP * _TIMES**level) for level in range(_LEVELS)]

    def follow(self, points: Sequence[Point]) -> None:
        """Take the points as they are now. If an earlier part was recorded again, all of them are looked at anew."""
        if points is not self._points or len(points) < len(self._values):
            self.__init__()  # type: ignore[misc]  # to begin anew is to be as at first
            self._points = points
        new = range(len(self._values), len(points))
        self._values.extend(float(number(points[place].value)) for place in new)
        below: Sequence[int] | None = None
        for level in self._levels:
            level.grow(self._values, below)
            below = level.kept

    def part(self, started: float, most: int, first: int = 0, after: int | None = None) -> dict[str, Any]:
        """Return the columns of the points from `first` to before `after`, about `most` of them at the most.

        `place` has the place of each among all points.
        """
        after = min(len(self._values) if after is None else after, len(self._values))
        places = self._candidates(max(first, 0), after, most)
        chosen = [places[place] for place in thinned([self._values[place] for place in places], most)]
        return {**columns_of_curve(self._points, chosen, started), "place": chosen}

    def _candidates(self, first: int, after: int, most: int) -> Sequence[int]:
        """Return places among which all extremes are: of large groups, if there are many points."""
        for level in reversed(self._levels):
            if (after - first) // level.size * _OF_A_GROUP >= most:
                return level.between(first, after)
        return range(first, after)


class _Level:
    """The places that are kept of groups of `size` points each, in order."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept = array("q")
        self._ends = array("q", [0])  # where in `kept` each group ends
        self._taken_below = 0

    def grow(self, values: Sequence[float], below: Sequence[int] | None) -> None:
        """Add the groups that are complete now. `below` has the places that the next smaller groups have kept."""
        while len(self._ends) * self.size <= len(values):
            group = len(self._ends)
            places: Sequence[int] = range((group - 1) * self.size, group * self.size)
            if below is not None:
                before = self._taken_below
                while self._taken_below < len(below) and below[self._taken_below] < group * self.size:
                    self._taken_below += 1
                places = below[before : self._taken_below]
            self.kept.extend(places[place] for place in thinned([values[place] for place in places], _OF_A_GROUP))
            self._ends.append(len(self.kept))

    def between(self, first: int, after: int) -> Sequence[int]:
        """Return the places that are kept of whole groups, and all others at both ends."""
        one, other = -(-first // self.size), min(after // self.size, len(self._ends) - 1)
        kept = self.kept[self._ends[one] : self._ends[other]]
        return [*range(first, one * self.size), *kept, *range(other * self.size, after)]
