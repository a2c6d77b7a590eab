"""From journals to one sink: reads a run's records from where the sink stopped, and hands them over."""

from collections.abc import Callable
from pathlib import Path

from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader
from autotrack.sinks.base import Sink


class Shipment:
    """Carries the records of one run to one sink, as often as there are more.

    When the sink fails, `on_problem` is called with a sentence, and nothing is carried any more: `fault` is why.
    """

    def __init__(self, folder: Path, sink: Sink, *, on_problem: Callable[[str], None]) -> None:
        self.fault: Exception | None = None
        self._folder = folder
        self._sink = sink
        self._on_problem = on_problem
        self._reader: RunReader | None = None

    @property
    def follows(self) -> bool:
        """Whether the sink is to be flushed while the run goes on."""
        return self._sink.follows

    def carry(self, *, flush: bool) -> None:
        """Hand all new records over, and bring the place the sink writes to up to date if it is told to `flush`."""
        self._guarded(lambda: self._carry(flush=flush))

    def close(self) -> None:
        """Let go of the sink, also of one that failed."""
        try:
            self._sink.close()
        except Exception as fault:  # noqa: BLE001  it may not even have been opened
            if self.fault is None:
                self.fault = fault
                self._on_problem(self._said(fault))

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
        except Exception as fault:  # noqa: BLE001  whatever happens in one sink, the others are served
            self.fault = fault
            self._on_problem(self._said(fault))

    def _said(self, fault: Exception) -> str:
        explained = isinstance(fault, AutotrackError)  # in full sentences
        return str(fault) if explained else f"{self._sink.place}: {type(fault).__name__}: {fault}"
