"""What a run comes to, in short: kept as `run.json`, and shown by the readers. `fold.py` makes it from records."""

from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal import records
from autotrack.journal.directions import Direction
from autotrack.journal.series import Point


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
