"""The local folder: keeps `run.json`, the summary that readers look at first."""

from collections.abc import Sequence
from pathlib import Path

from autotrack.journal.fold import Fold
from autotrack.journal.reader import Position, RunReader
from autotrack.journal.records import AnyRecord
from autotrack.journal.rewinds import read_rewinds
from autotrack.journal.run_folder import file_status
from autotrack.journal.summary import write

NAME = "run.json"


class FolderSink:
    """Writes `run.json` into the run folder, replacing it in one step."""

    destination = NAME
    follows = False

    def open(self, folder: Path) -> dict[str, int]:
        """Begin with the run in `folder`, from the start, because a summary is made of all records.

        Raises `FileNotFoundError` when the run has no main journal: its folder may have been deleted.
        """
        file_status(folder, "journal/main.jsonl")
        self._folder = folder
        self._fold = Fold(keep_points=False)
        return {}

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""
        self._fold.add(batch, rank=rank)

    def flush(self, position: Position) -> None:
        """Replace `run.json`."""
        if self._fold.is_stale:  # training has gone back to a checkpoint: read everything again, now knowing that
            self._fold = Fold(keep_points=False, rewinds=read_rewinds(self._folder))
            for rank, batch in RunReader(self._folder, until=position.offsets):  # what follows is handed over later
                self._fold.add(batch, rank=rank)
        self._fold.left_out(position.left_out)
        summary = self._fold.summary()
        # A reader that finds larger journals than this knows that the summary is out of date.
        summary.journals = position.seen
        write(self._folder, summary)

    def close(self) -> None:
        """Do nothing: no file stays open."""
