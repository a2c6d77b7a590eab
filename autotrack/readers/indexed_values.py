"""What an index keeps of a run: its values by name, and a card with what is shown in lists."""

import math
from typing import Any

import msgspec

from autotrack.journal.judging import main_metrics
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers.configuration import configuration_of, data_of, kind_of
from autotrack.readers.query_names import COUNTED, FIELDS, Name

_HEAVY = {"traceback", "params", "params_by_source", "params_given", "params_defaults", "metrics", "tags", "system",
          "environment", "shared_environment", "environment_files", "texts", "tables", "left_out",
          "journals"}  # fmt: skip
INDEXED_FIELDS = tuple(name for name in FIELDS if name not in _HEAVY)
"""The fields of a summary that are kept; those of them that are lists of records, as their number."""

_CARD_FIELDS = tuple(name for name in INDEXED_FIELDS if name not in COUNTED)
SHOWN_FIELDS = frozenset((*_CARD_FIELDS, "params", "tags"))
"""The fields of a summary that are on a card as they are."""


NOTE = "note"
"""The text that is what people say of a run."""

_LONGEST_NOTE = 300
_LARGEST_INTEGER = 2**53
_NAN = b"NaN"  # no JSON


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
    """Return what lists show of a run: fields of the summary, and what its metrics come to.

    That is, by name, their `last` and `best` values and their `directions`; and the names of those that the run is
    `judged_by`, the most important first; the beginning of the `note` that somebody wrote; and `kind`, `configuration`
    and `data`, which tell which runs are alike.
    """
    return {
        **{name: getattr(summary, name) for name in _CARD_FIELDS},
        "params": summary.params,
        "tags": summary.tags,
        "last": {name: metric.last.value for name, metric in summary.metrics.items()},
        "best": {name: metric.best.value for name, metric in summary.metrics.items() if metric.best},
        "directions": {name: metric.better for name, metric in summary.metrics.items() if metric.better},
        "judged_by": main_metrics(summary),
        "note": summary.texts.get(NOTE, "")[:_LONGEST_NOTE],
        "kind": kind_of(summary),
        "configuration": configuration_of(summary),
        "data": data_of(summary),
    }


_DEFAULT_CARD = card_of(Summary())


def encode_card(card: dict[str, Any]) -> bytes:
    """Return a card as bytes, without what is as it is where nothing was said."""
    kept = {name: value for name, value in card.items() if value != _DEFAULT_CARD.get(name)}
    try:
        return msgspec.msgpack.encode(kept)
    except OverflowError:  # an integer beyond 64 bits, which JSON can hold
        return msgspec.json.encode(kept)


def decode_card(content: bytes) -> dict[str, Any]:
    """Return a card from its bytes."""
    is_json = content.startswith(b"{")  # no map begins so in MessagePack
    card: dict[str, Any] = msgspec.json.decode(content) if is_json else msgspec.msgpack.decode(content)
    return {**_DEFAULT_CARD, **card}


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
