"""Carries records from journals to a sink, from where the sink stopped."""

from collections.abc import Callable, Sequence
from pathlib import Path

from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader
from autotrack.journal.records import AnyRecord
from autotrack.sinks.base import Sink


class Shipment:
    """Carries the records of one run to one sink, whenever there are more.

    It reads the journals itself. Where several shipments of a run share one reader, each reads what that one has read
    before, from where its sink stopped, and is handed everything later by `take`: journals are decoded once for all.

    When the sink fails, `on_problem` is called with a sentence, and nothing is carried any more. `fault` is the error.

    Args:
        folder: The folder of the run.
        sink: Where the records go.
        on_problem: Called with a sentence when the sink fails.
        shared: A reader of all records of the run. Whoever iterates it hands each batch over by `take`.
    """

    def __init__(
        self, folder: Path, sink: Sink, *, on_problem: Callable[[str], None], shared: RunReader | None = None
    ) -> None:
        self.fault: Exception | None = None
        self._folder = folder
        self._sink = sink
        self._on_problem = on_problem
        self._shared = shared
        self._reader: RunReader | None = None
        self._is_fed = self._has_more = False

    @property
    def follows(self) -> bool:
        """Whether the sink wants to be flushed while the run goes on."""
        return self._sink.follows

    @property
    def refusal(self) -> str | None:
        """Why the disk did not take what the sink writes; None if it took it."""
        return self._describe(self.fault) if isinstance(self.fault, OSError) else None

    def take(self, batch: Sequence[AnyRecord], *, rank: int) -> None:
        """Hand over records that the shared reader has just read, once what it read before has been carried."""
        if self._is_fed:
            self._guarded(lambda: self._write(batch, rank))

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
        if not self._is_fed or self._reader is None:
            self._read()
        reader = self._shared if self._is_fed else self._reader
        if flush and reader is not None and (self._has_more or not self._sink.follows):
            self._sink.flush(reader.position())
            self._has_more = False

    def _read(self) -> None:
        """Read what is new; at first, only what a shared reader has read, which then hands over the rest."""
        if self._reader is None:
            arrived = self._sink.open(self._folder)
            until = self._shared.position().offsets if self._shared is not None else None
            # If the sink has more than that, as when another process has read on, it is read for alone.
            self._is_fed = until is not None and all(until.get(name, 0) >= size for name, size in arrived.items())
            self._reader = RunReader(self._folder, arrived, until=until if self._is_fed else None)
        for rank, batch in self._reader:
            self._write(batch, rank)

    def _write(self, batch: Sequence[AnyRecord], rank: int) -> None:
        self._sink.write(batch, rank=rank)
        self._has_more = True

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
