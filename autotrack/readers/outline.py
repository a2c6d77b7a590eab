"""A summary of a run whose long parts are not decoded, which is several times quicker for a run of many epochs."""

from pathlib import Path

import msgspec

from autotrack.journal.summary import Summary, read
from autotrack.readers.recorded_run import summarise


class _Data(msgspec.Struct):
    """What is told apart of data."""

    role: str = ""
    name: str | None = None
    rows: int | None = None
    shape: list[int] | None = None
    fingerprint: str | None = None


class _Outline(Summary, kw_only=True, omit_defaults=True):
    """A summary of which the long parts are not decoded, only counted, and of data only what tells them apart."""

    epochs: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    datasets: list[_Data] = []  # type: ignore[assignment]  # noqa: RUF012
    plots: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    notices: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    system: msgspec.Raw = msgspec.Raw()  # type: ignore[assignment]
    traceback: msgspec.Raw | None = None  # type: ignore[assignment]


_decode = msgspec.json.Decoder(_Outline).decode


def outline_of(folder: Path) -> Summary:
    """Return the summary of a run, of which the long parts can only be counted. Raises as `summarise` does."""
    return summarise(folder, read_summary=lambda path: read(path, _decode))
