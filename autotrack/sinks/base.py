"""What a sink is: a fold over the records of one run, to whatever place it writes to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from autotrack.records import AnyRecord


class Sink(Protocol):
    """Takes the records of one run in order, at least once; the same records twice change nothing.

    A sink raises and never swallows: whoever drives it decides what becomes of a failure.
    """

    def open(self, folder: Path) -> None:
        """Begin with the run in `folder`."""

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""

    def flush(self, read: Mapping[str, int], left_out: Sequence[str]) -> None:
        """Bring the place it writes to up to date with all records so far.

        `read` says how many bytes of each journal they are, `left_out` what the journals hold that could not be read,
        a sentence each.
        """

    def close(self) -> None:
        """Let go of what was opened."""
