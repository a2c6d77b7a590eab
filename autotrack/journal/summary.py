"""A run in short: it is kept as `run.json` and shown by the readers. `fold.py` makes it from the records."""

from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal import records
from autotrack.journal.directions import Direction
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.series import Point


class MetricSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A metric over the whole run. `best` is set when it is known which direction is better."""

    last: Point
    min: Point | None = None
    max: Point | None = None
    best: Point | None = None
    better: Direction | None = None
    count: int = 0


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
        metric: The setting `metric` of the run: the metric that it is to be judged by, or nothing.
        params: By name, the first value that was recorded. Different later values are under `source.name`.
        params_by_source: All values, by source and name.
        epochs: For each epoch, the last value of every metric in it.
        environment: By kind (`git`, `packages`, `hardware`, …), the main facts that were captured.
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
    metric: str = ""
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


_MOST_BYTES = 2**28
"""A summary grows with its epochs, trials and plots; one that is larger is not read but made again."""

_decode = msgspec.json.Decoder(Summary).decode


def read(folder: Path) -> Summary:
    """Return the content of `run.json`, which may be out of date.

    Raises `FileNotFoundError`, and `msgspec.DecodeError` for a file that is not a summary.
    """
    return _decode(read_bytes(folder, "run.json", limit_bytes=_MOST_BYTES))
