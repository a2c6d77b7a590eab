"""Says that somebody waits for a server that does not answer, long before it is given up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from autotrack.sinks.base import RemoteSink

SILENT_SECONDS = 5.0


@contextmanager
def said_when_silent(
    sink: RemoteSink, say: Callable[[float], None], *, seconds: float = SILENT_SECONDS
) -> Iterator[None]:
    """In the block, call `say` once if the server of a sink has neither answered nor taken anything for so long.

    It is called from another thread, with how many seconds that were.
    """
    is_over = Event()

    def watch() -> None:
        left = seconds
        while not is_over.wait(left):
            left = sink.last_progress + seconds - monotonic()
            if left <= 0:
                say(seconds)
                return

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
