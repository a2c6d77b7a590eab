"""How many batches and samples an epoch had, how big they were, and how long it took."""

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

import keras
from keras import tree

from autotrack.integrations import EpochClock


class Throughput(EpochClock):
    """Counts samples and seconds of an epoch, and how long it waits for its batches.

    Args:
        iterator: What Keras takes its batches from.
        first_batch: How many samples the first batch has, if that is known already.
        note_batch: Is given the first batch that comes by; with TensorFlow, those of a `tf.data.Dataset` do not.
    """

    def __init__(
        self, iterator: Any, first_batch: int | None = None, note_batch: Callable[[Any], None] | None = None
    ) -> None:
        self._adapter: Any = getattr(iterator, "data_adapter", None)
        self._is_counting = False
        self._first = first_batch
        self._note_batch = note_batch
        super().__init__()
        self._watch()
        self._time_batches(iterator)

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
            first = next(iter(adapter._first_batches), None)
            self._first = _samples_of(first)
            self.passes(first)
            restored: Callable[[], Iterator[Any]] = adapter.generator
            adapter.generator = lambda: map(self._count, restored())
        else:
            return
        self._is_counting = True

    def _time_batches(self, iterator: Any) -> None:
        """Time how long Keras waits for each batch; TensorFlow fetches them within its graph, where nothing is seen.

        Keras made the iterator for this fit alone, and asks it for its batches when an epoch begins.
        """
        if keras.backend.backend() == "tensorflow" or not hasattr(iterator, "_get_iterator"):
            return
        self.waited_seconds = 0.0
        original: Callable[[], Iterable[Any]] = iterator._get_iterator
        iterator._get_iterator = lambda: _TimedBatches(original(), self)

    def passes(self, batch: Any) -> None:
        """Show a batch on its way to Keras to whom it may concern, if it is the first one."""
        note, self._note_batch = self._note_batch, None
        if note is not None:
            note(batch)

    def _count(self, batch: Any) -> Any:
        self.passes(batch)
        samples = _samples_of(batch)
        if samples is not None:
            self._first = self._first or samples
            self._samples_counted += samples
        return batch


class _TimedBatches:
    """Passes on batches, and counts how long they take to come.

    Batches begin when Keras wants them to, because a shuffling loader draws a random number then.
    """

    def __init__(self, batches: Iterable[Any], throughput: Throughput) -> None:
        self._batches = batches
        self._throughput = throughput

    def __iter__(self) -> Iterator[Any]:
        began = perf_counter()
        self._iterator = iter(self._batches)  # this may start workers
        self._add_since(began)
        return self

    def __next__(self) -> Any:
        began = perf_counter()
        try:
            batch = next(self._iterator)
        finally:
            self._add_since(began)
        self._throughput.passes(batch)
        return batch

    def _add_since(self, began: float) -> None:
        self._throughput.waited_seconds += perf_counter() - began  # type: ignore[operator]  # it is a number here


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
