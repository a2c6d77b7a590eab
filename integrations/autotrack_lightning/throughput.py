"""How long epochs take and how many samples a second are trained."""

from typing import Any

from autotrack.integrations import EpochClock

_CONTAINERS = (list, tuple, dict)


class Throughput(EpochClock):
    """Counts samples and seconds of an epoch, in all of the `world_size` processes together."""

    def __init__(self, world_size: int) -> None:
        self._world_size = world_size
        super().__init__()

    def start(self) -> None:
        """Begin an epoch."""
        self._samples = 0
        super().start()

    def count(self, batch: Any) -> None:
        """Count the samples of one batch by the length of its first tensor; other batches count nothing."""
        while batch.__class__ in _CONTAINERS and batch:
            batch = next(iter(batch.values())) if batch.__class__ is dict else batch[0]
        try:
            self._samples += batch.size(0)  # `len` and `shape` take several times as long
        except (AttributeError, TypeError, IndexError):  # no tensor, or one without dimensions
            return

    def epoch_metrics(self) -> dict[str, float]:
        """Return `epoch_seconds`, and `samples_per_second` over all ranks where batches could be counted."""
        return self.metrics(self._samples * self._world_size)
