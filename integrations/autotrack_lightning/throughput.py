"""How long epochs take and how many samples a second are trained."""

from time import perf_counter
from typing import Any

_CONTAINERS = (list, tuple, dict)


class Throughput:
    """Counts samples and seconds of an epoch. The time of validation inside it counts for the epoch, not the rate."""

    def __init__(self, world_size: int) -> None:
        self._world_size = world_size
        self.epoch_starts()

    def epoch_starts(self) -> None:
        """Begin to count."""
        self._began = perf_counter()
        self._paused = 0.0
        self._pause_began: float | None = None
        self._samples = 0

    def batch(self, batch: Any) -> None:
        """Count the samples of one batch by the length of its first tensor; other batches count nothing."""
        while batch.__class__ in _CONTAINERS and batch:
            batch = next(iter(batch.values())) if batch.__class__ is dict else batch[0]
        try:
            self._samples += batch.size(0)  # `len` and `shape` take several times as long
        except (AttributeError, TypeError, IndexError):  # no tensor, or one without dimensions
            return

    def pause(self) -> None:
        """Validation starts."""
        self._pause_began = perf_counter()

    def resume(self) -> None:
        """Validation is over."""
        if self._pause_began is not None:
            self._paused += perf_counter() - self._pause_began
            self._pause_began = None

    def epoch_ends(self) -> dict[str, float]:
        """Return `epoch_seconds`, and `samples_per_second` over all ranks where batches could be counted."""
        seconds = perf_counter() - self._began
        values = {"epoch_seconds": seconds}
        if self._samples and seconds > self._paused:
            values["samples_per_second"] = self._samples * self._world_size / (seconds - self._paused)
        return values
