"""Records one fit: passes on what Keras tells the callback to those who count, describe, measure and keep files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import autotrack
from autotrack.integrations import log_numbers
from autotrack_keras import binding
from autotrack_keras.calls import Call, inspect_fit
from autotrack_keras.description import Description
from autotrack_keras.learning_rates import LearningRates
from autotrack_keras.steps import StepCounter
from autotrack_keras.stopping import record_stopping
from autotrack_keras.throughput import Throughput
from autotrack_keras.training_files import TrainingFiles


class Training:
    """Records one fit of a model.

    All values come from the `logs` that Keras hands to its callbacks, after it has fetched them from the device.
    """

    def __init__(
        self,
        run: autotrack.Run,
        model: Any,
        call: Call | None,
        callbacks: Sequence[Any],
        *,
        every_n_steps: int | None,
        keeps_checkpoints: bool,
    ) -> None:
        self.run = run
        self.call = call
        self.rates = LearningRates()
        self._model = model
        self._callbacks = callbacks
        self._every = every_n_steps
        self._trained = binding.Trained(run)
        self._steps = StepCounter(self._trained, binding.trained_in(model))
        self._throughput = Throughput(None)
        self._save_began = 0.0
        self._description = Description(run, model)
        self._is_described = False
        self._files = TrainingFiles(run, model, callbacks) if keeps_checkpoints else None

    def starts(self) -> None:
        """The training starts: bind the model to this run, and record everything that determines the training."""
        binding.remember(self._model, self._trained)
        self._describe()

    def _describe(self) -> None:
        self._is_described = True
        fitting = inspect_fit(self._model, self.call)
        if self._files is not None:
            self._files.note_inputs(fitting.arguments.get("x"))
        first_batch = self.call.first_batch if self.call is not None else None
        note_batch = self._files.note_batch if self._files is not None else None
        self._throughput = Throughput(fitting.iterator, first_batch, note_batch)
        first_epoch = fitting.arguments.get("initial_epoch") or 0
        self._steps.start(first_epoch, getattr(fitting.iterator, "num_batches", None))
        self.rates.start(self._model, self._callbacks, self._steps.first_step)
        self._description.record(fitting, self.call, self._callbacks, self._trained, self._throughput.batch_size)

    def epoch_begins(self, epoch: int) -> None:
        """Begin to count the epoch."""
        self._steps.start_epoch(epoch)
        self._throughput.start()
        self.run.log({}, epoch=epoch, stage="train")  # what is measured or printed from here on belongs to this epoch
        self.rates.start_epoch(self._steps.first_step)

    def batch_begins(self, batch: int) -> None:
        """Read the learning rate of the batch; called only if `rates.are_read_per_batch`."""
        self.rates.start_batch(self._steps.first_step + batch)

    def batch_ends(self, batch: int, logs: Mapping[str, Any]) -> None:
        """Record the step if it is one to be recorded."""
        step = self._steps.end_batch(batch)
        if self.rates.are_set_in_steps:
            self.rates.end_batch(step)
        loss = logs.get("loss", 0.0)
        if loss.__class__ is float and loss - loss != 0.0:
            self.run.note_divergence("loss", loss, step, self._steps.epoch)  # most steps are not recorded
        if self._every is not None and (step + 1) % self._every == 0:
            values = {**self.rates.at_step(step), **logs}
            try:
                self.run.log(values, step, epoch=self._steps.epoch, stage="train")
            except TypeError:  # a training loop of the user's may put anything into the logs
                log_numbers(self.run, values, step, epoch=self._steps.epoch, stage="train")
        if self._files is not None:
            self._files.end_batch(logs, step)

    def validation_begins(self) -> None:
        """Stop the clock of the training while it validates."""
        self._throughput.pause()
        self._description.record_validation()

    def validation_ends(self) -> None:
        """Start the clock of the training again."""
        self._throughput.resume()

    def epoch_ends(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Record what Keras writes into its history, and how long the epoch took."""
        step, batches = self._steps.end_epoch()
        timing = self._throughput.epoch_metrics(batches)
        validated = {name: value for name, value in logs.items() if name.startswith("val_")}
        trained = {name: value for name, value in logs.items() if name not in validated}
        if validated:
            log_numbers(self.run, validated, step, epoch=epoch, stage="validate")
        ours = {**self.rates.at_step(step), **timing}  # a user's own metric of such a name comes first
        log_numbers(self.run, {**ours, **trained}, step, epoch=epoch, stage="train")
        self._description.record_batch_size(self._throughput.batch_size)
        if self._files is not None:
            self._files.end_epoch(logs, epoch, step)

    def ends(self) -> None:
        """The training has come to its end, and other callbacks have restored the best weights."""
        record_stopping(self.run, self._model, self._callbacks)
        if late := self._throughput.unrecorded():
            self.run.log(late, self._steps.last_step, epoch=self._steps.epoch, stage="train")
        self._description.complete()
        if self._files is not None:
            self._files.end_training(self._steps.last_step)

    def closes(self) -> None:
        """The fit has returned or failed; nothing more comes."""
        if not self._is_described:  # it failed before it began: its description may tell why
            self._describe()
        if self._files is not None:
            self._files.close()

    def will_save(self, path: Path) -> None:
        """The model is about to be saved to a file."""
        self._save_began = perf_counter()
        if self._files is not None:
            self._files.will_save(path)

    def saved(self, path: Path) -> None:
        """The model was saved to a file."""
        self._throughput.saved(perf_counter() - self._save_began)
        if self._files is not None:
            self._files.saved(path)
