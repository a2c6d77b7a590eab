"""What a run comes to: a fold over its records, kept as `run.json` and shown by the readers."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from autotrack import records
from autotrack.records import AnyRecord, Number, number

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


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured value and where in the training it was measured."""

    value: Number
    time: float
    step: int | None = None
    epoch: int | None = None
    stage: str | None = None


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


class Fold:
    """Takes a run's records in order and keeps what `summary` needs; `points` has every value of every metric.

    What another rank than 0 logged is told apart: its metrics are called `rank1/loss`, its params have the source
    `rank1.user`.
    """

    def __init__(self) -> None:
        self._writer = ""
        self._latest_start = 0.0
        self.points: dict[str, list[Point]] = {}
        self.system: dict[str, list[Point]] = {}
        self._summary = Summary()
        self._artifacts: dict[str, records.Artifact] = {}
        self._trials: dict[int, records.Trial] = {}
        self._plots: dict[tuple[str, int | None], records.Plot] = {}
        self._directions: dict[str, Direction] = {}

    def add(self, found: Iterable[AnyRecord], *, rank: int = 0) -> None:
        """Take more records, from a journal of this rank."""
        self._writer = f"rank{rank}" if rank else ""
        for record in found:
            getattr(self, f"_add_{type(record).__name__.lower()}")(record)

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
        summary.metrics = {name: self._summarise(name, points) for name, points in self.points.items()}
        summary.system = {name: _load(points) for name, points in self.system.items()}
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
            self._drop_points_from(record.resumed_at_step)
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
            self.points.setdefault(f"{self._writer}/{name}" if self._writer else name, []).append(point)

    def _add_systemstats(self, record: records.SystemStats) -> None:
        for name, value in record.values.items():
            point = Point(value, record.time, epoch=record.epoch)
            self.system.setdefault(f"{self._writer}/{name}" if self._writer else name, []).append(point)

    def _add_environment(self, record: records.Environment) -> None:
        kind = f"{self._writer}.{record.kind}" if self._writer else record.kind
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
        self._plots[record.name, record.step] = record

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

    def _drop_points_from(self, step: int) -> None:
        """Training went back to a checkpoint: what lies behind it is about to be recorded again."""
        for name, points in list(self.points.items()):
            kept = [point for point in points if point.step is None or point.step < step]
            if kept:
                self.points[name] = kept
            else:
                del self.points[name]

    def _note_directions(self) -> None:
        """A callback that watches a metric knows its direction better than the name does."""
        params = self._summary.params_by_source.get("callbacks", {})
        for name, metric in params.items():
            owner, _, setting = name.rpartition(".")
            mode = params.get(f"{owner}.mode")
            if setting == "monitor" and isinstance(metric, str) and mode in ("min", "max"):
                self._directions[metric] = mode

    def _summarise(self, name: str, points: list[Point]) -> MetricSummary:
        direction = self._directions.get(name) or better(name)
        finite = [point for point in points if not isinstance(point.value, str)]
        lowest = min(finite, key=_value, default=None)
        highest = max(finite, key=_value, default=None)
        best = lowest if direction == "min" else highest if direction == "max" else None
        return MetricSummary(last=points[-1], min=lowest, max=highest, best=best, better=direction, count=len(points))

    def _epochs(self) -> list[dict[str, Any]]:
        rows: dict[int, dict[str, Any]] = {}
        for name, points in self.points.items():
            for point in points:
                if point.epoch is not None and point.stage != "test":
                    row = rows.setdefault(point.epoch, {"epoch": point.epoch, "step": point.step})
                    row["step"] = max((step for step in (row["step"], point.step) if step is not None), default=None)
                    if name not in ("epoch", "step"):  # the row's own
                        row[name] = point.value
        return [rows[epoch] for epoch in sorted(rows)]


def replaces(record: records.Artifact, known: records.Artifact | None) -> bool:
    """Whether a record of an artifact replaces the one that was read before it.

    Checksums are added in a journal that is read after the main one; one that is older than what the main one
    says by now is of a file that has been replaced or removed since.
    """
    return known is None or record.sha256 is None or record.time >= known.time


def _load(points: Sequence[Point]) -> LoadSummary:
    values = [_value(point) for point in points]
    return LoadSummary(sum(values) / len(values), min(values), max(values), values[-1], len(values))


def _value(point: Point) -> float:
    return number(point.value)
