"""One run that may still be going on, read further whenever somebody looks."""

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.fold import Fold
from autotrack.journal.reader import RunReader, is_being_written
from autotrack.journal.series import Point
from autotrack.journal.summary import Summary
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.readers.ranking import Ranks
from autotrack.report.curves import MOST, points_of
from autotrack.report.details import details_of
from autotrack.report.growing_curve import GrowingCurve
from autotrack.report.tables import Tables

_MOST_IN_A_PART = 3 * MOST
"""What is seen, and as much to the left and to the right of it."""

_FEWEST_POINTS, _ALL_POINTS = 400, 120_000
"""All curves of a run share what a browser is sent every few seconds. Of what somebody looks at, it asks for more."""


class LiveRun:
    """Reads a run from its journals: all of them at first, and then only what has been added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader, self._fold = RunReader(folder), Fold()
        self._tables = Tables()
        self._curves: dict[str, GrowingCurve] = {}
        self._lock = Lock()

    def details(self, earlier_runs: EarlierRuns, ranks: Ranks) -> dict[str, Any]:
        """Return the run in full, as `details_of` does."""
        with self._lock:
            summary = self._summary()
            tables = self._tables.shown()
            return details_of(self.folder, summary, earlier_runs=earlier_runs, ranks=ranks, tables=tables)

    def curves(self) -> dict[str, Any]:
        """Return its curves."""
        with self._lock:
            started = self._summary().started
            named = points_of(self._fold)
            most = min(max(_ALL_POINTS // max(len(named), 1), _FEWEST_POINTS), MOST)
            return {name: self._curve(name, points).part(started, most) for name, points in named.items()}

    def part_of_curve(self, metric: str, first: int, after: int) -> dict[str, Any]:
        """Return a part of one curve, given by the places of its points. Raises `AutotrackError`."""
        with self._lock:
            started = self._summary().started
            points = points_of(self._fold).get(metric)
            if points is None:
                raise AutotrackError(f"the run in {self.folder} has no metric {metric!r:.100}")
            return self._curve(metric, points).part(started, _MOST_IN_A_PART, first, after)

    def _curve(self, name: str, points: Sequence[Point]) -> GrowingCurve:
        curve = self._curves.setdefault(name, GrowingCurve())
        curve.follow(points)
        return curve

    def _summary(self) -> Summary:
        for rank, batch in self._reader:
            self._fold.add(batch, rank=rank)
            self._tables.add(batch)
        self._fold.left_out(self._reader.position().left_out)
        summary = copy(self._fold.summary())
        if not summary.id:
            raise AutotrackError(f"{self.folder} holds no run")
        if summary.status == "running" and is_being_written(self.folder / "journal" / "main.jsonl") is False:
            summary.status = "killed"  # its process is gone, and nobody recorded how the run ended
        return summary
