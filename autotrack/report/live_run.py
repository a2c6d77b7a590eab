"""One run that may still be going on, read further whenever somebody looks."""

from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.fold import Fold
from autotrack.journal.reader import RunReader, is_being_written
from autotrack.journal.summary import Summary
from autotrack.readers.earlier_runs import EarlierRuns
from autotrack.report.curves import curves_of
from autotrack.report.details import details_of

_MOST_POINTS = 4_000


class LiveRun:
    """Reads a run from its journals: all of them at first, and then only what has been added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader, self._fold = RunReader(folder), Fold()
        self._lock = Lock()

    def details(self, earlier_runs: EarlierRuns) -> dict[str, Any]:
        """Return the run in full, as `details_of` does."""
        with self._lock:
            return details_of(self.folder, self._summary(), earlier_runs=earlier_runs)

    def curves(self) -> dict[str, Any]:
        """Return its curves."""
        with self._lock:
            summary = self._summary()
            return curves_of(self._fold, summary.started, _MOST_POINTS)

    def _summary(self) -> Summary:
        for rank, batch in self._reader:
            self._fold.add(batch, rank=rank)
        self._fold.left_out(self._reader.position().left_out)
        summary = copy(self._fold.summary())
        if not summary.id:
            raise AutotrackError(f"{self.folder} holds no run")
        if summary.status == "running" and is_being_written(self.folder / "journal" / "main.jsonl") is False:
            summary.status = "killed"  # its process is gone, and nobody recorded how the run ended
        return summary
