"""Records what Lightning sends to its loggers, whether it has loggers or not."""

from collections.abc import Callable
from typing import Any

import autotrack
from autotrack.integrations import guarded, log_numbers
from autotrack_lightning.params import learning_rate_names, learning_rates


class MetricRecorder:
    """Records everything that a trainer sends to its loggers, also if it has none.

    All of it goes through `log_metrics` of the trainer's logger connector, with the very values, at the very moments
    and on the very steps that loggers see. The method is replaced on that one object, and restored by `detach`.
    Tensors are passed on as they are.
    """

    def __init__(self, run: autotrack.Run, trainer: Any, owner: Any, *, every_n_steps: int | None = None) -> None:
        self.run = run
        self.step: int | None = None
        self.epoch: int | None = None
        self._trainer = trainer
        self._owner = owner
        self._every = every_n_steps
        self._rates: list[Any] = []
        self._rate_names: list[str] = []
        self._connector = trainer._logger_connector
        self._original: Callable[..., None] = self._connector.log_metrics
        self._original_step: Callable[[], None] = self._connector.update_train_step_metrics
        self._step_was_logged = False
        self._connector.log_metrics = self._log_metrics
        if every_n_steps is not None:
            self._connector.update_train_step_metrics = self._update_train_step_metrics

    def detach(self) -> None:
        """Restore the trainer."""
        vars(self._connector).pop("log_metrics", None)
        vars(self._connector).pop("update_train_step_metrics", None)

    def batch_starts(self) -> None:
        """Note the learning rates of the coming step: a scheduler changes them before the step is logged."""
        self._rates = learning_rates(self._trainer)

    def evaluate_at(self, step: int | None, epoch: int | None) -> None:
        """Record what is measured from now on at this step and epoch, where the training ended."""
        self.step, self.epoch = step, epoch

    def _log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        self._step_was_logged = True
        self._record(metrics, step)
        self._original(metrics, step)

    def _update_train_step_metrics(self) -> None:
        """Record steps that the trainer itself would not send to its loggers."""
        self._step_was_logged = False
        self._original_step()
        if not self._step_was_logged:
            self._record_step()

    @guarded
    def _record_step(self) -> None:
        accumulating = self._trainer.fit_loop._should_accumulate()
        if not (accumulating and self._trainer.lightning_module.automatic_optimization) and self._is_step_to_record():
            self._record(self._connector.metrics["log"], None)

    def _is_step_to_record(self) -> bool:
        return self._every is None or (self._trainer.fit_loop.epoch_loop._batches_that_stepped + 1) % self._every == 0

    @guarded
    def _record(self, metrics: dict[str, Any], step: int | None) -> None:
        trainer = self._trainer
        stage = trainer.state.stage._value_  # `value` is a Python function for enums
        # A learning-rate finder works with callbacks of its own: what it tries is not part of the training.
        if stage == "sanity_check" or self._owner not in trainer.callbacks:
            return
        values = dict(metrics)
        fitting = trainer.state.fn._value_ == "fit"
        if step is None:
            step = self._step_of(values.pop("step", None), fitting=fitting)
        if stage == "train" and self._connector._first_loop_iter is not None:  # a step, not the end of an epoch
            if not self._is_step_to_record():
                return
            if len(self._rate_names) != len(self._rates):
                self._rate_names = learning_rate_names(trainer)
            values.update(zip(self._rate_names, self._rates, strict=True))
        if fitting:
            self.epoch = trainer.current_epoch
        if values:
            log_numbers(self.run, values, step, epoch=self.epoch, stage=stage)

    def _step_of(self, given: Any, *, fitting: bool) -> int | None:
        if given is not None:  # users put values on an axis of their own by logging "step"
            return int(given)
        if fitting:
            self.step = self._trainer.fit_loop.epoch_loop._batches_that_stepped
        return self.step
