"""All values of one metric, or of one kind of load: what a summary needs, and the points on demand."""

import math
from collections.abc import Callable, Iterable, Mapping
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
        value, record: The last value that was taken from a record, if no `Point` has been made of it yet.
        low, high: The lowest and highest value that was taken so.
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
    value: Number = 0.0
    record: Metrics | None = None
    low: float = math.inf
    high: float = -math.inf

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

    def settle(self) -> None:
        """Make a point of the last value that was taken from a record."""
        if self.record is not None:
            self.last = _point(self.value, self.record)
            self.source = self.record.source
            self._note_epoch(self.last)
            self.record = None

    def take_odd(self, value: Number, record: Metrics) -> None:
        """Take what is no float, as `take_all` does."""
        if isinstance(value, str):
            return
        try:
            self.total += value
        except OverflowError:  # an integer of hundreds of digits
            self.total += number(value)
        exact = number(value)
        if exact < self.low:
            self.lowest, self.low = _point(value, record), exact
        if exact > self.high:
            self.highest, self.high = _point(value, record), exact


def take_all(record: Metrics, among: Mapping[str, Series], begin: Callable[[str], Series]) -> None:
    """Have each of these series take its value of a record without keeping it, in a third of the time of `Series.add`.

    A point is made of few values only. Call `settle` before anything else is asked of the series. `begin` returns
    another one that is not among them yet.
    """
    checked: Metrics | None = None
    goes_on = True
    for name, value in record.values.items():
        series = among.get(name) or begin(name)
        before = series.record
        if before is not checked:  # most of the time, all values of a record follow those of one record
            checked, goes_on = before, _goes_on(before, record)
        if not goes_on:
            series.settle()
        series.value, series.record = value, record
        series.count += 1
        if value.__class__ is not float:
            series.take_odd(value, record)
            continue
        series.total += value
        if value < series.low:
            series.lowest, series.low = _point(value, record), value
        if value > series.high:
            series.highest, series.high = _point(value, record), value


def _point(value: Number, record: Metrics) -> Point:
    return Point(value, record.time, record.step, record.epoch, record.stage)


def _goes_on(before: Metrics | None, record: Metrics) -> bool:
    """Return whether of two records that follow each other, only the later one has to be remembered."""
    if before is None or before.epoch != record.epoch or before.stage != record.stage:
        return before is None
    return before.step == record.step or (
        before.step is not None and record.step is not None and before.step < record.step
    )
