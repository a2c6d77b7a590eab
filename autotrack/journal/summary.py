"""What a run comes to: a fold over its records, kept as `run.json` and shown by the readers."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from autotrack.journal import records
from autotrack.journal.records import AnyRecord, number
from autotrack.journal.series import Point, Series

Direction = Literal["min", "max"]

_LOWER_IS_BETTER = re.compile(
    r"loss|error|err\b|mse|mae|rmse|mape|rmsle|wer|cer\b|perplexity|ppl|nll|deviance|divergence|hinge|brier|seconds"
    r"|neg(ative)?_log_likelihood"
)
_HIGHER_IS_BETTER = re.compile(
    r"acc|auc|auroc|f1|fbeta|precision|recall|(\b|_)r2|iou|jaccard|dice|(\b|_)map(\b|_|\d)|bleu|rouge|psnr|ssim|reward|return"
    r"|score|kappa|mcc|matthews|corr|(?<!neg_log_)(?<!negative_log_)likelihood|per_second"
)


def better(metric: str) -> Direction | None:
    """Whether a metric is better when it is lower or higher, by its name; None when the name does not tell.

    >>> better("val_loss"), better("val_acc"), better("lr-Adam")
    ('min', 'max', None)
    """
    name = metric.lower()
    if name.startswith("lr-"):
        return None
    if re.search(r"(^|_)neg_(?!log_likelihood)", name):  # scikit-learn turns losses into scores
        return "max"
    lower, higher = _LOWER_IS_BETTER.search(name), _HIGHER_IS_BETTER.search(name)
    if lower and (not higher or "loss" in name):  # a dice_loss is a loss
        return "min"
    return "max" if higher else None


class MetricSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A metric over the whole run; `best` is there when it is known which direction is better."""

    last: Point
    min: Point | None = None
    max: Point | None = None
    best: Point | None = None
    better: Direction | None = None
    count: int = 0


