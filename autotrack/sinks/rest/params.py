"""Params as text of a length that servers take."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from autotrack.sinks.rest.batches import Item
from autotrack.sinks.rest.key_map import KeyMap

LONGEST = 6000
"""Characters of a value, since MLflow 2.8; older servers refuse more than 500 or 250 (mlflow/utils/validation.py)."""

FILE = "params.json"


def items(params: Mapping[str, Any], names: KeyMap, known: Mapping[str, str]) -> Iterator[Item]:
    """Return the params that the server does not know: there, a value is never changed."""
    for name, value in params.items():
        key = names.of(name)
        if key not in known:
            yield Item(key, as_text(value)[:LONGEST])


def as_text(value: Any) -> str:
    """Return a value as MLflow's own client would log it; PostgreSQL takes no NUL in a text."""
    return str(value).replace("\0", "�")


def are_cut(params: Mapping[str, Any]) -> bool:
    """Whether a value is longer than what is sent of it."""
    return any(len(as_text(value)) > LONGEST for value in params.values())


def as_file(params: Mapping[str, Any]) -> bytes:
    """Return all params with their whole values."""
    return msgspec.json.format(msgspec.json.encode(params), indent=1) + b"\n"
