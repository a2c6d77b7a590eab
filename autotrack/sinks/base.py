"""What a sink is: a fold over the records of one run, to whatever place it writes to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from autotrack.records import AnyRecord


class Sink(Protocol):
    """Takes the records of one run in order, at least once; the same records twice change nothing.

    A sink raises and never swallows: whoever drives it decides what becomes of a failure.
    """

    def open(self, folder: Path) -> None:
        """Begin with the run in `folder`."""

    def write(self, batch: Sequence[AnyRecord]) -> None:
        """Take the next records."""

    def close(self, left_out: Sequence[str]) -> None:
        """Finish what was begun; `left_out` says what the journals hold that could not be read, a sentence each."""
