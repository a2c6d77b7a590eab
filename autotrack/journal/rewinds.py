"""Training that went back to a checkpoint: what "resumed" and "recorded again" mean, for every reader of a journal.

A run that goes on from a checkpoint records a `RunStarted` with `resumed_at_step`. Points that were recorded before
that, at this step or a later one, are about to be recorded again. Readers leave the earlier ones out.

This is the only place that decides which points those are. What was recorded before a start is what `RunReader` hands
out before it. No clock is asked: it may have been set back, or belong to another host.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from autotrack.journal.records import Metrics, RunStarted
from autotrack.journal.starts import starts_in


class Rewind(NamedTuple):
    """A start at which training went back: its `time`, by which it is known, and the first `step` recorded again."""

    time: float
    step: int

    def repeats(self, step: int | None) -> bool:
        """Return whether a point that was recorded at this step before the rewind is recorded again after it."""
        return step is not None and step >= self.step


class Rewinds:
    """The rewinds of one run: those that a reader has passed, and those ahead, if they are known beforehand.

    `ahead` are starts of the run that are still to be read, in their order, and `passed` are rewinds that were read.
    As attributes, both are rewinds.
    """

    def __init__(self, ahead: Iterable[RunStarted] = (), *, passed: Iterable[Rewind] = ()) -> None:
        self.passed = list(passed)
        self.ahead = [rewind for start in ahead if (rewind := _rewind_of(start))]

    @property
    def steps(self) -> list[int]:
        """The steps that the training went back to, in their order."""
        return [rewind.step for rewind in (*self.passed, *self.ahead)]

    def note(self, start: RunStarted) -> Rewind | None:
        """Pass a start of the run; returns its rewind if it has one that was not known before."""
        rewind = _rewind_of(start)
        if rewind is None or rewind in self.passed:
            return None
        self.passed.append(rewind)
        if rewind not in self.ahead:
            return rewind
        self.ahead.remove(rewind)
        return None

    def supersede(self, record: Metrics) -> bool:
        """Return whether these metrics are recorded again after a rewind that is still ahead."""
        if not self.ahead:  # as for almost every run, and this is asked for every record
            return False
        return any(rewind.repeats(record.step) for rewind in self.ahead)


def read_rewinds(folder: Path, *, until: int | None = None) -> Rewinds:
    """Return the rewinds of the run in `folder`, as its main journal has them, or its first `until` bytes.

    Raises `FileNotFoundError` when the run has no main journal.
    """
    return Rewinds(starts_in(folder / "journal" / "main.jsonl", until=until))


def _rewind_of(start: RunStarted) -> Rewind | None:
    """Return the rewind of a start. The starts of other ranks have none: rank 0 resumes at the same time."""
    if start.resumed_at_step is None or start.rank:
        return None
    return Rewind(start.time, start.resumed_at_step)
