"""The local folder: `run.json`, the summary that a reader wants first."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from autotrack.files import write_atomically
from autotrack.records import AnyRecord
from autotrack.summary import Fold

NAME = "run.json"


class FolderSink:
    """Writes `run.json` into the run folder, replacing it in one step."""

    def open(self, folder: Path) -> None:
        """Begin with the run in `folder`."""
        self._folder = folder
        self._fold = Fold()

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""
        self._fold.add(batch, rank=rank)

    def flush(self, read: Mapping[str, int], left_out: Sequence[str]) -> None:
        """Replace `run.json`."""
        self._fold.left_out(left_out)
        summary = self._fold.summary()
        # A reader that finds larger journals than were read here knows that this is out of date.
        summary.journals = dict(read)
        text = msgspec.json.format(msgspec.json.encode(summary), indent=1)
        write_atomically(self._folder / NAME, text + b"\n")

    def close(self) -> None:
        """Let go of the run."""
