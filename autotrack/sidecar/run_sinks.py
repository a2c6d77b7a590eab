"""The sinks that write into the folder of a run that is followed: they take in what its one reader has read."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader
from autotrack.journal.records import AnyRecord, RunStarted
from autotrack.journal.starts import starts_in
from autotrack.protocol import Follow
from autotrack.sinks import build
from autotrack.sinks.shipment import Shipment


class RunSinks:
    """The sinks of one run. They are opened late, because the start of a run may name destinations.

    Args:
        folder: The folder of the run.
        reader: What reads the journals for all of them; each batch of it is handed to `take`.
        on_problem: Called with a sentence when a sink fails.
    """

    def __init__(self, folder: Path, reader: RunReader, *, on_problem: Callable[[str], None]) -> None:
        self._folder, self._reader, self._on_problem = folder, reader, on_problem
        self._opened: list[Shipment] | None = None

    def open(self, follow: Follow, started: RunStarted | None) -> None:
        """Open them, unless they are open, and have them take in what the reader has read before."""
        if self._opened is None:
            wanted = destinations_of(follow, started or self._latest_start())
            is_ours = not follow.only_load  # or another sidecar makes the files
            sinks = build.local_sinks(wanted, draws=follow.draws, on_problem=self._on_problem) if is_ours else []
            self._opened = [
                Shipment(self._folder, sink, on_problem=self._on_problem, shared=self._reader) for sink in sinks
            ]
        for shipment in self._opened:
            shipment.carry(flush=False)

    def take(self, batch: Sequence[AnyRecord], *, rank: int) -> None:
        """Hand over what the reader has just read."""
        for shipment in self._opened or ():
            shipment.take(batch, rank=rank)

    def write(self, *, everything: bool) -> None:
        """Have those written out that are kept up to date while a run goes on, or all."""
        for shipment in self._opened or ():
            shipment.carry(flush=everything or shipment.follows)

    def close(self) -> None:
        """Close them."""
        for shipment in self._opened or ():
            shipment.close()

    @property
    def problems(self) -> list[str]:
        """What the disk has not taken, and why."""
        return [shipment.refusal for shipment in self._opened or () if shipment.refusal is not None]

    def _latest_start(self) -> RunStarted | None:
        """Return the latest start of a run of which nothing has been read yet."""
        with suppress(OSError, AutotrackError):
            return next(reversed(starts_in(self._folder / "journal" / "main.jsonl")), None)
        return None


def destinations_of(follow: Follow, started: RunStarted | None) -> list[str]:
    """Return where a run goes besides its folder."""
    return follow.destinations or (started.destinations if started else [])
