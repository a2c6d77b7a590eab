"""Numbers over time: metrics on their steps, the best value so far, and the system load by the second."""

import re
import struct
from collections.abc import Callable, Iterator

from autotrack.journal.directions import Direction
from autotrack.journal.records import Metrics, SystemStats, number
from autotrack.journal.rewinds import Rewinds
from autotrack.sinks.tensorboard.encoding import float32, pack_float, scalar_event, scalar_prefix
from autotrack.sinks.tensorboard.tags import Tags

_HAS_NO_BEST = re.compile(r"(seconds|per_second|_step)(/|$)")
"""Durations and the loss of one batch have a direction, but nobody asks for their best value."""


class _Curve:
    """One curve: its tag, and whether it goes by steps or by epochs, which its first value decides."""

    __slots__ = ("best", "is_by_epoch", "last_step", "last_value", "prefix")

    def __init__(self, tag: str, *, is_by_epoch: bool = False, best: "_Best | None" = None) -> None:
        self.prefix = scalar_prefix(tag)
        self.is_by_epoch = is_by_epoch
        self.last_step = -1
        self.last_value = 0.0
        self.best = best

    def step_of(self, record: Metrics) -> int:
        """Return the step of a value on a curve by epochs, or of a value without a step."""
        step = record.epoch if self.is_by_epoch else record.step
        return self.last_step + 1 if step is None else step


class _Best:
    """The best value so far of one metric. It is written from the second value on, or when the run has ended."""

    __slots__ = ("direction", "first", "prefix", "value")

    def __init__(self, tag: str, direction: Direction) -> None:
        self.prefix = scalar_prefix(tag)
        self.direction = direction
        self.value: float | None = None
        self.first: tuple[int, float, float] | None = None

    def add(self, value: float, step: int, at: float, scalars: list[bytes]) -> bytes:
        """Take the next value, and add it to the scalars of its step if it is the best one.

        Returns the event of the first value, once there is a second one.
        """
        event, best = self.take_first(), self.value
        if best is not None and (value >= best if self.direction == "min" else value <= best):
            return event
        if value - value != 0.0:  # NaN and the infinities are never the best value
            return event
        self.value = value
        if best is None:
            self.first = (step, at, value)
        else:
            scalars.append(self.prefix + float32(value))
        return event

    def take_first(self) -> bytes:
        """Return the event of the first value, if it has not been returned yet."""
        if self.first is None:
            return b""
        step, at, value = self.first
        self.first = None
        return scalar_event(at, step, [self.prefix + float32(value)])


class Scalars:
    """Turns metrics and load into events. `direction_of` tells by name and tag whether lower or higher is better.

    Points that are recorded again after one of `rewinds` are left out. `highest_step` and `lowest_step` are those of
    all points that were written.
    """

    def __init__(self, tags: Tags, direction_of: Callable[[str, str], Direction | None], rewinds: Rewinds) -> None:
        self.highest_step = self.lowest_step = -1
        self._rewinds = rewinds
        self._tags = tags
        self._direction_of = direction_of
        self._metrics: dict[tuple[int, str | None], dict[str, _Curve]] = {}
        self._by_tag: dict[str, _Curve] = {}
        self._load: dict[int, dict[str, _Curve]] = {}

    def metrics(self, record: Metrics, rank: int) -> bytes:
        """Return the events of a record: one with all its values, unless some curves do not go by steps."""
        given, at = record.step, record.time
        if self._rewinds.ahead and self._rewinds.supersede(record):
            return b""
        curves = self._metrics.get((rank, record.stage))
        if curves is None:
            curves = self._metrics[rank, record.stage] = {}
        scalars: list[bytes] = []
        at_other_steps: dict[int, list[bytes]] | None = None  # few records have any
        first_best = b""
        for name, value in record.values.items():
            curve = curves.get(name) or self._begin(curves, name, record, rank)
            exact = value if value.__class__ is float else number(value)
            if given is None or curve.is_by_epoch:
                step = curve.step_of(record)
                at_other_steps = {} if at_other_steps is None else at_other_steps
                target = at_other_steps.setdefault(step, [])
            else:
                step, target = given, scalars
            curve.last_step, curve.last_value = step, exact
            try:
                target.append(curve.prefix + pack_float(exact))
            except (OverflowError, struct.error):
                target.append(curve.prefix + float32(exact))
            if curve.best is not None:
                first_best += curve.best.add(exact, step, at, target)
        events = first_best
        if scalars and given is not None:
            self._note_step(given)
            events += scalar_event(at, given, scalars)
        for step, others in (at_other_steps or {}).items():
            self._note_step(step)
            events += scalar_event(at, step, others)
        return events

    def load(self, record: SystemStats, rank: int, *, began: float) -> bytes:
        """Return the event of a sample of the load. Its step is the number of seconds since the run `began`.

        Load is sampled by the clock, also before the first step and between steps. No two samples get the same second,
        because readers would keep only one of them.
        """
        curves = self._load.setdefault(rank, {})
        for name in record.values:
            if name not in curves:
                curves[name] = _Curve(self._tags.load(name, rank))
        chosen = [curves[name] for name in record.values]
        second = max(int(record.time - began), 0, *(curve.last_step + 1 for curve in chosen))
        for curve in chosen:
            curve.last_step = second
        values = [float32(number(value)) for value in record.values.values()]
        scalars = [curve.prefix + value for curve, value in zip(chosen, values, strict=True)]
        return scalar_event(record.time, second, scalars) if scalars else b""

    def latest(self) -> Iterator[bytes]:
        """Yield the latest value of each metric, and its best one, as scalars."""
        for curve in self._by_tag.values():
            yield curve.prefix + float32(curve.last_value)
            if curve.best is not None and curve.best.value is not None and curve.best.first is None:
                yield curve.best.prefix + float32(curve.best.value)

    def _note_step(self, step: int) -> None:
        if step > self.highest_step:
            self.highest_step = step
        elif step < self.lowest_step:
            self.lowest_step = step

    def single_bests(self) -> bytes:
        """Return the best values of metrics that have one value only: of a run that has ended, that is the best."""
        return b"".join(curve.best.take_first() for curve in self._by_tag.values() if curve.best is not None)

    def _begin(self, curves: dict[str, _Curve], name: str, record: Metrics, rank: int) -> _Curve:
        tag = self._tags.metric(name, record.stage, rank, record.source)
        curve = self._by_tag.get(tag)
        if curve is None:  # otherwise it was logged in another stage, but its name tells the stage it belongs to
            direction = None if rank or _HAS_NO_BEST.search(name) else self._direction_of(name, tag)
            best = _Best(self._tags.best(name, tag), direction) if direction else None
            by_epoch = record.step is None and record.epoch is not None
            curve = self._by_tag[tag] = _Curve(tag, is_by_epoch=by_epoch, best=best)
        curves[name] = curve
        return curve
