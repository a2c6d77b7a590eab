"""The points of one metric as columns: a long training has millions, and an object for each takes ten times more."""

from __future__ import annotations  # Python 3.11 knows no `array[float]`

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, TypeAlias, overload

from autotrack.errors import MissingLibraryError
from autotrack.journal.records import Number, number
from autotrack.journal.series import Point

NO_STEP = -(2**63)
"""In a column of steps: the point has none."""

_FEWEST_IN_RANGE = 8
_BLOCK = 2**14
_EXACT = 2**53
_NOT_FINITE: dict[str, Number] = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

Steps: TypeAlias = "range | array[int] | list[int | None]"


class Repeats:
    """A column of values that seldom change: where each begins, and what it is."""

    def __init__(self) -> None:
        self.begins = array("q")
        self.values: list[Any] = []

    def extend(self, values: Sequence[Any], place: int) -> None:
        """Add values, the first of which is at this place."""
        last = values[-1]
        if self.values and self.values[-1] == last and values.count(last) == len(values):
            return
        for index, value in enumerate(values, place):
            if not self.values or value != self.values[-1]:
                self.begins.append(index)
                self.values.append(value)

    def at(self, place: int) -> Any:
        """Return the value at a place."""
        return self.values[bisect_right(self.begins, place) - 1]

    def between(self, begin: int, end: int) -> Iterator[Any]:
        """Yield the values from one place until before another."""
        index = bisect_right(self.begins, begin) - 1
        while begin < end:
            after = self.begins[index + 1] if index + 1 < len(self.begins) else end
            yield from repeat(self.values[index], min(after, end) - begin)
            begin, index = after, index + 1


class StepColumn:
    """A column of steps. Where they go up evenly, as they mostly do, that alone is kept."""

    def __init__(self) -> None:
        self.begins: list[int] = []
        self.chunks: list[Steps] = []

    def extend(self, steps: Sequence[int | None], place: int) -> None:
        """Add steps, the first of which is at this place."""
        last = self.chunks[-1] if self.chunks else None
        if isinstance(last, range) and (longer := _continued(last, steps)) is not None:
            self.chunks[-1] = longer
            return
        chunk: Steps | None = _range_of(steps)
        if chunk is None:
            try:
                chunk = array("q", [NO_STEP if step is None else step for step in steps])
            except OverflowError:  # no step that anybody counts
                chunk = list(steps)
            if isinstance(last, array) and isinstance(chunk, array):
                last.extend(chunk)
                return
        self.begins.append(place)
        self.chunks.append(chunk)

    def at(self, place: int) -> int | None:
        """Return the step at a place."""
        index = bisect_right(self.begins, place) - 1
        step = self.chunks[index][place - self.begins[index]]
        return None if step == NO_STEP else step

    def between(self, begin: int, end: int) -> Iterator[int | None]:
        """Yield the steps from one place until before another."""
        for first, chunk in zip(self.begins, self.chunks, strict=True):
            if first < end and begin < first + len(chunk):
                for step in chunk[max(begin - first, 0) : end - first]:
                    yield None if step == NO_STEP else step


