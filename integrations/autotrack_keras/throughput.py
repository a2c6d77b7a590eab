"""How many batches and samples an epoch had, how big they were, and how long it took."""

from collections.abc import Callable, Iterator
from typing import Any

from keras import tree

from autotrack.integrations import EpochClock


class Throughput(EpochClock):
    """Counts samples and seconds of an epoch."""

    def __init__(self, iterator: Any, first_batch: int | None = None) -> None:
        self._adapter: Any = getattr(iterator, "data_adapter", None)
        self._is_counting = False
        self._first = first_batch
        super().__init__()
        self._watch()

    @property
    def batch_size(self) -> int | None:
        """How many samples a batch has: as Keras says, or as the first batch had."""
        size = self._size
        return self._first if size is None else size

    @property
    def _size(self) -> int | None:
        size = getattr(self._adapter, "batch_size", None)
        if size is None:
            loader = getattr(self._adapter, "_dataloader", None)
            size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
        return None if size is None else int(size)

    def start(self) -> None:
        """Begin an epoch."""
        self._samples_counted = 0
        super().start()

    def epoch_metrics(self, batches: int) -> dict[str, float]:
        """Return `epoch_seconds`, and `samples_per_second` where it is known how many samples there were."""
        return self.metrics(self._samples(batches))

    def _samples(self, batches: int) -> int:
        if self._is_counting:
            return self._samples_counted
        size = self._size
        if size is None:  # the last batch of a stream may have any number of rows
            return 0
        least = getattr(self._adapter, "_num_samples", None)
        if least is None:
            least = _length(getattr(getattr(self._adapter, "_dataloader", None), "dataset", None))
        return batches * size if least is None or batches * size < least else least

    def _watch(self) -> None:
        """Count the rows of each batch of a PyDataset or generator on its way to Keras, without asking for any.

        The adapter is an object that Keras made for this fit alone.
        """
        adapter = self._adapter
        if hasattr(adapter, "py_dataset") and hasattr(adapter, "_standardize_batch"):
            original = adapter._standardize_batch
            adapter._standardize_batch = lambda batch: self._count(original(batch))
        elif hasattr(adapter, "_first_batches") and hasattr(adapter, "generator"):
            self._first = _samples_of(next(iter(adapter._first_batches), None))
            restored: Callable[[], Iterator[Any]] = adapter.generator
            adapter.generator = lambda: map(self._count, restored())
        else:
            return
        self._is_counting = True

    def _count(self, batch: Any) -> Any:
        samples = _samples_of(batch)
        if samples is not None:
            self._first = self._first or samples
            self._samples_counted += samples
        return batch


def _samples_of(batch: Any) -> int | None:
    """The length of the first array of a batch; what a user's data set yields may be anything."""
    try:
        return next((int(one.shape[0]) for one in tree.flatten(batch) if getattr(one, "shape", None)), None)
    except (AttributeError, TypeError, ValueError, IndexError):
        return None


def _length(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError, AttributeError):  # a stream has no length
        return None
