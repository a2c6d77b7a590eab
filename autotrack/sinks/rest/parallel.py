"""Sends several requests at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_AT_THE_SAME_TIME = 4


def all_at_once(calls: Iterable[Callable[[], _T]]) -> list[_T]:
    """Make calls in a few threads, and return what they return. When one raises, those not yet begun are dropped."""
    with ThreadPoolExecutor(_AT_THE_SAME_TIME, thread_name_prefix="autotrack-remote") as pool:
        try:
            return [done.result() for done in [pool.submit(call) for call in calls]]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
