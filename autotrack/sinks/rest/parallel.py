"""Sends several requests at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

_AT_THE_SAME_TIME = 4


def all_at_once(calls: Iterable[Callable[[], None]]) -> None:
    """Make calls in a few threads, and wait for them. When one raises, those that have not begun are dropped."""
    with ThreadPoolExecutor(_AT_THE_SAME_TIME, thread_name_prefix="autotrack-remote") as pool:
        try:
            for done in [pool.submit(call) for call in calls]:
                done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
