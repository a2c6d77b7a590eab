"""Makes the summary of a run: a fold over its records."""

from collections.abc import Iterable, Sequence
from typing import Any, Self, assert_never

import msgspec

from autotrack.journal import records
from autotrack.journal.captured import captured
from autotrack.journal.directions import Direction, better
from autotrack.journal.fold_state import MADE_AT_THE_END, FoldState
from autotrack.journal.judging import watched
from autotrack.journal.records import AnyRecord, number
from autotrack.journal.replacing import replaces, replaces_trial
from autotrack.journal.rewinds import Rewind, Rewinds
from autotrack.journal.series import Point, Series, take_all
from autotrack.journal.sessions import Sessions
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import LoadSummary, MetricSummary, Summary


class Fold:
    """Takes a run's records in order and keeps what `summary` needs.

    With `keep_points`, `points` and `system` have every value of every metric and of the system load. Without it,
    memory does not grow with the length of the training. Then the fold needs all `rewinds` of the run beforehand, and
    `is_stale` becomes True when a record reveals another one: the summary counts points that were recorded again.

    Metrics of other ranks than 0 are called `rank1/loss`, and their params have the source `rank1.user`.
    """

    def __init__(self, *, keep_points: bool = True, rewinds: Rewinds | None = None) -> None:
        self.is_stale = False
        self._keep_points = keep_points
        self._rewinds = rewinds or Rewinds()
        self._writer = ""
        self._sessions = Sessions()
        self._metrics: dict[str, Series] = {}
        self._load: dict[str, Series] = {}
        self._summary = Summary()
        self._artifacts: dict[str, records.Artifact] = {}
        self._models: dict[str, records.Model] = {}
        self._captured_at: dict[str, float] = {}
        self._tried: set[int] = set()
        self._trials: dict[int, records.Trial] = {}
        self._plots: dict[str, records.Plot] = {}
        self._notices: list[records.Notice] = []
        self._directions: dict[str, Direction] = {}

    @classmethod
    def resume(cls, state: FoldState) -> Self:
        """Return a fold without points that goes on from what `state` has told of another one."""
        fold = cls(keep_points=False, rewinds=Rewinds(passed=state.rewinds))
        fold._summary, fold._sessions = state.summary, state.sessions
        fold._metrics, fold._load = state.metrics, state.load
        fold._artifacts, fold._models, fold._captured_at = state.artifacts, state.models, state.captured_at
        fold._trials, fold._plots, fold._notices = state.trials, state.plots, state.notices
        fold._directions, fold._tried = state.directions, state.tried
        return fold

    def state(self) -> FoldState | None:
        """Return what another fold needs to go on from here; None while points count that will be recorded again."""
        if self.is_stale or self._keep_points or self._rewinds.ahead:
            return None
        self._settle()
        return FoldState(
            summary=msgspec.structs.replace(self._summary, **MADE_AT_THE_END),
            sessions=self._sessions,
            metrics=self._metrics,
            load=self._load,
            artifacts=self._artifacts,
            models=self._models,
            captured_at=self._captured_at,
            tried=self._tried,
            trials=self._trials,
            plots=self._plots,
            notices=self._notices,
            directions=self._directions,
            rewinds=self._rewinds.passed,
        )

    def add(self, batch: Iterable[AnyRecord], *, rank: int = 0) -> None:
        """Take more records from a journal of this rank."""
        self._writer = f"rank{rank}" if rank else ""
        record = None
        for record in batch:
            if record.__class__ is records.Metrics:
                self._add_metrics(record)
            else:
                self._add(record)
        if record is not None and not rank:
            self._sessions.note_time(record.time)

    @property
    def points(self) -> dict[str, list[Point]]:
        """Every value of every metric, if they are kept."""
        return {name: series.points or [] for name, series in self._metrics.items()}

    @property
    def system(self) -> dict[str, list[Point]]:
        """Every value of the system load, if they are kept."""
        return {name: series.points or [] for name, series in self._load.items()}

    def left_out(self, explanations: Sequence[str]) -> None:
        """Note what could not be read of the journals, a sentence each."""
        self._summary.left_out = list(explanations)

    def summary(self) -> Summary:
        """Return the summary of all records so far."""
        summary = self._summary
        self._settle()
        summary.artifacts = [artifact for artifact in self._artifacts.values() if not artifact.removed]
        summary.models = list(self._models.values())
        summary.trials = [self._trials[number] for number in sorted(self._trials)]
        summary.plots = list(self._plots.values())
        self._directions |= {**watched(summary), **summary.metric_directions}
        summary.metrics = {name: self._summarise(name, series) for name, series in self._metrics.items()}
        summary.system = {name: _load_summary(series) for name, series in self._load.items() if series.lowest}
        summary.epochs = self._epochs()
        summary.ended, summary.duration_seconds = self._sessions.ended, self._sessions.duration_seconds
        doubts = [
            records.Notice(time=summary.started, about="clock", message=doubt) for doubt in self._sessions.doubts
        ]
        summary.notices = [*self._notices, *doubts]
        return summary

    def _settle(self) -> None:
        for series in self._metrics.values():
            series.settle()

    def _add(self, record: AnyRecord) -> None:  # noqa: C901, PLR0912  one case a type of record
        summary = self._summary
        match record:
            case records.Metrics():
                self._add_metrics(record)
            case records.SystemStats():
                for name, value in record.values.items():
                    self._series(self._load, name).add(Point(value, record.time, epoch=record.epoch))
            case records.RunStarted():
                self._add_start(record)
            case records.RunFinished():
                self._add_end(record)
            case records.Params():
                self._add_params(record)
            case records.Environment():
                self._add_environment(record)
            case records.Dataset():
                self._add_dataset(record)
            case records.Trial():
                self._add_trial(record)
            case records.Plot():
                self._plots[record.name] = record  # the latest only; the journal has those of every step
            case records.Artifact():
                if replaces(record, self._artifacts.get(record.path)):
                    self._artifacts[record.path] = record
            case records.Model():
                self._models[record.path] = record
            case records.Registration():
                self._add_registration(record)
            case records.Tags():
                summary.tags.update(record.values)
                for name in record.removed:
                    summary.tags.pop(name, None)
            case records.Renamed():
                summary.renamed_from = summary.renamed_from or summary.name
                summary.name = record.name
            case records.Text():
                summary.texts[record.name] = record.text
            case records.Table():
                if record.name not in summary.tables:
                    summary.tables.append(record.name)
            case records.Notice():
                self._notices.append(record)
            case _:
                assert_never(record)

    def _add_start(self, record: records.RunStarted) -> None:
        summary = self._summary
        if record.rank not in summary.ranks:
            summary.ranks = sorted([*summary.ranks, record.rank])
        if record.rank:
            self._sessions.join(record)
            return
        self._sessions.begin(record)
        self._captured_at.clear()  # what comes from now on is later, whatever the clock says
        self._tried.clear()
        if rewind := self._rewinds.note(record):
            self._drop_repeated(rewind)
        if not summary.id:
            summary.started = record.time
            summary.parent, summary.resumed_from = record.parent, record.resumed_from
            summary.started_by, summary.reproduces = record.started_by, record.reproduces
        for name in ("id", "experiment", "argv", "entry_point", "cwd", "host", "pid", "python", "metric"):
            setattr(summary, name, getattr(record, name))
        if not summary.renamed_from:  # a run that goes on keeps the name that somebody gave it
            summary.name = record.name
        summary.destinations = list(record.destinations)
        summary.metric_directions = dict(record.directions)
        summary.frameworks = {**summary.frameworks, **record.frameworks}
        summary.status, summary.error, summary.traceback, summary.stop_reason = "running", None, None, None

    def _add_end(self, record: records.RunFinished) -> None:
        summary = self._summary
        if record.rank:
            if record.status == "failed" and summary.error is None:
                summary.error = f"rank {record.rank}: {record.error}"
            return
        if self._sessions.finish(record):
            summary.status, summary.error, summary.traceback = record.status, record.error, record.traceback
            summary.stop_reason = record.stop_reason
        summary.parent = record.parent or summary.parent
        summary.overhead_seconds = (summary.overhead_seconds or 0.0) + record.overhead_seconds

    def _add_params(self, record: records.Params) -> None:
        summary = self._summary
        source = f"{self._writer}.{record.source}" if self._writer else record.source
        summary.params_by_source.setdefault(source, {}).update(record.values)
        _add_defaults(summary, source, record)
        for name, value in record.values.items():
            if name not in summary.params:
                summary.params[name] = value
            elif summary.params[name] != value:
                summary.params[f"{source}.{name}"] = value

    def _add_metrics(self, record: records.Metrics) -> None:
        if self._rewinds.ahead and self._rewinds.supersede(record):
            return
        if not self._keep_points:
            take_all(record, {} if self._writer else self._metrics, self._metric)
            return
        for name, value in record.values.items():
            series = self._series(self._metrics, name)
            series.add(Point(value, record.time, record.step, record.epoch, record.stage))
            series.source = record.source

    def _add_environment(self, record: records.Environment) -> None:
        kind = f"{self._writer}.{record.kind}" if self._writer else record.kind
        if record.time >= self._captured_at.get(kind, 0.0):  # two sidecars of one run may have overlapped
            self._captured_at[kind] = record.time
            if record.kind != records.SHARED_KIND:  # what it names could not be read
                self._summary.environment[kind] = captured(record.kind, record.values)
            self._summary.shared_environment.pop(kind, None)
            if record.shared:
                self._summary.shared_environment[kind] = record.shared
        replaced = {name for name in self._summary.environment_files if own_name(name) in record.files}
        self._summary.environment_files = sorted({*self._summary.environment_files} - replaced | {*record.files})

    def _add_dataset(self, record: records.Dataset) -> None:
        others = [data for data in self._summary.datasets if (data.role, data.name) != (record.role, record.name)]
        self._summary.datasets = [*others, record]

    def _add_registration(self, record: records.Registration) -> None:
        others = [earlier for earlier in self._summary.registrations if earlier.id != record.id]
        self._summary.registrations = [*others, record]  # it is recorded again when it is a version

    def _add_trial(self, record: records.Trial) -> None:
        if replaces_trial(record, self._trials[record.number] if record.number in self._tried else None):
            self._trials[record.number] = record
            self._tried.add(record.number)

    def _metric(self, name: str) -> Series:
        return self._series(self._metrics, name)

    def _series(self, among: dict[str, Series], name: str) -> Series:
        name = f"{self._writer}/{name}" if self._writer else name
        series = among.get(name)
        if series is None:
            series = among[name] = Series(points=[] if self._keep_points else None)
        return series

    def _drop_repeated(self, rewind: Rewind) -> None:
        """Drop the points that are about to be recorded again. Without points, only a new fold can do that."""
        if not self._keep_points:
            self.is_stale = True
            return
        kept = {
            name: [point for point in points if not rewind.repeats(point.step)] for name, points in self.points.items()
        }
        self._metrics = {name: Series.of(points) for name, points in kept.items() if points}

    def _summarise(self, name: str, series: Series) -> MetricSummary:
        direction = self._directions.get(name) or better(name)
        lowest, highest = series.lowest, series.highest
        best = lowest if direction == "min" else highest if direction == "max" else None
        return MetricSummary(
            last=series.last,
            min=lowest,
            max=highest,
            best=best,
            better=direction,
            count=series.count,
            source=series.source,
        )

    def _epochs(self) -> list[dict[str, Any]]:
        rows: dict[int, dict[str, Any]] = {}
        for name, series in self._metrics.items():
            for epoch, point in series.by_epoch.items():
                row = rows.setdefault(epoch, {"epoch": epoch, "step": None})
                steps = [step for step in (row["step"], series.steps.get(epoch)) if step is not None]
                row["step"] = max(steps, default=None)
                if name not in ("epoch", "step"):  # the row's own
                    row[name] = point.value
        return [rows[epoch] for epoch in sorted(rows)]


def _add_defaults(summary: Summary, source: str, record: records.Params) -> None:
    """Note which of the values were given, and the defaults of those that differ; a later record counts."""
    if record.given is None:
        return
    earlier = summary.params_given.get(source, [])
    summary.params_given[source] = [*(name for name in earlier if name not in record.values), *record.given]
    defaults = summary.params_defaults.get(source, {})
    kept = {name: value for name, value in defaults.items() if name not in record.values}
    if kept or record.defaults:
        summary.params_defaults[source] = {**kept, **record.defaults}
    else:
        summary.params_defaults.pop(source, None)


def _load_summary(series: Series) -> LoadSummary:
    lowest, highest = series.lowest or series.last, series.highest or series.last
    return LoadSummary(
        mean=series.total / series.count,
        min=number(lowest.value),
        max=number(highest.value),
        last=number(series.last.value),
        count=series.count,
    )
