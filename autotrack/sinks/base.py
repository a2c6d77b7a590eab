"""What a sink is: a fold over the records of one run, to whatever place it writes to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from autotrack.journal.reader import Position
from autotrack.journal.records import AnyRecord


class Sink(Protocol):
    """Takes the records of one run in order, at least once; the same records twice change nothing.

    A sink raises and never swallows: whoever drives it decides what becomes of a failure. `place` says in a few words
    where it writes to, for messages. One that `follows` is flushed about once a second while the run goes on, another
    one only when the run has ended.
    """

    place: str
    follows: bool

    def open(self, folder: Path) -> Mapping[str, int]:
        """Begin with the run in `folder`.

        Returns how many bytes of each journal, by its file's name, have arrived already and need not be handed over
        again: nothing for one that starts over.
        """

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""

    def flush(self, position: Position) -> None:
        """Bring the place it writes to up to date with all records so far; they are the journals up to `position`."""

    def close(self) -> None:
        """Let go of what was opened."""


class RemoteSink(Sink, Protocol):
    """A sink that talks to a server, and blocks until that answers. It is driven by a thread of its own."""

    @property
    def last_progress(self) -> float:
        """When the server last took something or answered, on the clock of `time.monotonic`."""
