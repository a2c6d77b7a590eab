"""The learning rates that are recorded with the steps and epochs of one fit."""

from collections.abc import Iterable
from typing import Any

from autotrack.integrations import attempt
from autotrack_keras.schedules import LearningRate, is_set_in_step, may_set_rates

_MOST_UNDER_WAY = 100


class LearningRates:
    """Knows the learning rate of each step.

    Where nothing changes it between the batches of an epoch, it is read once an epoch. A schedule gives that of any
    step. Otherwise it is read as each batch begins (`are_read_per_batch`), after all callbacks of the user. A training
    step of the user's may set it after that: then it is that of the end of the batch. Keras tells of this end from
    another thread, when the next batch may be under way; what that one began with is the same.
    """

    def __init__(self) -> None:
        self.are_read_per_batch = False
        self.are_set_in_steps = False
        self._is_scheduled = False
        self._rate: LearningRate | None = None
        self._of_epoch: Any = None
        self._of_steps: dict[int, Any] = {}  # at their beginnings
        self._of_ended: dict[int, Any] = {}  # at their ends, if they set it; Keras's threads get out of order

    def start(self, model: Any, callbacks: Iterable[Any], first_step: int) -> None:
        """Begin the fit: find out how to learn the rates without waiting for a device."""
        with attempt("keras learning rate"):
            if model.optimizer is not None:
                self._rate = LearningRate(model.optimizer)
                self._rate.starts(first_step)
                self._is_scheduled = self._rate.is_scheduled
                self.are_read_per_batch = not self._is_scheduled and may_set_rates(model, callbacks)
                self.are_set_in_steps = self.are_read_per_batch and is_set_in_step(model, callbacks)

    def start_epoch(self, step: int) -> None:
        """Begin an epoch whose first step is `step`."""
        self._of_steps.clear()
        self._of_ended.clear()
        with attempt("keras learning rate"):
            self._of_epoch = self._rate.at_epoch(step) if self._rate else None

    def start_batch(self, step: int) -> None:
        """Read the rate of a step."""
        if self._rate is not None:
            _keep(self._of_steps, step, self._rate.now())

    def end_batch(self, step: int) -> None:
        """Read the rate of a step that sets it itself."""
        if self._rate is not None:
            rate = self._rate.now()  # first: if the next batch has not begun after that, it was not under way
            _keep(self._of_ended, step, self._of_steps.get(step + 1, rate))

    def at_step(self, step: int) -> dict[str, Any]:
        """Return the rate of a step of this epoch that has ended, by its name."""
        rate = self._of_epoch
        if self._of_steps:  # with several steps per execution, only the first of them has a beginning
            rate = self._of_steps.get(step, next(reversed(self._of_steps.values())))
        rate = self._of_ended.get(step, rate)
        if self._is_scheduled and self._rate is not None:
            with attempt("keras learning rate"):
                rate = self._rate.at_step(step)
        return {} if rate is None or self._rate is None else {self._rate.name: rate}


def _keep(rates: dict[int, Any], step: int, rate: Any) -> None:
    rates[step] = rate
    if len(rates) > _MOST_UNDER_WAY:
        del rates[next(iter(rates))]
