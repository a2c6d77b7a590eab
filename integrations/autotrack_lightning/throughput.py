"""How long epochs take and how many samples a second are trained."""

from time import perf_counter
from typing import Any

from autotrack.integrations import EpochClock
from autotrack_lightning.replaced import replace, restore

_CONTAINERS = (list, tuple, dict)
_FETCHES = ("_on_before_fetch", "_on_after_fetch")


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


class Watched:
    """Times how long a training waits for its data, and writes its checkpoints: `end` stops that."""

    def __init__(self, trainer: Any, throughput: Throughput) -> None:
        self._throughput = throughput
        self._loop, self._strategy = trainer.fit_loop.epoch_loop, trainer.strategy
        self._has_fetches = all(hasattr(self._loop, name) for name in _FETCHES)  # Lightning says so to its profiler
        if self._has_fetches:
            throughput.waited_seconds = 0.0
            self._began = perf_counter()
            self._fetch_begins = replace(self._loop, _FETCHES[0], self._before_fetch)
            self._fetch_ends = replace(self._loop, _FETCHES[1], self._after_fetch)
        self._save = replace(self._strategy, "save_checkpoint", self._timed_save)

    def end(self) -> None:
        """Give Lightning's objects their own methods back."""
        restore(self._loop, *_FETCHES)
        restore(self._strategy, "save_checkpoint")

    def _before_fetch(self) -> None:
        self._fetch_begins()
        self._began = perf_counter()

    def _after_fetch(self) -> None:
        self._throughput.waited_seconds += perf_counter() - self._began  # type: ignore[operator]  # it is a number here
        self._fetch_ends()

    def _timed_save(self, *args: Any, **kwargs: Any) -> Any:
        began = perf_counter()
        try:
            return self._save(*args, **kwargs)
        finally:
            self._throughput.saved(perf_counter() - began)
