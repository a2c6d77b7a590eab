"""How an index keeps what it has of runs: their values by name, and cards with what is shown in lists."""

import math
from typing import Any

import msgspec

from autotrack.journal.summary import Summary
from autotrack.readers.query.names import COUNTED, FIELDS, Name

_HEAVY = {"traceback", "params", "params_by_source", "params_given", "params_defaults", "metrics", "tags", "system",
          "environment", "shared_environment", "environment_files", "texts", "tables", "left_out",
          "journals"}  # fmt: skip
INDEXED_FIELDS = tuple(name for name in FIELDS if name not in _HEAVY)
"""The fields of a summary that are kept; those of them that are lists of records, as their number."""

CARD_FIELDS = tuple(name for name in INDEXED_FIELDS if name not in COUNTED)
SHOWN_FIELDS = frozenset((*CARD_FIELDS, "params", "tags"))
"""The fields of a summary that are on a card as they are."""

FIELD_DEFAULTS = {Name("", field): 0 if field in COUNTED else getattr(Summary(), field) for field in INDEXED_FIELDS}
"""What a field is in a run that says nothing of it. It is kept for no run: that is a third of all values."""

UNREADABLE = "unreadable"
"""In the place of the sizes, which are never the same: it is tried again, because permissions leave no trace."""

_LARGEST_INTEGER = 2**53
_NAN = b"NaN"  # no JSON


def default_of(name: Name) -> Any:
    """Return what runs have for which `values_of` has nothing; None for all but some fields."""
    return FIELD_DEFAULTS.get(name)


_DEFAULT_CARD: dict[str, Any] = {
    **{name: getattr(Summary(), name) for name in CARD_FIELDS},
    "params": {},
    "tags": {},
    "last": {},
    "best": {},
    "directions": {},
    "judged_by": [],
    "note": "",
}


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


def as_text(sizes: dict[str, int]) -> str:
    """Return the sizes of journals, by name, as a text to compare."""
    return " ".join(f"{name}={size}" for name, size in sorted(sizes.items()))
