"""Records the metrics that were found in a run's output, each on a step, within bounds."""

from collections.abc import Iterable
from time import time
from typing import NamedTuple, Protocol

from autotrack.journal.records import PRINTED, AnyRecord, Metrics, Number, RunStarted
from autotrack.sidecar.facts import RunFacts
from autotrack.sidecar.output.printed_epochs import Epochs, Named, Place
from autotrack.sidecar.output.printed_repeats import is_logged_as_well

_MOST_NAMES = 200
MOST_POINTS = 20_000
"""Of a name with more of them, only the last one of each epoch is kept from then on."""

_APART = "torch"
"""Who calls the loss of a batch `loss`, whatever the script means by that name. Others mean the same as the script."""

_NOT_APART = frozenset(("keras", "lightning", "pytorch-lightning"))


class Point(NamedTuple):
    """A value that was found, where it was printed, the epoch that the text had named by then, and the step if any."""

    name: str
    value: float
    place: Place
    named: Named | None
    step: int | None


class Recorded(Protocol):
    """The run, as its sidecar follows it."""

    @property
    def facts(self) -> RunFacts:
        """What has been read of it so far."""

    def read(self) -> None:
        """Read what is new."""

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Add records."""

    def notice(self, about: str, message: str) -> None:
        """Add a notice, once."""


_Grouped = dict[tuple[int, int | None], dict[str, Number]]
"""Values by name, for each step and epoch."""


class _Series:
    """What has been recorded under a name; `latest` is what is not, because there is too much of it.

    `last` is the last point, and `epochs` are those that have any.
    """

    __slots__ = ("count", "epochs", "last", "last_step", "latest")

    def __init__(self) -> None:
        self.count = 0
        self.last_step = -1
        self.latest: Point | None = None
        self.epochs: set[int] = set()
        self.last: object = None


class Recorder:
    """Records points of a run. What was logged under the same name is left out, or gets a name of its own."""

    def __init__(self, run: Recorded, epochs: Epochs) -> None:
        self._run = run
        self._epochs = epochs
        self._series: dict[str, _Series] = {}

    def knows(self, name: str) -> bool:
        """Whether anything has been recorded under this name."""
        return name in self._series

    def record(self, points: Iterable[Point], *, is_after: bool = False) -> None:
        """Record points in their order, those of the same step and epoch together.

        `is_after` means that they belong to no epoch: they were printed when the training was over.
        """
        grouped: _Grouped = {}
        for point in points:
            if is_after and not self.knows(point.name) and self._is_logged_as_well(point):
                continue
            series = self._series_of(point.name)
            name = self._name_of(point.name)
            at = self._at(point, series, is_after=is_after) if series is not None and name else None
            if at is None:
                continue
            if name in grouped.get(at, ()):
                self._write(grouped)
            grouped.setdefault(at, {})[name] = point.value
        self._write(grouped)

    def end_epoch(self) -> None:
        """Record the last points of names that have too many."""
        for name, series in self._series.items():
            if series.latest is not None:
                point, series.latest = series.latest, None
                at = self._step_of(point, series), self._epochs.of(point.place, point.named)
                self._write({at: {self._name_of(name): point.value}})

    def _is_logged_as_well(self, point: Point) -> bool:
        """Whether it is what an evaluation has computed, and the script has printed afterwards."""
        return is_logged_as_well(point.name, point.value, self._run.facts.last_logged)

    def _at(self, point: Point, series: _Series, *, is_after: bool) -> tuple[int, int | None] | None:
        """Return the step and the epoch to record a point on; None if it is not to be recorded, or not yet."""
        earlier = point.named.earlier if point.named is not None else None
        if earlier is not None and earlier.epoch in series.epochs:
            return None
        series.count += 1
        if series.count > MOST_POINTS and not is_after:
            series.latest = point
            return None
        if earlier is not None and earlier.step is not None:
            at = earlier.step, earlier.epoch
        else:
            at = self._step_of(point, series), None if is_after else self._epochs.of(point.place, point.named)
        if at[1] is not None and len(series.epochs) < MOST_POINTS:
            series.epochs.add(at[1])
        is_said_again = series.last == (at, point.value)
        series.last = at, point.value
        return None if is_said_again else at

    def _write(self, grouped: _Grouped) -> None:
        self._run.put(
            [
                Metrics(time=time(), values=values, step=step, epoch=epoch, source=PRINTED)
                for (step, epoch), values in grouped.items()
            ]
        )
        grouped.clear()

    def _series_of(self, name: str) -> _Series | None:
        series = self._series.get(name)
        if series is None and len(self._series) < _MOST_NAMES:
            series = self._series[name] = _Series()
        elif series is None:
            self._run.notice("output", f"of the metrics in what was printed, only {_MOST_NAMES} are recorded")
        return series

    def _name_of(self, name: str) -> str:
        """Return the name to record a value under; nothing if it was logged under the same name."""
        facts = self._run.facts
        if name not in facts.logged_metrics:
            return name
        return f"{PRINTED}/{name}" if facts.started is not None and _means_batches(facts.started) else ""

    @staticmethod
    def _step_of(point: Point, series: _Series) -> int:
        """Return the step of what was recorded last; else the one in the text, if it rises; else the next number."""
        step = point.place.step
        if step is None:
            step = series.last_step + 1
            if point.step is not None and point.step > series.last_step:
                step = point.step
        series.last_step = max(series.last_step, step)
        return step


def _means_batches(start: RunStarted) -> bool:
    """Whether what was logged as `loss` is that of batches: by plain PyTorch, perhaps in the run of a whole script."""
    return start.started_by == _APART or (start.started_by == "script" and _NOT_APART.isdisjoint(start.frameworks))
