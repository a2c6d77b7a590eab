"""Counts the seconds that autotrack itself takes in this process, other than in `Run.log` called by a person.

Every entry point is counted from `start` to `stop`; of nested ones the outermost counts. In the main thread all that
passes is counted, in other threads only what they compute: there, waiting for the interpreter holds no training up.
"""

from threading import get_ident, main_thread
from time import perf_counter, thread_time

_MAIN = main_thread().ident

_began: dict[int, float] = {}  # by thread
_seconds = 0.0


def start() -> bool:
    """Begin to count; False when this thread is counted already, and an outer entry point will call `stop`."""
    thread = get_ident()
    if thread in _began:
        return False
    _began[thread] = perf_counter() if thread == _MAIN else thread_time()
    return True


def stop() -> None:
    """Count what passed since `start`."""
    global _seconds  # noqa: PLW0603  of an object or a class it would take longer, several times a batch
    thread = get_ident()
    _seconds += (perf_counter() if thread == _MAIN else thread_time()) - _began.pop(thread)


def seconds() -> float:
    """Return the seconds until now, those of the entry that this thread is in included."""
    thread = get_ident()
    if thread not in _began:
        return _seconds
    return _seconds + (perf_counter() if thread == _MAIN else thread_time()) - _began[thread]
