"""Calls that warn nobody, and leave Python's memory of warnings as it is."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_IGNORE_ALL: tuple[Any, ...] = ("ignore", None, Warning, None, 0)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore warnings in the block.

    `warnings.catch_warnings` makes Python forget which warnings it has shown, so that the user's own ones, which are
    shown once for each place, would be repeated. Putting another list in place of the filters does not.
    """
    filters = warnings.filters
    warnings.filters = [_IGNORE_ALL]
    try:
        yield
    finally:
        warnings.filters = filters
