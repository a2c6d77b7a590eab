"""What a sidecar adds to a run: records, in a journal of its own beside that of training."""

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import time

from autotrack.errors import JournalBusyError
from autotrack.journal.records import AnyRecord, Metrics, Notice, SystemStats
from autotrack.journal.writer import Journal

CLOSES_AN_EPOCH = "epoch_seconds"
"""The metric with which integrations end an epoch. Whatever follows it belongs to the next epoch."""


class SidecarJournal:
    """The journal of a sidecar for one run. It is created with its first record; any thread may add to it."""

    def __init__(self, folder: Path, *, rank: int = 0) -> None:
        stem = f"rank{rank}-sidecar" if rank else "sidecar"
        self._path = folder / "journal" / f"{stem}.jsonl"
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        self._refusal = ""
        self._notices: set[tuple[str, str]] = set()

    def add(self, records: Iterable[AnyRecord]) -> None:
        """Append records."""
        for record in records:
            self._open().append(record)

    def add_notice(self, about: str, message: str) -> None:
        """Append a notice, unless the same one was added before: what fails is tried again every second."""
        with self._lock:
            if (about, message) in self._notices:
                return
            self._notices.add((about, message))
        self.add([Notice(time=time(), about=about, message=message)])

    @property
    def problems(self) -> list[str]:
        """What the disk did not take, and why."""
        journal = self._journal
        if journal is None or not (journal.lost_records or journal.waiting_file):
            return []
        return [self._refusal]

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._journal is not None:
            self._journal.close()

    def _open(self) -> Journal:
        with self._lock:
            if self._journal is None:
                try:
                    self._journal = Journal(self._path, on_problem=self._note_refusal, may_wait=True)
                except JournalBusyError:  # the sidecar of an earlier session is still at work
                    path = self._path.with_name(f"{self._path.stem}-{os.getpid()}.jsonl")
                    self._journal = Journal(path, on_problem=self._note_refusal, may_wait=True)
            return self._journal

    def _note_refusal(self, problem: str) -> None:
        self._refusal = problem


class LoadSamples:
    """Adds samples of the load to a journal, each with the epoch it was taken in.

    That is the epoch of the metrics that are logged next. So the latest sample is held until those are read, until
    another sample follows, or until `release`.
    """

    def __init__(self, journal: SidecarJournal, *, rank: int = 0) -> None:
        self._journal = journal
        self._rank = rank
        self._epoch: int | None = None
        self._held: SystemStats | None = None

    def add(self, values: Mapping[str, int | float], *, host: str) -> None:
        """Add a sample that has just been taken."""
        self.release()
        self._held = SystemStats(time=time(), values=dict(values), host=host, rank=self._rank)

    def note_epochs(self, batch: Sequence[Metrics]) -> None:
        """Take the epoch from metrics that were logged, in their order: the last ones tell, unless a sample waits."""
        if self._held is None and batch and batch[-1].epoch is not None:
            batch = batch[-1:]
        for metrics in batch:
            self.note_epoch(metrics)

    def note_epoch(self, metrics: Metrics) -> None:
        """Take the epoch from metrics that were logged."""
        if metrics.epoch is None:
            return
        if self._held is not None and metrics.time >= self._held.time:
            self._epoch = metrics.epoch
            self.release()
        self._epoch = metrics.epoch + (CLOSES_AN_EPOCH in metrics.values)

    def release(self) -> None:
        """Write the sample that is held, with the epoch that is known by now."""
        if self._held is not None:
            held, self._held = self._held, None
            stats = SystemStats(time=held.time, values=held.values, host=held.host, rank=held.rank, epoch=self._epoch)
            self._journal.add([stats])
