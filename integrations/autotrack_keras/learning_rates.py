"""The learning rates that are recorded with the steps and epochs of one fit."""

from collections.abc import Iterable
from typing import Any

from autotrack.integrations import attempt
from autotrack_keras.schedules import LearningRate, may_set_rates


class LearningRates:
    """Knows the learning rate of each epoch, and of each recorded step where it may change between batches."""

    def __init__(self, every_n_steps: int | None) -> None:
        self.of_epoch: dict[str, Any] = {}
        self.change_within_epochs = False
        self.are_read_per_batch = False
        self._every = every_n_steps
        self._rate: LearningRate | None = None
        self._of_steps: dict[int, Any] = {}

    def start(self, model: Any, callbacks: Iterable[Any], first_step: int) -> None:
        """Begin the fit: find out how to learn the rates without waiting for a device."""
        with attempt("keras learning rate"):
            if model.optimizer is not None:
                self._rate = LearningRate(model.optimizer)
                self._rate.starts(first_step)
                may_change = may_set_rates(model, callbacks)
                self.are_read_per_batch = self._every is not None and may_change and not self._rate.has_formula
                self.change_within_epochs = self.are_read_per_batch or self._rate.has_formula

    def start_epoch(self, step: int) -> None:
        """Begin an epoch whose first step is `step`."""
        self._of_steps.clear()
        with attempt("keras learning rate"):
            self.of_epoch = self._named(self._rate.at_epoch(step) if self._rate else None)

    def start_batch(self, step: int) -> None:
        """Read the rate of a step that will be recorded."""
        if self._rate is not None and self._every is not None and (step + 1) % self._every == 0:
            self._of_steps[step] = self._rate.now()

    def at_step(self, step: int) -> dict[str, Any]:
        """Return the rate of a step, by its name."""
        rate = self._rate.at_step(step) if self._rate is not None else None
        return self._named(self._of_steps.pop(step, None) if rate is None else rate)

    def _named(self, rate: Any) -> dict[str, Any]:
        return {} if rate is None or self._rate is None else {self._rate.name: rate}
