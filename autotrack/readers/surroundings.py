"""The runs around a run: those of its experiment, the one before it, and the best of them."""

from functools import cached_property
from pathlib import Path

from autotrack import settings
from autotrack.readers import catalog
from autotrack.readers.catalog import Catalog
from autotrack.readers.ranking import Rank, Ranks, is_alike
from autotrack.readers.recorded_run import RecordedRun


class Surroundings:
    """What there is around `run`, in its store, which is looked at by way of `looked_at`."""

    def __init__(self, run: RecordedRun, store: Path | None, looked_at: Catalog | None = None) -> None:
        self.run = run
        self._store = store
        self._looked_at = looked_at or Catalog()

    @cached_property
    def runs(self) -> list[RecordedRun]:
        """The runs that are alike, the newest first."""
        folder = self.run.folder.absolute()
        store = catalog.store_path(self._store).absolute()
        place = store if store in folder.parents else folder.parent
        card = self.run.card()
        return [other for other in self._looked_at.runs(place) if is_alike(other.card(), card)]

    @cached_property
    def rank(self) -> Rank | None:
        """How the run ranks; None if it has no metric that runs are judged by."""
        return Ranks(self.runs).of(self.run, wanted=settings.resolve().metric)

    @cached_property
    def compared(self) -> list[tuple[str, RecordedRun]]:
        """The run before this one and the best of the others, each with what it is called here."""
        before = next((run for run in self.runs if run.started < self.run.started and run.id != self.run.id), None)
        found = [(f"before ({before.name})", before)] if before is not None else []
        best = self.rank.best if self.rank is not None and self.rank.place > 1 else None
        if best is not None and (before is None or best.id != before.id):
            found.append((f"best ({best.name})", best))
        return found
