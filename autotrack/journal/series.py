"""All values of one metric, or of one kind of load: what a summary needs, and the points on demand."""

from collections.abc import Iterable
from typing import Self

import msgspec

from autotrack.journal.records import Metrics, Number, number


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured value, and where in the training it was measured."""

    value: Number
    time: float
    step: int | None = None
    epoch: int | None = None
    stage: str | None = None


_NONE = Point(0.0, 0.0)
"""In the place of the last point, before there is one."""


class Series(msgspec.Struct, kw_only=True):
    """Takes the points of one metric in order. It keeps them only on demand, because a long training has millions.

    Attributes:
        last: The last point.
        lowest, highest: The first point with the lowest or highest finite value.
        total: The sum of the values that are numbers.
        by_epoch: For each epoch, the last point that was not measured in a test.
        steps: For each epoch, the last step.
        source: Where the last point comes from; None if it was logged.
        points: All points, if they are kept.
        waiting: The last value of a record that was taken, and the record: no `Point` has been made of it yet.
    """

    last: Point = _NONE
    lowest: Point | None = None
    highest: Point | None = None
    source: str | None = None
    total: float = 0.0
    count: int = 0
    by_epoch: dict[int, Point] = {}
    steps: dict[int, int] = {}
    points: list[Point] | None = None
    waiting: tuple[Number, Metrics] | None = None

    @classmethod
    def of(cls, points: Iterable[Point]) -> Self:
        """Return a series that keeps these points."""
        series = cls(points=[])
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
        self._note_epoch(point)

    def _note_epoch(self, point: Point) -> None:
        if point.epoch is not None and point.stage != "test":
            self.by_epoch[point.epoch] = point
            if point.step is not None:
                self.steps[point.epoch] = max(point.step, self.steps.get(point.epoch, point.step))

    def take(self, value: Number, record: Metrics) -> None:
        """Take the next value, of a record, if points are not kept: as `add`, but a point is made of few values only.

        Call `settle` before anything but `take` is asked of the series.
        """
        if self.waiting is not None:
            before = self.waiting[1]
            if before.epoch != record.epoch or before.stage != record.stage or not _goes_on(before.step, record.step):
                self.settle()
        self.waiting = value, record
        self.count += 1
        if value.__class__ is not float and isinstance(value, str):
            return
        try:
            self.total += value
        except OverflowError:  # an integer of hundreds of digits
            self.total += number(value)
        lowest, highest = self.lowest, self.highest
        if lowest is None or highest is None:
            self.lowest = self.highest = _point(value, record)
        elif value < number(lowest.value):
            self.lowest = _point(value, record)
        elif value > number(highest.value):
            self.highest = _point(value, record)

    def settle(self) -> None:
        """Make a point of the last value that was taken."""
        if self.waiting is not None:
            self.last = _point(*self.waiting)
            self._note_epoch(self.last)
            self.waiting = None


def _point(value: Number, record: Metrics) -> Point:
    return Point(value, record.time, record.step, record.epoch, record.stage)


def _goes_on(step: int | None, after: int | None) -> bool:
    """Return whether only the later one of two steps has to be remembered."""
    return step == after or (step is not None and after is not None and step < after)
