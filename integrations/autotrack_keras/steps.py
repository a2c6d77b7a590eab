"""Counts the steps and epochs of one fit."""

from autotrack_keras.binding import Trained


class StepCounter:
    """Turns Keras's batch numbers, which start again in every epoch, into the steps of a run.

    Steps count the batches of this fit, after those that `initial_epoch` skips. How far the training has come is kept
    in `trained`, where later evaluations of the model find it.
    """

    def __init__(self, trained: Trained, before: Trained | None) -> None:
        self.first_step = 0
        self._trained = trained
        self._before = before
        self._batches = 0
        self._num_batches: int | None = None

    @property
    def epoch(self) -> int | None:
        """The epoch that is under way; None before the first."""
        return self._trained.epoch

    @property
    def last_step(self) -> int | None:
        """The latest step that has ended."""
        return self._trained.step

    def start(self, first_epoch: int, num_batches: int | None) -> None:
        """Begin the fit; `num_batches` is how many batches an epoch has, if Keras knows."""
        self._num_batches = num_batches
        self.first_step = self._steps_before(first_epoch)

    def start_epoch(self, epoch: int) -> None:
        """Begin an epoch, whose first step is `first_step`."""
        self._trained.epoch = epoch
        self._batches = 0

    def end_batch(self, batch: int) -> int:
        """Return the step of a batch that has ended. With Keras's own threads this is out of order at times."""
        step = self.first_step + batch
        if batch >= self._batches:
            self._batches = batch + 1
            self._trained.step = step
        return step

    def end_epoch(self) -> tuple[int, int]:
        """Return the last step of the epoch and its number of batches; the next epoch goes on after them."""
        batches = self._batches
        if self._num_batches is not None and batches > self._num_batches:
            batches = self._num_batches  # with several steps per execution, Keras counts beyond the last batch
        step = self._trained.step = max(self.first_step + batches - 1, 0)
        self.first_step += batches
        return step, batches

    def _steps_before(self, first_epoch: int) -> int:
        before = self._before
        if before is not None and before.epoch is not None and before.step is not None:
            is_same_run = before.run is self._trained.run  # which a user started
            if is_same_run or before.epoch + 1 == first_epoch:
                return before.step + 1
        return first_epoch * (self._num_batches or 0)
