"""Checks times and counts that people pass. A mistake is answered with the value, what is wrong and what to pass."""

import math
import operator
from typing import Any


def time_limit(name: str, value: Any) -> float:
    """Return for how many seconds something may take; None stands for as long as it takes.

    Raises `TypeError` for what is no number, and `ValueError` for NaN and a negative one.

    >>> time_limit("timeout", None), time_limit("timeout", 2)
    (inf, 2.0)
    """
    if value is None:
        return math.inf
    expected = "expected a number of seconds, 0 or more, or None for as long as it takes"
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError
        seconds = float(value)
    except OverflowError:  # an integer beyond the largest float
        seconds = math.inf if value > 0 else -1.0
    except Exception:  # noqa: BLE001  it is the user's object, and may raise anything
        raise TypeError(f"{name} is {value!r:.100}; {expected}") from None
    if not seconds >= 0:
        raise ValueError(f"{name} is {value!r:.100}; {expected}")
    return seconds


def count(name: str, value: Any) -> int:
    """Return how many of something are wanted. Raises `TypeError` for what is no integer, `ValueError` for below 0."""
    try:
        if isinstance(value, bool):
            raise TypeError
        wanted = int(operator.index(value))
    except TypeError:
        raise TypeError(f"{name} is {value!r:.100}; expected an integer, 0 or more") from None
    if wanted < 0:
        raise ValueError(f"{name} is {value!r:.100}; expected an integer, 0 or more")
    return wanted
