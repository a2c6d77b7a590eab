"""Decides when the load of the training process is sampled; one sample serves all runs of that process."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from autotrack.sidecar.capture.load import LoadSampler
from autotrack.sidecar.followed_run import FollowedRun

Load = dict[str, float | int]

_RECENT_SECONDS = 0.5
"""For how long a sample is used again: runs may end a hundred times a second."""


class LoadSchedule:
    """Samples the load for runs that are going on, as often as the most demanding of them asks for."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._sampler: LoadSampler | None = None
        self._latest: Load = {}
        self._sampled_at = 0.0
        self._next = 0.0

    @property
    def next_sample(self) -> float | None:
        """When the next sample is to be taken, by `time.monotonic`; None while no run wants any."""
        return self._next or None

    @property
    def children(self) -> list[int]:
        """The processes that the last sample was of."""
        return [] if self._sampler is None else self._sampler.pids

    def sample_at_once(self) -> None:
        """Have `sample` take the next sample whenever it is called, because a run has begun."""
        self._next = 0.0

    def sample(self, runs: Sequence[FollowedRun]) -> Load | None:
        """Add a sample to each of these runs if it is time for that; return it then."""
        if not runs:
            self._next = 0.0
            return None
        if monotonic() < self._next:
            return None
        self._next = monotonic() + min(run.follow.system_seconds for run in runs)
        load = self.latest(runs[0].folder)
        for run in runs:
            run.put_load(load)
        return load

    def latest(self, store: Path) -> Load:
        """Return the last sample, or a new one if that is too old.

        Args:
            store: A folder on the disk whose fill level is wanted.
        """
        if self._sampler is None:
            self._sampler = LoadSampler(self._pid, store)
        if not self._latest or monotonic() - self._sampled_at > _RECENT_SECONDS:
            self._latest, self._sampled_at = self._sampler.sample(), monotonic()
        return self._latest
