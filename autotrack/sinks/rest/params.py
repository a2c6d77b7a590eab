"""Params as text, no longer than servers accept."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from autotrack.sinks.rest.batches import Item
from autotrack.sinks.rest.key_map import KeyMap

LONGEST = 6000
"""How many characters a value may have. Before MLflow 2.8 it was 500 or 250 (mlflow/utils/validation.py)."""

FILE = "params.json"


def items(params: Mapping[str, Any], keys: KeyMap, existing: Mapping[str, str]) -> Iterator[Item]:
    """Yield the params that the server does not have yet. It never changes a value that it has."""
    for name, value in params.items():
        key = keys.of(name)
        if key not in existing:
            yield Item(key, as_text(value)[:LONGEST])


def as_text(value: Any) -> str:
    """Return a value as MLflow's own client logs it, but without NUL, which PostgreSQL does not accept."""
    return str(value).replace("\0", "�")


def are_cut(params: Mapping[str, Any]) -> bool:
    """Return whether any value is longer than what is sent of it."""
    return any(len(as_text(value)) > LONGEST for value in params.values())


def as_file(params: Mapping[str, Any]) -> bytes:
    """Return a JSON file of all params with their complete values."""
    return msgspec.json.format(msgspec.json.encode(params), indent=1) + b"\n"
