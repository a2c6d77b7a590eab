"""Checks what people pass to the methods that log: a mistake is answered with the value and what is expected."""

import operator
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 1_000_000
"""The journal keeps this much of a text; log a file to keep more."""


def index_of(name: str, value: Any) -> int:
    """Return a step or an epoch. Raises `TypeError` if it is no integer."""
    try:
        return int(operator.index(value))  # of True, the index is True
    except TypeError:
        raise TypeError(f"{name} is {value!r}; expected an integer") from None


def values_by_name(method: str, values: Any, example: str) -> Mapping[Any, Any]:
    """Return the values. Raises `TypeError` if they have no names."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{method} was given {values!r:.100}; give it names and values, such as {example}")
    return values
