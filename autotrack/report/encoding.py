"""The JSON of the page as bytes."""

import json
from typing import Any

import msgspec


def encoded(value: Any) -> bytes:
    """Return a value, in which all numbers are finite, as JSON, by what is quickest for many runs."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # the name of a folder that is not UTF-8, say
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
