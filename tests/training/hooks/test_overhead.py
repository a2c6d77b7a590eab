"""What autotrack counts as its own time."""

import threading
from collections.abc import Callable
from time import perf_counter, sleep

from autotrack.training.hooks.overhead import overhead


def counted(act: Callable[[], None]) -> float:
    """Return the seconds that are counted while this is done."""
    before = overhead.seconds()
    act()
    return overhead.seconds() - before


def entry(*inner: Callable[[], None]) -> None:
    """An entry point that takes 50 ms, and calls others."""
    with overhead.counted():
        sleep(0.05)
        for call in inner:
            call()


def test_what_passes_in_the_main_thread_counts() -> None:
    assert counted(lambda: sleep(0.01)) == 0.0
    assert counted(entry) >= 0.05


def test_of_nested_entries_the_outermost_counts() -> None:
    began = perf_counter()
    total = counted(lambda: entry(entry, entry))
    assert 0.15 <= total <= perf_counter() - began


def test_the_entry_that_is_under_way_counts() -> None:
    before, counts = overhead.seconds(), list[float]()
    entry(lambda: counts.append(overhead.seconds() - before))
    assert counts[0] >= 0.05


def test_waiting_in_another_thread_holds_nobody_up_and_does_not_count() -> None:
    def waiting() -> None:
        thread = threading.Thread(target=entry)
        thread.start()
        thread.join()

    assert counted(waiting) < 0.04


def test_computing_in_another_thread_counts() -> None:
    def compute() -> None:
        outermost = overhead.start()
        sum(number * number for number in range(300_000))
        if outermost:
            overhead.stop()

    def computing() -> None:
        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()

    assert counted(computing) > 0.001
