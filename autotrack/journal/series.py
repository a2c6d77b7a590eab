"""All values of one metric, or of one kind of load: what a summary needs, and the points on demand."""

from collections.abc import Iterable
from typing import Self

import msgspec

from autotrack.journal.records import Number, number


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured value, and where in the training it was measured."""

    value: Number
    time: float
    step: int | None = None
    epoch: int | None = None
    stage: str | None = None


class Series:
    """Takes the points of one metric in order. It keeps them only on demand, because a long training has millions.

    Attributes:
        lowest, highest: The first point with the lowest or highest finite value.
        by_epoch: For each epoch, the last point that was not measured in a test.
        steps: For each epoch, the last step.
        source: Where the last point comes from; None if it was logged.
    """

    __slots__ = ("by_epoch", "count", "highest", "last", "lowest", "points", "source", "steps", "total")

    def __init__(self, *, keep_points: bool) -> None:
        self.points: list[Point] | None = [] if keep_points else None
        self.last: Point
        self.lowest: Point | None = None
        self.highest: Point | None = None
        self.source: str | None = None
        self.total = 0.0
        self.count = 0
        self.by_epoch: dict[int, Point] = {}
        self.steps: dict[int, int] = {}

    @classmethod
    def of(cls, points: Iterable[Point]) -> Self:
        """Return a series that keeps these points."""
        series = cls(keep_points=True)
        for point in points:
            series.add(point)
        return series

    def add(self, point: Point) -> None:
        """Take the next point."""
        self.last = point
        self.count += 1
        if self.points is not None:
            self.points.append(point)
        if not isinstance(point.value, str):
            try:
                self.total += point.value
            except OverflowError:  # an integer of hundreds of digits
                self.total += number(point.value)
            if self.lowest is None or point.value < number(self.lowest.value):
                self.lowest = point
            if self.highest is None or point.value > number(self.highest.value):
                self.highest = point
        if point.epoch is not None and point.stage != "test":
            self.by_epoch[point.epoch] = point
            if point.step is not None:
                self.steps[point.epoch] = max(point.step, self.steps.get(point.epoch, point.step))
