"""From journals to sinks: reads a run's records and hands them to every destination."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from autotrack.reading import RunReader
from autotrack.records import AnyRecord
from autotrack.sinks.base import Sink


class Shipment:
    """Carries the records of one run to its sinks, as often as there are more, and says who failed.

    A sink that fails is left out from then on, and `on_trouble` is called with a sentence; the others go on.
    """

    def __init__(self, folder: Path, sinks: Iterable[Sink], *, on_trouble: Callable[[str], None]) -> None:
        self._reader = RunReader(folder)
        self._on_trouble = on_trouble
        self._sinks: list[Sink] = []
        for sink in sinks:
            if self._try(sink, lambda sink: sink.open(folder)):
                self._sinks.append(sink)

    @property
    def journals(self) -> list[Path]:
        """The journals of the run."""
        return self._reader.journals

    def carry(self) -> Iterator[AnyRecord]:
        """Hand all new records to the sinks; they are yielded as well, for whoever looks after the run."""
        for rank, batch in self._reader:
            self._each(lambda sink, batch=batch, rank=rank: sink.write(batch, rank=rank))  # type: ignore[misc]
            yield from batch

    def flush(self) -> None:
        """Bring every destination up to date with the records carried so far."""
        seen, left_out = self._reader.seen(), self._reader.left_out()
        self._each(lambda sink: sink.flush(seen, left_out))

    def close(self) -> None:
        """Let go of the sinks."""
        self._each(lambda sink: sink.close())
        self._sinks = []

    def _each(self, act: Callable[[Sink], None]) -> None:
        self._sinks = [sink for sink in self._sinks if self._try(sink, act)]

    def _try(self, sink: Sink, act: Callable[[Sink], None]) -> bool:
        try:
            act(sink)
        except Exception as fault:  # noqa: BLE001  whatever happens in one sink, the others are served
            self._on_trouble(f"{type(sink).__name__} failed: {type(fault).__name__}: {fault}")
            return False
        return True
