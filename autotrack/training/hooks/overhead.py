"""Counts the seconds that autotrack itself takes in this process, except in `Run.log` when the user calls it.

Every entry point into autotrack starts the count and stops it; of nested entry points only the outermost counts. In
the main thread all time that passes counts. In other threads only computing time does: while they wait for the
interpreter, they do not hold up the training.
"""

import contextlib
from collections.abc import Iterator
from threading import get_ident, main_thread
from time import perf_counter, thread_time

MAIN = main_thread().ident


class Overhead:
    """The seconds of one process; the module's `overhead` is the only one outside of tests."""

    __slots__ = ("began", "total")

    def __init__(self) -> None:
        self.began: dict[int, float] = {}
        """By thread that is in an entry point: when it came in."""

        self.total = 0.0
        """The seconds that have been counted, without those of entry points that have not been left."""

    def start(self) -> bool:
        """Start to count; return False when an outer entry point of this thread counts already."""
        thread = get_ident()
        if thread in self.began:
            return False
        self.began[thread] = perf_counter() if thread == MAIN else thread_time()
        return True

    def stop(self) -> None:
        """Add the time since `start`; to be called only where `start` returned True."""
        thread = get_ident()
        self.total += (perf_counter() if thread == MAIN else thread_time()) - self.began.pop(thread)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count what happens in the block.

        Hooks call `start` and `stop` instead: entering and leaving a block takes twice as long, several times a step.
        """
        outermost = self.start()
        try:
            yield
        finally:
            if outermost:
                self.stop()

    def seconds(self) -> float:
        """Return the seconds so far, including those of an entry point that this thread is still in."""
        thread = get_ident()
        if thread not in self.began:
            return self.total
        return self.total + (perf_counter() if thread == MAIN else thread_time()) - self.began[thread]


overhead = Overhead()
