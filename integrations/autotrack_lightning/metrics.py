"""Records what Lightning sends to its loggers, whether it has loggers or not."""

from collections.abc import Mapping
from typing import Any

import autotrack
from autotrack.integrations import guarded, log_numbers
from autotrack_lightning.attached import is_heard
from autotrack_lightning.learning_rates import LearningRates
from autotrack_lightning.loggers import sent_by_lightning
from autotrack_lightning.replaced import replace, restore


class MetricRecorder:
    """Records everything that a trainer sends to its loggers, also if it has none.

    All of it goes through `log_metrics` of the trainer's logger connector, with the very values, at the very moments
    and on the very steps that loggers see. The method is replaced on that one object, and restored by `detach`; so is
    the one that ends a batch, for steps that Lightning does not log. Tensors are passed on as they are.
    """

    def __init__(self, run: autotrack.Run, trainer: Any, owner: Any, *, every_n_steps: int | None = None) -> None:
        self.run = run
        self.step: int | None = None
        self.epoch: int | None = None
        self._trainer = trainer
        self._owner = owner
        self._every = every_n_steps
        self._rates = LearningRates(trainer)
        self._timing: Mapping[str, float] = {}
        self._given_names: set[str] = set()  # all that the user has logged; ours step aside for them
        self._names_in_epoch: set[str] = set()
        self._has_rates_in_epoch = False
        self._is_to_record = False  # the step that is under way
        self._is_recorded = False
        self._connector = trainer._logger_connector
        self._original = replace(self._connector, "log_metrics", self._log_metrics)
        self._original_step = replace(self._connector, "update_train_step_metrics", self._update_train_step_metrics)

    def detach(self) -> None:
        """Restore the trainer."""
        self._rates.detach()
        restore(self._connector, "log_metrics", "update_train_step_metrics")

    def batch_starts(self) -> None:
        """Begin a batch."""
        every = self._every or self._trainer.log_every_n_steps
        self._is_to_record = bool(every) and (self._position() + 1) % every == 0
        self._rates.batch_starts(is_recorded=self._is_to_record)

    def epoch_ends(self, timing: Mapping[str, float]) -> None:
        """Record what was not recorded in this epoch so far; `timing` comes with the metrics of the whole epoch."""
        self.record_rest()
        self._timing = timing

    def record_rest(self) -> None:
        """Record the last value in this epoch of what was logged, but at no step that is recorded."""
        batches = self._trainer.fit_loop.epoch_loop.batch_progress.current
        if batches.completed == 0:
            return
        rest = {name: value for name, value in self._last_values() if name not in self._names_in_epoch}
        rates = {} if self._has_rates_in_epoch else self._rates.of_batch(before=batches.ready != batches.completed)
        if rest or rates:
            self.epoch = self._trainer.current_epoch
            # Lightning counts a step after the validation that follows it.
            counted = self._trainer.state.stage != "validate"
            self._log(rest, max(self._position() - counted, 0), stage="train", ours=rates)
        self._names_in_epoch, self._has_rates_in_epoch = set(), False

    def evaluate_at(self, step: int | None, epoch: int | None) -> None:
        """Record what is measured from now on at this step and epoch, where the training ended."""
        self.step, self.epoch = step, epoch

    def log_sent(self, values: Mapping[str, Any], step: int | None) -> None:
        """Record what was sent straight to a logger, but for learning rates, which are recorded already."""
        rates = self._rates.names()
        sent = {name: value for name, value in values.items() if name not in rates}
        fitting = self._trainer.state.fn == "fit"
        if fitting:
            self.epoch = self._trainer.current_epoch
        stage = self._trainer.state.stage
        self._log(sent, self._step_of(step, fitting=fitting), stage=stage and stage._value_, ours={})

    def _log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        self._is_recorded = True
        self._record(metrics, step)
        token = sent_by_lightning.set(True)
        try:
            self._original(metrics, step)
        finally:
            sent_by_lightning.reset(token)

    def _update_train_step_metrics(self) -> None:
        self._is_recorded = False
        self._original_step()
        if self._is_to_record and not self._is_recorded:
            self._record_step()

    @guarded
    def _record_step(self) -> None:
        """Record a step that the trainer does not send to its loggers; its rates only if it accumulates gradients."""
        trainer = self._trainer
        if not trainer.fit_loop._should_accumulate() or not trainer.lightning_module.automatic_optimization:
            self._record(self._connector.metrics["log"], None)
        elif is_heard(self._owner, trainer):
            self.epoch = trainer.current_epoch
            self._log({}, self._position(), stage="train", ours=self._rates.of_batch())
            self._has_rates_in_epoch = True

    @guarded
    def _record(self, metrics: dict[str, Any], step: int | None) -> None:
        trainer = self._trainer
        stage = trainer.state.stage._value_  # `value` is a Python function for enums
        # A learning-rate finder works with callbacks of its own: what it tries is not part of the training.
        if stage == "sanity_check" or not is_heard(self._owner, trainer):
            return
        values = dict(metrics)
        fitting = trainer.state.fn._value_ == "fit"
        if step is None:
            step = self._step_of(values.pop("step", None), fitting=fitting)
        ours: Mapping[str, Any] = {}
        if fitting:
            self.epoch = trainer.current_epoch
        if stage == "train":
            if self._connector._first_loop_iter is None:  # the end of an epoch
                ours, self._timing = self._timing, {}
            elif self._every is not None and not self._is_to_record:
                return
            else:
                ours = self._rates.of_batch()
                self._names_in_epoch.update(values)
                self._has_rates_in_epoch = True
        self._log(values, step, stage=stage, ours=ours)

    def _log(self, given: Mapping[str, Any], step: int | None, *, stage: str | None, ours: Mapping[str, Any]) -> None:
        self._given_names.update(given)
        if not self._given_names.isdisjoint(ours):
            ours = {name: value for name, value in ours.items() if name not in self._given_names}
        if values := {**ours, **given}:
            log_numbers(self.run, values, step, epoch=self.epoch, stage=stage)

    def _last_values(self) -> list[tuple[str, Any]]:
        """Return what was logged at steps of this epoch, as it was after the last batch that is complete."""
        results, logged = self._trainer.fit_loop.epoch_loop._results, self._connector._logged_metrics
        names = (
            results._forked_name(item, on_step=True)[1]
            for _, item in results.valid_items()
            if item.meta.on_step and item.meta.logger
        )
        return [(name, logged[name]) for name in names if name in logged]

    def _position(self) -> int:
        return self._trainer.fit_loop.epoch_loop._batches_that_stepped  # type: ignore[no-any-return]  # Lightning's

    def _step_of(self, given: Any, *, fitting: bool) -> int | None:
        if given is not None:  # users put values on an axis of their own by logging "step"
            return int(given)
        if fitting:
            self.step = self._position()
        return self.step
