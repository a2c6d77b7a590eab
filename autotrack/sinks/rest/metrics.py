"""Metrics and system load, which wait as points to be sent in batches."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from autotrack.journal.reader import RunReader
from autotrack.journal.records import Metrics, Number, RunStarted, SystemStats, number
from autotrack.journal.rewinds import Rewinds
from autotrack.sinks.rest import system
from autotrack.sinks.rest.batches import LIMITS, Batches, Item, Refusal
from autotrack.sinks.rest.key_map import KeyMap, is_allowed
from autotrack.sinks.rest.parallel import all_at_once
from autotrack.sinks.rest.runs import RemoteRun

_HIGHEST_STEP = 2**63 - 1


class Points:
    """Holds points until they are sent.

    The server identifies a point by its key, time, step and value. The time is therefore that of the record: a point
    that is sent again changes nothing. A point without a step gets its epoch as step, or 0. The system load gets the
    seconds since the run started.

    Points that are recorded again after one of `rewinds` are left out. Those that the server has already stay there,
    because it cannot delete points.
    """

    def __init__(self, on_problem: Callable[[str], None], *, rewinds: Rewinds) -> None:
        self.rewinds = rewinds
        self._started = 0.0
        self._on_problem = on_problem
        self._waiting: list[tuple[str, Number, int, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, record: Metrics | SystemStats, *, rank: int = 0) -> None:
        """Take the values of a record from a journal of this rank."""
        if isinstance(record, SystemStats):
            self._take(system.values_of(record), record.time, max(0, int(record.time - self._started)))
        elif not self.rewinds.supersede(record):
            step = _step_of(record)
            values = {f"rank{rank}/{name}": value for name, value in record.values.items()} if rank else record.values
            self._take(values, record.time, step)

    def note_start(self, record: RunStarted) -> None:
        """Take in that the run was started or resumed."""
        if not record.rank:
            self._started = self._started or record.time
            self.rewinds.note(record)

    def assign_keys(self, keys: KeyMap) -> None:
        """Have a key assigned to each name; first to the allowed ones, so that they can keep their names."""
        for name in sorted({point[0] for point in self._waiting}, key=lambda name: (not is_allowed(name), name)):
            keys.of(name)

    def forget(self) -> None:
        """Drop the points."""
        self._waiting.clear()

    def send(self, batches: Batches, run: RemoteRun, keys: KeyMap) -> list[Refusal]:
        """Send all points. They are kept if that fails. Returns those that the server does not take."""
        points = [Item(keys.of(name), as_value(value), time, step) for name, value, time, step in self._waiting]
        backlog, latest = _without_latest(points) if len(points) > LIMITS["metrics"] else ([], points)
        refusals: list[Refusal] = []
        if backlog:
            size = LIMITS["metrics"]
            parts = [backlog[start : start + size] for start in range(0, len(backlog), size)]
            refusals += chain.from_iterable(all_at_once(partial(batches.send, run, "metrics", part) for part in parts))
        refusals += batches.send(run, "metrics", latest)
        self.forget()
        return refusals

    def _take(self, values: Mapping[str, Number], time: float, step: int) -> None:
        if abs(step) > _HIGHEST_STEP:
            self._on_problem(f"metrics at step {step} were left out, because MLflow's steps have 64 bits")
            return
        milliseconds = int(time * 1000)
        self._waiting.extend((name, value, milliseconds, step) for name, value in values.items())


def latest_points(folder: Path, *, until_step: int | None) -> dict[str, tuple[Number, int, int]]:
    """Return the latest point of each metric of a run, up to a step: its value, its time in milliseconds, its step."""
    found: dict[str, tuple[Number, int, int]] = {}
    for rank, batch in RunReader(folder):
        for record in batch:
            if not isinstance(record, Metrics) or rank or abs(step := _step_of(record)) > _HIGHEST_STEP:
                continue
            if until_step is None or record.step is None or record.step <= until_step:
                found |= {name: (value, int(record.time * 1000), step) for name, value in record.values.items()}
    return found


def _step_of(record: Metrics) -> int:
    return next((step for step in (record.step, record.epoch) if step is not None), 0)


def as_value(value: Number) -> float | str:
    """Return a number as the protocol has it, where NaN and infinities are strings."""
    with suppress(OverflowError):  # an integer that is too large for a float
        value = float(number(value))
    if isinstance(value, float) and math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if number(value) > 0 else "-Infinity"  # noqa: PLR0124  that is NaN


def _without_latest(points: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Split points into those that can arrive in any order, and the latest of each key, which are sent after them.

    A server updates the latest value of a key when it takes a point, and not every server guards that against
    concurrent requests.
    """
    last: dict[str, int] = {}
    for index, point in enumerate(points):
        latest_so_far = last.get(point.key)
        if latest_so_far is None or _moment(point) >= _moment(points[latest_so_far]):
            last[point.key] = index
    latest = set(last.values())
    return (
        [point for index, point in enumerate(points) if index not in latest],
        [points[index] for index in sorted(latest)],
    )


def _moment(point: Item) -> tuple[int, int]:
    return point.step or 0, point.timestamp or 0
