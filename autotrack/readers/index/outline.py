"""A summary of a run whose long parts are not decoded, which is several times quicker for a run of many epochs."""

from pathlib import Path

import msgspec

from autotrack.journal.directions import Direction
from autotrack.journal.records import Number
from autotrack.journal.summary import Summary, read
from autotrack.readers.recorded_run import summarise


class _Data(msgspec.Struct):
    """What is told apart of data."""

    role: str = ""
    name: str | None = None
    rows: int | None = None
    shape: list[int] | None = None
    fingerprint: str | None = None


class _Point(msgspec.Struct, omit_defaults=True):
    """What counts of a point."""

    value: Number
    stage: str | None = None


class _Metric(msgspec.Struct, omit_defaults=True):
    """What counts of a metric."""

    last: _Point
    best: _Point | None = None
    better: Direction | None = None
    source: str | None = None


class _Outline(Summary, kw_only=True, omit_defaults=True):
    """A summary of which the long parts are not decoded, only counted, and of data only what tells them apart."""

    metrics: dict[str, _Metric] = {}  # type: ignore[assignment]  # noqa: RUF012
    epochs: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    datasets: list[_Data] = []  # type: ignore[assignment]  # noqa: RUF012
    plots: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    notices: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    system: msgspec.Raw = msgspec.Raw()  # type: ignore[assignment]
    traceback: msgspec.Raw | None = None  # type: ignore[assignment]


_decode = msgspec.json.Decoder(_Outline).decode


def outline_of(folder: Path, sizes: dict[str, int]) -> Summary:
    """Return the summary of a run, of which the long parts can only be counted. Arguments and errors: `summarise`."""
    return summarise(folder, sizes, read_summary=lambda path: read(path, _decode))