class LoadSummary(msgspec.Struct, frozen=True):
    """One value of the system load over the whole run; `count` says how often it was sampled."""

    mean: float
    min: float
    max: float
    last: float
    count: int


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A whole run in short. Times are seconds since 1970 (UTC), `duration_seconds` spans start to end.

    `params` has one value a name: the first one recorded, and each different one under `source.name`;
    `params_by_source` has them all. `epochs` has, for every epoch, the last value of every metric in it. `environment`
    has the facts of every kind of surroundings that were captured (`git`, `packages`, `hardware`, …).
    """

    id: str = ""
    name: str = ""
    experiment: str = ""
    status: str = "running"
    started: float = 0.0
    ended: float | None = None
    duration_seconds: float | None = None
    overhead_seconds: float | None = None
    error: str | None = None
    traceback: str | None = None
    parent: str | None = None
    resumed_from: str | None = None
    frameworks: dict[str, str] = {}
    argv: list[str] = []
    entry_point: str | None = None
    cwd: str = ""
    host: str = ""
    pid: int = 0
    python: str = ""
    ranks: list[int] = []
    tags: dict[str, str] = {}
    params: dict[str, Any] = {}
    params_by_source: dict[str, dict[str, Any]] = {}
    metrics: dict[str, MetricSummary] = {}
    epochs: list[dict[str, Any]] = []
    system: dict[str, LoadSummary] = {}
    environment: dict[str, dict[str, Any]] = {}
    environment_files: list[str] = []
    datasets: list[records.Dataset] = []
    trials: list[records.Trial] = []
    plots: list[records.Plot] = []
    artifacts: list[records.Artifact] = []
    texts: dict[str, str] = {}
    tables: list[str] = []
    notices: list[records.Notice] = []
    left_out: list[str] = []
    journals: dict[str, int] = {}


_decode = msgspec.json.Decoder(Summary).decode


def read(folder: Path) -> Summary:
    """Return what `run.json` says, be it up to date or not. Raises `FileNotFoundError`, `msgspec.DecodeError`."""
    return _decode((folder / "run.json").read_bytes())


class Fold:
    """Takes a run's records in order and keeps what `summary` needs.

    With `keep_points`, `points` and `system` have every value of every metric and of the load. Without, memory does
    not grow with the length of the training; then `resumes` has to say beforehand at which times the training went
    back to which step, as `(time, step)`, and `is_stale` becomes True when it did so unannounced.

    What another rank than 0 logged is told apart: its metrics are called `rank1/loss`, its params have the source
    `rank1.user`.
    """

    def __init__(self, *, keep_points: bool = True, resumes: Iterable[tuple[float, int]] = ()) -> None:
        self.is_stale = False
        self._keep_points = keep_points
        self._resumes = list(resumes)
        self._writer = ""
        self._latest_start = 0.0
        self._metrics: dict[str, Series] = {}
        self._load: dict[str, Series] = {}
        self._summary = Summary()
        self._artifacts: dict[str, records.Artifact] = {}
        self._captured: dict[str, float] = {}
        self._trials: dict[int, records.Trial] = {}
        self._plots: dict[str, records.Plot] = {}
        self._directions: dict[str, Direction] = {}

    def add(self, found: Iterable[AnyRecord], *, rank: int = 0) -> None:
        """Take more records, from a journal of this rank."""
        self._writer = f"rank{rank}" if rank else ""
        for record in found:
            getattr(self, f"_add_{type(record).__name__.lower()}")(record)

    @property
    def points(self) -> dict[str, list[Point]]:
        """Every value of every metric, if they are kept."""
        return {name: series.points or [] for name, series in self._metrics.items()}

    @property
    def system(self) -> dict[str, list[Point]]:
        """Every value of the system load, if they are kept."""
        return {name: series.points or [] for name, series in self._load.items()}

    def left_out(self, said: Sequence[str]) -> None:
        """Note what the journals hold that could not be read."""
        self._summary.left_out = list(said)

    def summary(self) -> Summary:
        """Return the summary of all records so far."""
        summary = self._summary
        summary.artifacts = [artifact for artifact in self._artifacts.values() if not artifact.removed]
        summary.trials = [self._trials[number] for number in sorted(self._trials)]
        summary.plots = list(self._plots.values())
        self._note_directions()
        summary.metrics = {name: self._summarise(name, series) for name, series in self._metrics.items()}
        summary.system = {name: _load_summary(series) for name, series in self._load.items() if series.lowest}
        summary.epochs = self._epochs()
        if summary.ended is not None:
            summary.duration_seconds = summary.ended - summary.started
        return summary

    def _add_runstarted(self, record: records.RunStarted) -> None:
        summary = self._summary
        if record.rank not in summary.ranks:
            summary.ranks = sorted([*summary.ranks, record.rank])
        if record.rank:
            return
        self._latest_start = record.time
        if record.resumed_at_step is not None:
            self._go_back(record.time, record.resumed_at_step)
        if not summary.id:
            summary.started = record.time
            summary.parent, summary.resumed_from = record.parent, record.resumed_from
        for name in ("id", "name", "experiment", "argv", "entry_point", "cwd", "host", "pid", "python"):
            setattr(summary, name, getattr(record, name))
        summary.frameworks = {**summary.frameworks, **record.frameworks}
        summary.status, summary.ended, summary.error, summary.traceback = "running", None, None, None

    def _add_runfinished(self, record: records.RunFinished) -> None:
        summary = self._summary
        if record.rank:
            if record.status == "failed" and summary.error is None:
                summary.error = f"rank {record.rank}: {record.error}"
            return
        if record.time < self._latest_start:  # a sidecar's word about an earlier session, read after the later one
            return
        summary.status, summary.ended = record.status, record.time
        summary.error, summary.traceback = record.error, record.traceback
        summary.overhead_seconds = (summary.overhead_seconds or 0.0) + record.overhead_seconds

    def _add_params(self, record: records.Params) -> None:
        summary = self._summary
        source = f"{self._writer}.{record.source}" if self._writer else record.source
        summary.params_by_source.setdefault(source, {}).update(record.values)
        for name, value in record.values.items():
            if name not in summary.params:
                summary.params[name] = value
            elif summary.params[name] != value:
                summary.params[f"{source}.{name}"] = value

    def _add_metrics(self, record: records.Metrics) -> None:
        for name, value in record.values.items():
            point = Point(value, record.time, record.step, record.epoch, record.stage)
            if not self._resumes or not self._is_recorded_again(point):
                self._series(self._metrics, name).add(point)

    def _add_systemstats(self, record: records.SystemStats) -> None:
        for name, value in record.values.items():
            self._series(self._load, name).add(Point(value, record.time, epoch=record.epoch))

    def _add_environment(self, record: records.Environment) -> None:
        kind = f"{self._writer}.{record.kind}" if self._writer else record.kind
        if record.time >= self._captured.get(kind, 0.0):  # two sidecars of one run may have overlapped
            self._captured[kind] = record.time
            self._summary.environment[kind] = record.values
        self._summary.environment_files = sorted({*self._summary.environment_files, *record.files})

    def _add_dataset(self, record: records.Dataset) -> None:
        known = [one for one in self._summary.datasets if (one.role, one.name) != (record.role, record.name)]
        self._summary.datasets = [*known, record]

    def _add_trial(self, record: records.Trial) -> None:
        known = self._trials.get(record.number)
        if known is None or record.time >= known.time:  # that of a worker process may be read later, and be older
            self._trials[record.number] = record

    def _add_plot(self, record: records.Plot) -> None:
        self._plots[record.name] = record  # the journal has them all, of every step

    def _add_artifact(self, record: records.Artifact) -> None:
        if replaces(record, self._artifacts.get(record.path)):
            self._artifacts[record.path] = record

    def _add_tags(self, record: records.Tags) -> None:
        self._summary.tags.update(record.values)

    def _add_text(self, record: records.Text) -> None:
        self._summary.texts[record.name] = record.text

    def _add_table(self, record: records.Table) -> None:
        if record.name not in self._summary.tables:
            self._summary.tables.append(record.name)

    def _add_notice(self, record: records.Notice) -> None:
        self._summary.notices.append(record)

    def _series(self, among: dict[str, Series], name: str) -> Series:
        name = f"{self._writer}/{name}" if self._writer else name
        if name not in among:
            among[name] = Series(keep_points=self._keep_points)
        return among[name]

    def _is_recorded_again(self, point: Point) -> bool:
        return point.step is not None and any(point.time < at and point.step >= step for at, step in self._resumes)

    def _go_back(self, at: float, step: int) -> None:
        """Training went back to a checkpoint: what lies behind it is about to be recorded again."""
        if (at, step) in self._resumes:
            return
        self.is_stale = not self._keep_points
        kept = {
            name: [point for point in points if point.step is None or point.step < step]
            for name, points in self.points.items()
        }
        if self._keep_points:
            self._metrics = {name: Series.of(points) for name, points in kept.items() if points}
            self._resumes.append((at, step))  # of other ranks, what is recorded again is read after this

    def _note_directions(self) -> None:
        """A callback that watches a metric knows its direction better than the name does."""
        params = self._summary.params_by_source.get("callbacks", {})
        for name, metric in params.items():
            owner, _, setting = name.rpartition(".")
            mode = params.get(f"{owner}.mode")
            if setting == "monitor" and isinstance(metric, str) and mode in ("min", "max"):
                self._directions[metric] = mode

    def _summarise(self, name: str, series: Series) -> MetricSummary:
        direction = self._directions.get(name) or better(name)
        lowest, highest = series.lowest, series.highest
        best = lowest if direction == "min" else highest if direction == "max" else None
        return MetricSummary(
            last=series.last, min=lowest, max=highest, best=best, better=direction, count=series.count
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


def replaces(record: records.Artifact, known: records.Artifact | None) -> bool:
    """Whether a record of an artifact replaces the one that was read before it.

    Checksums are added in a journal that is read after the main one; one that is older than what the main one
    says by now is of a file that has been replaced or removed since.
    """
    return known is None or record.sha256 is None or record.time >= known.time


def _load_summary(series: Series) -> LoadSummary:
    lowest, highest = series.lowest or series.last, series.highest or series.last
    return LoadSummary(
        mean=series.total / series.count,
        min=number(lowest.value),
        max=number(highest.value),
        last=number(series.last.value),
        count=series.count,
    )
