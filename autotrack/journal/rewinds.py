"""Training that went back to a checkpoint: what "resumed" and "recorded again" mean, for every reader of a journal.

A run that goes on from a checkpoint records a `RunStarted` with `resumed_at_step`. Points that were recorded before
that, at this step or a later one, are about to be recorded again. Readers leave the earlier ones out.

This is the only place that decides which points those are. It compares the times of the records, because the
journals of other ranks are read after the main one, and may hold points of both before and after the rewind.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from autotrack.journal.reader import starts_in
from autotrack.journal.records import Metrics, RunStarted


class Rewind(NamedTuple):
    """The `time` at which the training went back, and the first `step` that it records again."""

    time: float
    step: int

    def repeats(self, step: int | None) -> bool:
        """Return whether a point that was recorded at this step before the rewind is recorded again after it."""
        return step is not None and step >= self.step


class Rewinds:
    """All rewinds of one run, from the starts in its main journal."""

    def __init__(self, starts: Iterable[RunStarted] = ()) -> None:
        self._rewinds: list[Rewind] = []
        for start in starts:
            self.note(start)

    @property
    def steps(self) -> list[int]:
        """The steps that the training went back to, in the order of time."""
        return [rewind.step for rewind in sorted(self._rewinds)]

    def note(self, start: RunStarted) -> Rewind | None:
        """Take in a start of the run; returns its rewind if it has one that was not known before.

        The starts of other ranks say nothing new: rank 0 resumes at the same time.
        """
        if start.resumed_at_step is None or start.rank:
            return None
        rewind = Rewind(start.time, start.resumed_at_step)
        if rewind in self._rewinds:
            return None
        self._rewinds.append(rewind)
        return rewind

    def supersede(self, record: Metrics) -> bool:
        """Return whether these metrics are recorded again after a rewind."""
        if not self._rewinds:  # as for almost every run, and this is asked for every record
            return False
        return any(record.time < rewind.time and rewind.repeats(record.step) for rewind in self._rewinds)


def read_rewinds(folder: Path, *, until: int | None = None) -> Rewinds:
    """Return the rewinds of the run in `folder`, as its main journal has them, or its first `until` bytes.

    Raises `FileNotFoundError` when the run has no main journal.
    """
    return Rewinds(starts_in(folder / "journal" / "main.jsonl", until=until))
