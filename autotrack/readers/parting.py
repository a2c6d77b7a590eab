"""Where two curves of a metric part, and by how much: what changes a training from its start cannot act only later."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Return where two curves of one metric part, point by point."""
    is_longer = len(curve) != len(other)
    for index, (point, beside) in enumerate(zip(curve, other, strict=False)):
        one, two = number(point.value), number(beside.value)
        if not math.isclose(one, two, rel_tol=_SAME, abs_tol=_SAME) and not (math.isnan(one) and math.isnan(two)):
            return Parting(index, point, is_longer, _is_late(curve[0], point, index), _gap(one, two))
    return Parting(min(len(curve), len(other)), None, is_longer)


def _is_late(first: Point, point: Point, index: int) -> bool:
    if point.epoch is None or first.epoch is None:
        return index > 1
    return point.epoch > first.epoch


def _gap(one: float, other: float) -> float:
    largest = max(abs(one), abs(other))
    return abs(one - other) / largest if 0 < largest < math.inf else 1.0
