"""Sends several requests at the same time."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")
_AT_THE_SAME_TIME = 4


def all_at_once(calls: Iterable[Callable[[], _T]]) -> list[_T]:
    """Make calls in a few threads, and return what they return. When one raises, those not yet begun are dropped.

    While Python exits, when no thread can be begun any more, they are made one after another.
    """
    calls = list(calls)
    try:
        from concurrent.futures import ThreadPoolExecutor  # not at the top: while Python exits, this import fails

        pool = ThreadPoolExecutor(_AT_THE_SAME_TIME, thread_name_prefix="autotrack-remote")
        begun = [pool.submit(call) for call in calls]
    except RuntimeError:
        return [call() for call in calls]
    try:
        return [done.result() for done in begun]
    finally:
        pool.shutdown(cancel_futures=True)
