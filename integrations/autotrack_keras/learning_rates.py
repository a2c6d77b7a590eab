"""The learning rates that are recorded with the steps and epochs of one fit."""

from collections.abc import Iterable
from typing import Any

from autotrack.integrations import attempt
from autotrack_keras.schedules import LearningRate, may_set_rates

_MOST_UNDER_WAY = 100


class LearningRates:
    """Knows the learning rate of each step.

    Where nothing changes it between the batches of an epoch, it is read once an epoch. A schedule gives that of any
    step. Otherwise it is read as each batch begins (`are_read_per_batch`). Keras tells of the end of a batch from
    another thread, when the next one may be under way.
    """

    def __init__(self) -> None:
        self.are_read_per_batch = False
        self._rate: LearningRate | None = None
        self._of_epoch: Any = None
        self._of_steps: dict[int, Any] = {}

    def start(self, model: Any, callbacks: Iterable[Any], first_step: int) -> None:
        """Begin the fit: find out how to learn the rates without waiting for a device."""
        with attempt("keras learning rate"):
            if model.optimizer is not None:
                self._rate = LearningRate(model.optimizer)
                self._rate.starts(first_step)
                self.are_read_per_batch = not self._rate.is_scheduled and may_set_rates(model, callbacks)

    def start_epoch(self, step: int) -> None:
        """Begin an epoch whose first step is `step`."""
        self._of_steps.clear()
        with attempt("keras learning rate"):
            self._of_epoch = self._rate.at_epoch(step) if self._rate else None

    def start_batch(self, step: int) -> None:
        """Read the rate of a step."""
        if self._rate is not None:
            self._of_steps[step] = self._rate.now()
            if len(self._of_steps) > _MOST_UNDER_WAY:
                del self._of_steps[next(iter(self._of_steps))]

    def at_step(self, step: int) -> dict[str, Any]:
        """Return the rate of a step of this epoch that has ended, by its name."""
        rate = self._of_epoch
        if self._of_steps:  # with several steps per execution, only the first of them has a beginning
            rate = self._of_steps.get(step, next(reversed(self._of_steps.values())))
        with attempt("keras learning rate"):
            if self._rate is not None and self._rate.is_scheduled:
                rate = self._rate.at_step(step)
        return {} if rate is None or self._rate is None else {self._rate.name: rate}
