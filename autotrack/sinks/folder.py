"""The local folder: `run.json`, the summary that a reader wants first."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from autotrack.files import write_atomically
from autotrack.records import AnyRecord
from autotrack.summary import Fold

NAME = "run.json"


class FolderSink:
    """Writes `run.json` into the run folder, replacing it in one step."""

    def open(self, folder: Path) -> None:
        """Begin with the run in `folder`, and note how much of each journal there is to read."""
        self._folder = folder
        self._fold = Fold()
        self._journals = {path.name: path.stat().st_size for path in (folder / "journal").glob("*.jsonl")}

    def write(self, batch: Sequence[AnyRecord]) -> None:
        """Take the next records."""
        self._fold.add(batch)

    def close(self, left_out: Sequence[str]) -> None:
        """Replace `run.json`."""
        self._fold.left_out(left_out)
        summary = self._fold.summary()
        # Sizes as they were before reading: a reader that finds larger journals knows that this is out of date.
        summary.journals = self._journals
        text = msgspec.json.format(msgspec.json.encode(summary), indent=1)
        write_atomically(self._folder / NAME, text + b"\n")
