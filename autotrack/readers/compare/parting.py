"""Where two curves of a metric part, and by how much: what changes a training from its start cannot act only later."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from autotrack.journal.records import number
from autotrack.journal.series import Point

_SAME = 1e-9
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Parting:
    """Where two curves part.

    Attributes:
        points: How many points are the same before that.
        at: The first point that differs; None if none does.
        is_longer: Whether one curve has more points.
        is_late: Whether they are the same through a whole epoch, or longer.
        gap: How far apart the first values are that differ, as a share of the larger one.
    """

    points: int
    at: Point | None
    is_longer: bool
    is_late: bool = False
    gap: float = 1.0

    @property
    def is_rounding(self) -> bool:
        """Whether they begin to differ by no more than rounding makes, as with other threads or another processor."""
        return self.at is not None and self.gap < _ROUNDING

    def __str__(self) -> str:
        if self.at is None:
            return "the curves are the same" + (", one goes on for longer" if self.is_longer else "")
        place = f"epoch {self.at.epoch}" if self.at.epoch is not None else f"step {self.at.step}"
        said = "the curves differ from the first value on" if not self.points else f"the curves part at {place}"
        return said + (", at first in the last digits only" if self.is_rounding else "")


def parting(curve: Sequence[Point], other: Sequence[Point]) -> Parting:
    """Return where two curves of one metric part: at the same epochs, at the same steps, or else point by point.

    So it does not matter if one of them was recorded more often.
    """
    keys, other_keys = _places(curve, other)
    beside = dict(zip(other_keys, other, strict=True))
    pairs = [(point, beside[key]) for key, point in zip(keys, curve, strict=True) if key in beside]
    is_longer = keys[-1:] != other_keys[-1:]
    for index, (point, twin) in enumerate(pairs):
        one, two = number(point.value), number(twin.value)
        if not math.isclose(one, two, rel_tol=_SAME, abs_tol=_SAME) and not (math.isnan(one) and math.isnan(two)):
            return Parting(index, point, is_longer, _is_late(curve[0], point, index), _gap(one, two))
    return Parting(len(pairs), None, is_longer)


def _places(curve: Sequence[Point], other: Sequence[Point]) -> tuple[list[int], list[int]]:
    """Return where the points of both curves are: in epochs if no two are in one, in steps if both have some at once.

    Else it is their numbers.
    """
    for read in (attrgetter("epoch"), attrgetter("step")):
        places = [read(point) for point in curve], [read(point) for point in other]
        are_distinct = all(None not in one and len(set(one)) == len(one) for one in places)
        if are_distinct and not set(places[0]).isdisjoint(places[1]):
            return places
    return list(range(len(curve))), list(range(len(other)))


def _is_late(first: Point, point: Point, index: int) -> bool:
    if point.epoch is None or first.epoch is None:
        return index > 1
    return point.epoch > first.epoch


def _gap(one: float, other: float) -> float:
    largest = max(abs(one), abs(other))
    return abs(one - other) / largest if 0 < largest < math.inf else 1.0
