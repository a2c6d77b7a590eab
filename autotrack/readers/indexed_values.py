"""What an index keeps of a run: its values by name, and a card with what is shown in lists."""

import math
from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal.judging import main_metrics
from autotrack.journal.records import number
from autotrack.journal.summary import Summary, read
from autotrack.readers.query_names import COUNTED, FIELDS, Name
from autotrack.readers.recorded_run import summarise

_HEAVY = {"traceback", "params", "params_by_source", "metrics", "tags", "system", "environment", "shared_environment",
          "environment_files", "texts", "tables", "left_out", "journals"}  # fmt: skip
INDEXED_FIELDS = tuple(name for name in FIELDS if name not in _HEAVY)
"""The fields of a summary that are kept; those of them that are lists of records, as their number."""

_CARD_FIELDS = tuple(name for name in INDEXED_FIELDS if name not in COUNTED)
_DEFAULTS = Summary()

_LARGEST_INTEGER = 2**53
_NAN = b"NaN"  # no JSON


class _Outline(Summary, kw_only=True, omit_defaults=True):
    """A summary of which the long parts are not decoded, only counted."""

    epochs: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    datasets: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    plots: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    notices: list[msgspec.Raw] = []  # type: ignore[assignment]  # noqa: RUF012
    environment: dict[str, Any] = {}  # noqa: RUF012
    system: msgspec.Raw = msgspec.Raw()  # type: ignore[assignment]
    texts: msgspec.Raw = msgspec.Raw()  # type: ignore[assignment]
    traceback: msgspec.Raw | None = None  # type: ignore[assignment]


_decode = msgspec.json.Decoder(_Outline).decode


def outline_of(folder: Path) -> Summary:
    """Return the summary of a run, of which the long parts can only be counted. Raises as `summarise` does."""
    return summarise(folder, read_summary=lambda path: read(path, _decode))


def values_of(summary: Summary) -> dict[Name, Any]:
    """Return the values that can be asked for by their names, without those that are missing."""
    values: dict[Name, Any] = {}
    for field in INDEXED_FIELDS:
        value = getattr(summary, field)
        if field in COUNTED:
            value = len(value)
        if value is not None:
            values[Name("", field)] = value
    for group in ("params", "tags"):
        values |= {Name(group, name): value for name, value in getattr(summary, group).items()}
    for name, metric in summary.metrics.items():
        values[Name("metrics", name)] = number(metric.last.value)
        if metric.best is not None:
            values[Name("best", name)] = number(metric.best.value)
    git = summary.environment.get("git", {})
    return values | {Name("git", name): value for name, value in git.items() if not isinstance(value, dict)}


def card_of(summary: Summary) -> dict[str, Any]:
    """Return what lists show of a run. Beside fields of the summary, it has what its metrics come to."""
    fields = {name: value for name in _CARD_FIELDS if (value := getattr(summary, name)) != getattr(_DEFAULTS, name)}
    return {
        **fields,
        "params": summary.params,
        "tags": summary.tags,
        "last": {name: metric.last.value for name, metric in summary.metrics.items()},
        "best": {name: metric.best.value for name, metric in summary.metrics.items() if metric.best},
        "directions": {name: metric.better for name, metric in summary.metrics.items() if metric.better},
        "judged_by": main_metrics(summary),
    }


def encode_card(card: dict[str, Any]) -> bytes:
    """Return a card as bytes."""
    return msgspec.msgpack.encode(card)


def decode_card(content: bytes) -> dict[str, Any]:
    """Return the card with the fields that it does not have because they are as they are without a word."""
    card: dict[str, Any] = msgspec.msgpack.decode(content)
    return {**{name: getattr(_DEFAULTS, name) for name in _CARD_FIELDS}, **card}


def to_sql(value: Any) -> Any:
    """Return a value as SQLite keeps it: simple ones as they are, so that they are read quickly, others encoded."""
    kind = type(value)
    if kind is str or (kind is int and abs(value) <= _LARGEST_INTEGER):
        return value
    if kind is float:
        return _NAN if math.isnan(value) else value  # SQLite would make NULL of it
    try:
        return msgspec.json.encode(value)
    except (TypeError, OverflowError, RecursionError):
        return str(value)


def from_sql(value: Any) -> Any:
    """Return a value as it was given to `to_sql`."""
    if type(value) is not bytes:
        return value
    return math.nan if value == _NAN else msgspec.json.decode(value)
