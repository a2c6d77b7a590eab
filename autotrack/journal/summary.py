"""A run in short: it is kept as `run.json` and shown by the readers. `fold.py` makes it from the records."""

import math
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal import records
from autotrack.journal.captured import captured
from autotrack.journal.directions import Direction
from autotrack.journal.nesting import are_too_deep
from autotrack.journal.run_folder import is_shared, read_bytes, replace_file
from autotrack.journal.series import Point
from autotrack.journal.shared_files import environment_of, missing


class MetricSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A metric over the whole run. `best` is set when it is known which direction is better.

    `source` is "printed" if it was found in what the script prints; None if it was logged. Of a metric with one value,
    `run.json` has that value without `min` and `max`.
    """

    last: Point
    min: Point | None = None
    max: Point | None = None
    best: Point | None = None
    better: Direction | None = None
    count: int = 0
    source: str | None = None

    def __post_init__(self) -> None:
        if self._has_one_number and self.min is None and self.max is None:
            self.min = self.max = self.last

    @property
    def _has_one_number(self) -> bool:
        return self.count == 1 and isinstance(self.last.value, (int, float)) and math.isfinite(self.last.value)

    def brief(self) -> "MetricSummary":
        """Return the same for `run.json`: one value is written once."""
        if not self._has_one_number or not self.min == self.max == self.last:
            return self
        brief = MetricSummary(last=self.last, best=self.best, better=self.better, count=1, source=self.source)
        brief.min = brief.max = None
        return brief


class LoadSummary(msgspec.Struct, frozen=True):
    """One kind of system load over the whole run; `count` is how often it was sampled."""

    mean: float
    min: float
    max: float
    last: float
    count: int


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A whole run in short. Times are seconds since 1970 (UTC).

    Attributes:
        duration_seconds: The time from start to end.
        destinations: Where the last start of the run sends it; None in summaries that older versions have written.
        reproduces: The id of the run that this one repeats.
        stop_reason: Why its training stopped before it was to. Older versions have recorded it as a tag.
        renamed_from: The name that the run had before somebody gave it another one.
        metric: The setting `metric` of the run: the metric that it is to be judged by, or nothing.
        metric_directions: The setting `directions` of the run; what metrics come to has their directions in force.
        params: By name, the first value that was recorded. Different later values are under `source.name`.
        params_by_source: All values, by source and name.
        params_given: By source, the names of the values that somebody gave; the others of that source are defaults.
            Only sources of which that is known are in it.
        params_defaults: By source and name, the defaults of the values that differ from theirs.
        epochs: For each epoch, the last value of every metric in it.
        environment: By kind (`git`, `packages`, `hardware`, …), the main facts that were captured.
        shared_environment: The kinds that the run shares with those beside it, and the digest they are kept under.
        left_out: What could not be read of the journals, a sentence each.
        journals: By name, how many bytes of each journal this summary is made of.
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
    stop_reason: str | None = None
    traceback: str | None = None
    parent: str | None = None
    resumed_from: str | None = None
    reproduces: str | None = None
    renamed_from: str | None = None
    started_by: str = "user"
    frameworks: dict[str, str] = {}
    argv: list[str] = []
    entry_point: str | None = None
    cwd: str = ""
    host: str = ""
    pid: int = 0
    python: str = ""
    destinations: list[str] | None = None
    metric: str = ""
    metric_directions: dict[str, Direction] = {}
    ranks: list[int] = []
    tags: dict[str, str] = {}
    params: dict[str, Any] = {}
    params_by_source: dict[str, dict[str, Any]] = {}
    params_given: dict[str, list[str]] = {}
    params_defaults: dict[str, dict[str, Any]] = {}

    def is_default(self, name: str) -> bool:
        """Return whether a param, by its name in `params`, is an argument that was left at its default."""
        return any(
            own in values and own not in self.params_given[source] and own not in self.params_defaults.get(source, {})
            for source, values in self.params_by_source.items()
            if source in self.params_given
            for own in [name if name in values else name.removeprefix(f"{source}.")]
            if values.get(own) == self.params.get(name)
        )

    metrics: dict[str, MetricSummary] = {}
    epochs: list[dict[str, Any]] = []
    system: dict[str, LoadSummary] = {}
    environment: dict[str, dict[str, Any]] = {}
    shared_environment: dict[str, str] = {}
    environment_files: list[str] = []
    datasets: list[records.Dataset] = []
    trials: list[records.Trial] = []
    plots: list[records.Plot] = []
    artifacts: list[records.Artifact] = []
    models: list[records.Model] = []
    registrations: list[records.Registration] = []
    texts: dict[str, str] = {}
    tables: list[str] = []
    notices: list[records.Notice] = []
    left_out: list[str] = []
    journals: dict[str, int] = {}


_MOST_BYTES = 2**28
"""A summary grows with its epochs, trials and plots; one that is larger is not read but made again."""

_decode = msgspec.json.Decoder(Summary).decode


def read(folder: Path, decode: Callable[[bytes], Summary] = _decode) -> Summary:
    """Return the content of `run.json`, which may be out of date, with what the run shares with others.

    `decode` may leave out what somebody does not need. Raises `FileNotFoundError`, and `msgspec.DecodeError` for a
    file that is not a summary.
    """
    summary = _decoded(read_bytes(folder, "run.json", limit_bytes=_MOST_BYTES), decode)
    summary.environment = {kind: captured(kind, values) for kind, values in summary.environment.items()}
    for digest in set(summary.shared_environment.values()):
        try:
            shared = environment_of(folder, digest)
        except OSError:  # the run was moved without it
            summary.left_out.append(missing(digest))
            continue
        for record in shared:
            if digest in (summary.shared_environment.get(kind) for kind in (record.kind, records.SHARED_KIND)):
                summary.environment[record.kind] = captured(record.kind, record.values)
                summary.environment_files += record.files
    return summary


def _decoded(content: bytes, decode: Callable[[bytes], Summary]) -> Summary:
    try:
        summary = decode(content)
    except RecursionError:
        raise msgspec.DecodeError("run.json is nested without end") from None
    values = [summary.params, summary.params_by_source, summary.params_defaults, summary.environment]
    values += [trial.params for trial in summary.trials]
    values += [plot.data for plot in summary.plots if isinstance(plot, records.Plot)]  # an outline has them unread
    if are_too_deep(values):
        raise msgspec.DecodeError("run.json is nested too deep")
    return summary


def write(folder: Path, summary: Summary) -> None:
    """Replace `run.json`, without what the run shares with others: `read` adds that."""
    shared = summary.shared_environment
    summary = copy(summary)
    summary.metrics = {name: metric.brief() for name, metric in summary.metrics.items()}
    if shared:
        summary.environment = {kind: values for kind, values in summary.environment.items() if kind not in shared}
        summary.environment_files = [name for name in summary.environment_files if not is_shared(name)]
        summary.left_out = [what for what in summary.left_out if what not in map(missing, shared.values())]
    text = msgspec.json.encode(summary)
    replace_file(
        folder, "run.json", (text if shared else msgspec.json.format(text, indent=1)) + b"\n"
    )  # or it is small