class Points(Sequence[Point]):
    """All points of one metric, in the order in which they were recorded.

    It is a sequence of `Point`, each made when it is asked for, and its columns are `values`, `times`, `steps`,
    `epochs` and `stages`. `numpy.asarray(points.values)` copies nothing.

    Args:
        load: Returns the array `values`, `times` or `steps` when it is needed, if points are kept elsewhere.
    """

    def __init__(self, length: int = 0, *, load: Callable[[str], array[Any]] | None = None) -> None:
        self._length = length
        self._load = load
        self._arrays: dict[str, array[float]] = {} if load else {"values": array("d"), "times": array("d")}
        self._steps = None if load else StepColumn()
        self.repeats = {"epochs": Repeats(), "stages": Repeats(), "integers": Repeats()}
        self.large: dict[int, int] = {}

    # ---- Its columns

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` of step, epoch, time, stage and value. Raises `MissingLibraryError`."""
        try:
            import pandas as pd  # few look at points with it
        except ImportError as error:
            raise MissingLibraryError("this needs pandas, which is not installed: pip install pandas") from error
        columns = {"step": self.steps, "epoch": self.epochs, "time": self.times, "stage": self.stages}
        return pd.DataFrame({**{name: list(of) for name, of in columns.items()}, "value": list(self.values)})

    @property
    def values(self) -> array[float]:
        """The values, as floats of 64 bits."""
        return self._array("values")

    @property
    def times(self) -> array[float]:
        """The times at which they were recorded, in seconds since 1970 (UTC)."""
        return self._array("times")

    @property
    def steps(self) -> Sequence[int | None]:
        """The steps; None for a point without one."""
        chunks = self.steps_column.chunks
        if len(chunks) == 1 and isinstance(chunks[0], range):
            return chunks[0]
        if len(chunks) == 1 and isinstance(chunks[0], array) and NO_STEP not in chunks[0]:
            return chunks[0]
        return list(self.steps_column.between(0, self._length))

    @property
    def epochs(self) -> list[int | None]:
        """The epochs; None for a point without one."""
        return list(self.repeats["epochs"].between(0, self._length))

    @property
    def stages(self) -> list[str | None]:
        """The stages of training; None for a point without one."""
        return list(self.repeats["stages"].between(0, self._length))

    @property
    def steps_column(self) -> StepColumn:
        """The steps as they are kept."""
        if self._steps is None:
            self._steps = StepColumn()
            self._steps.begins, self._steps.chunks = [0], [self._array("steps")]  # type: ignore[list-item]  # of integers
        return self._steps

    @steps_column.setter
    def steps_column(self, column: StepColumn) -> None:
        self._steps = column

    def column(self, name: str) -> array[Any]:
        """Return `values`, `times` or `steps` as an array, in which `NO_STEP` is in the place of None."""
        if name != "steps":
            return self._array(name)
        steps = self.steps_column.between(0, self._length)
        return array("q", (NO_STEP if step is None else step for step in steps))

    def _array(self, name: str) -> array[float]:
        if name not in self._arrays and self._load is not None:
            self._arrays[name] = self._load(name)
        return self._arrays[name]

    # ---- A sequence of points

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> list[Point]: ...
    def __getitem__(self, place: int | slice) -> Point | list[Point]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(self._length))]
        index = range(self._length)[place]  # raises `IndexError`
        value = self._exact(index, self.values[index], is_integer=self.repeats["integers"].at(index))
        epoch, stage = self.repeats["epochs"].at(index), self.repeats["stages"].at(index)
        return Point(value, self.times[index], self.steps_column.at(index), epoch, stage)

    def __iter__(self) -> Iterator[Point]:
        for begin in range(0, self._length, _BLOCK):
            yield from map(Point, *self.between(begin, min(begin + _BLOCK, self._length)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Points, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it can be extended

    def __repr__(self) -> str:
        shown = [repr(self[place]) for place in ({0, self._length - 1} if self._length else ())]
        return f"<{self._length} points{': ' if shown else ''}{' … '.join(shown)}>"

    # ---- Filling it

    def extend(
        self,
        values: Sequence[Number],
        times: Iterable[float],
        steps: Sequence[int | None],
        epochs: Sequence[int | None],
        stages: Sequence[str | None],
    ) -> None:
        """Add points, of which there is at least one."""
        place = self._length
        kinds = set(map(type, values))
        if kinds == {float}:
            self.values.extend(values)  # type: ignore[arg-type]  # they are floats
            self.repeats["integers"].extend([False], place)
        else:
            self.values.extend(float(number(value)) for value in values)
            self.repeats["integers"].extend([isinstance(value, int) for value in values], place)
            for index, value in enumerate(values, place):
                if isinstance(value, int) and abs(value) > _EXACT:
                    self.large[index] = value
        self.times.extend(times)
        self.steps_column.extend(steps, place)
        self.repeats["epochs"].extend(epochs, place)
        self.repeats["stages"].extend(stages, place)
        self._length = len(self.values)

    def between(self, begin: int, end: int) -> tuple[list[Number], Sequence[float], list[Any], list[Any], list[Any]]:
        """Return the values, times, steps, epochs and stages from one place until before another."""
        values: list[Number] = list(self.values[begin:end])
        integers = list(self.repeats["integers"].between(begin, end))
        if any(integers) or not all(map(math.isfinite, self.values[begin:end])):
            marked = zip(range(begin, end), self.values[begin:end], integers, strict=True)
            values = [self._exact(index, value, is_integer=is_integer) for index, value, is_integer in marked]
        columns = (self.repeats[name].between(begin, end) for name in ("epochs", "stages"))
        steps = list(self.steps_column.between(begin, end))
        return values, self.times[begin:end], steps, *map(list, columns)  # type: ignore[return-value]

    def without(self, is_dropped: Callable[[int | None], bool]) -> Points:
        """Return the points but those whose step is to be dropped."""
        kept = Points()
        for begin in range(0, self._length, _BLOCK):
            rows = zip(*self.between(begin, min(begin + _BLOCK, self._length)), strict=True)
            if left := [row for row in rows if not is_dropped(row[2])]:
                kept.extend(*map(list, zip(*left, strict=True)))
        return kept

    def _exact(self, place: int, value: float, *, is_integer: bool) -> Number:
        """Return a value as it was recorded."""
        if is_integer:
            return self.large[place] if place in self.large else int(value)
        return value if math.isfinite(value) else _NOT_FINITE[repr(value)]


def _range_of(steps: Sequence[int | None]) -> range | None:
    """Return the range that these steps are; None if they are none."""
    first, second = steps[0], steps[1] if len(steps) > 1 else None
    if len(steps) < _FEWEST_IN_RANGE or first is None or second is None or second <= first:
        return None
    return _continued(range(first, first, second - first), steps)


def _continued(before: range, steps: Sequence[int | None]) -> range | None:
    """Return the range that becomes longer by these steps; None if they do not go on in the same way."""
    longer = range(before.start, before.stop + len(steps) * before.step, before.step)
    if steps[0] != before.stop or steps[-1] != longer[-1]:
        return None
    return longer if steps == list(longer[len(before) :]) else None
