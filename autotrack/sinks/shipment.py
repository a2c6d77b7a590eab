"""Carries records from journals to a sink, from where the sink stopped."""

from collections.abc import Callable
from pathlib import Path

from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader
from autotrack.sinks.base import Sink


class Shipment:
    """Carries the records of one run to one sink, whenever there are more.

    When the sink fails, `on_problem` is called with a sentence, and nothing is carried any more. `fault` is the error.
    """

    def __init__(self, folder: Path, sink: Sink, *, on_problem: Callable[[str], None]) -> None:
        self.fault: Exception | None = None
        self._folder = folder
        self._sink = sink
        self._on_problem = on_problem
        self._reader: RunReader | None = None

    @property
    def follows(self) -> bool:
        """Whether the sink wants to be flushed while the run goes on."""
        return self._sink.follows

    @property
    def refusal(self) -> str | None:
        """Why the disk did not take what the sink writes; None if it took it."""
        return self._describe(self.fault) if isinstance(self.fault, OSError) else None

    def carry(self, *, flush: bool) -> None:
        """Hand over all new records, and with `flush` have the sink write everything out."""
        self._guarded(lambda: self._carry(flush=flush))

    def close(self) -> None:
        """Close the sink, even if it has failed."""
        try:
            self._sink.close()
        except Exception as fault:  # noqa: BLE001  it may not even have been opened
            if self.fault is None:
                self.fault = fault
                self._on_problem(self._describe(fault))

    def _carry(self, *, flush: bool) -> None:
        if self._reader is None:
            self._reader = RunReader(self._folder, self._sink.open(self._folder))
        has_more = False
        for rank, batch in self._reader:
            self._sink.write(batch, rank=rank)
            has_more = True
        if flush and (has_more or not self._sink.follows):
            self._sink.flush(self._reader.position())

    def _guarded(self, act: Callable[[], None]) -> None:
        if self.fault is not None:
            return
        try:
            act()
        except Exception as fault:  # noqa: BLE001  whatever happens in one sink, the others go on
            self.fault = fault
            self._on_problem(self._describe(fault))

    def _describe(self, fault: Exception) -> str:
        is_sentence = isinstance(fault, AutotrackError)
        return str(fault) if is_sentence else f"{self._sink.destination}: {type(fault).__name__}: {fault}"
