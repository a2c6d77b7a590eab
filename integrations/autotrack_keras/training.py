"""One training as it is recorded: what Keras does, told by the callback, becomes records of the run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import autotrack
from autotrack.integrations import attempt, log_numbers
from autotrack_keras import binding, params
from autotrack_keras.architecture import complete_signature, describe_architecture
from autotrack_keras.budget import Budget
from autotrack_keras.calls import Call, look_at_fit
from autotrack_keras.checkpoints import CheckpointKeeper
from autotrack_keras.data import describe_data, x_and_y
from autotrack_keras.own_checkpoints import WeightWriter, keep_model
from autotrack_keras.schedules import LearningRate, may_set_rates
from autotrack_keras.stopping import note_stopping, note_trial
from autotrack_keras.throughput import Throughput


class Training:
    """Records one fit of a model.

    Steps count the batches of this fit, from those that `initial_epoch` skips on. All values come from the `logs`
    that Keras hands to its callbacks, where it has fetched them from the device already.
    """

    def __init__(
        self, run: autotrack.Run, model: Any, call: Call | None, *, every_n_steps: int | None, keeps_checkpoints: bool
    ) -> None:
        self.run = run
        self.model = model
        self.call = call
        self._callbacks: Sequence[Any] = ()
        self._every = every_n_steps
        self._before = binding.trained_in(model)
        self._trained = binding.Trained(run)
        self._budget = Budget() if keeps_checkpoints else None
        self._keeper: CheckpointKeeper | None = None
        self._writer: WeightWriter | None = None
        self._throughput = Throughput(None)
        self._rate: LearningRate | None = None
        self._epoch_rates: dict[str, Any] = {}
        self._step_rates: dict[int, Any] = {}
        self._has_step_rates = False
        self.notes_rates = False
        self._num_batches: int | None = None
        self._base = self._batches = 0
        self._epoch: int | None = None
        self._described = False
        self._diverged = False
        self._knows_validation = False
        self._knows_outputs = False
        self._has_batch_size = False

    def use(self, callbacks: Sequence[Any]) -> None:
        """Take note of the other callbacks."""
        self._callbacks = callbacks
        if self._budget is not None:
            self._keeper = CheckpointKeeper(self.run, self.model, callbacks)
            if not self._keeper.is_configured and hasattr(self.model, "save_weights"):
                self._writer = WeightWriter(self.run, self._budget)

    def starts(self) -> None:
        """The training starts: bind the model to this run, and record everything that determines the training."""
        binding.remember(self.model, self._trained)
        self._describe()

    def _describe(self) -> None:
        self._described = True
        model, fitting = self.model, look_at_fit(self.model, self.call)
        first_batch = self.call.first_batch if self.call is not None else None
        self._throughput = Throughput(fitting.iterator, first_batch)
        self._num_batches = getattr(fitting.iterator, "num_batches", None)
        first = fitting.arguments.get("initial_epoch") or 0
        self._base = self._steps_before(first)
        for source, values in params.training_params(model, fitting, self._callbacks):
            if source == "fit":  # one record less
                values |= self._new_batch_size()
            self.run.log_params(values, source)
        note_trial(self.run, self._callbacks)
        with attempt("keras learning rate"):
            if model.optimizer is not None:
                self._rate = LearningRate(model.optimizer)
                self._rate.starts(self._base)
                may_move = may_set_rates(model, self._callbacks)
                self.notes_rates = self._every is not None and may_move and not self._rate.has_formula
                self._has_step_rates = self.notes_rates or self._rate.has_formula
        given = fitting.arguments
        self._trained.name_data("train", self.call.arguments.get("x") if self.call else None)
        describe_data(self.run, "train", given.get("x"), given.get("y"))
        if fitting.validation is not None:
            x, y = x_and_y(fitting.validation)
            self._trained.name_data("validate", x)
            describe_data(self.run, "validate", x, y)
        self._knows_outputs = describe_architecture(self.run, model, given.get("x"))

    def epoch_begins(self, epoch: int) -> None:
        """Begin to count the epoch."""
        self._epoch = self._trained.epoch = epoch
        self._batches = 0
        self._throughput.start()
        with attempt("keras learning rate"):
            self._epoch_rates = self._named_rate(self._rate.at_epoch(self._base) if self._rate else None)

    def batch_begins(self, batch: int) -> None:
        """Note the learning rate of a step that will be recorded, where it may be another one for each batch."""
        step = self._base + batch
        if self._rate is not None and self._every is not None and (step + 1) % self._every == 0:
            self._step_rates[step] = self._rate.now()

    def batch_ends(self, batch: int, logs: Mapping[str, Any]) -> None:
        """Record the step if it is one that is wanted. With Keras's own threads this is out of order at times."""
        step = self._base + batch
        if batch >= self._batches:
            self._batches = batch + 1
            self._trained.step = step
        loss = logs.get("loss", 0.0)
        if loss.__class__ is float and loss - loss != 0.0:
            self._note_divergence("loss", loss, step)
        if self._every is not None and (step + 1) % self._every == 0:
            rates = self._rates_at(step) if self._has_step_rates else self._epoch_rates
            try:
                self.run.log({**logs, **rates}, step, epoch=self._epoch, stage="train")
            except TypeError:  # a loop of the user's may put anything into the logs
                log_numbers(self.run, {**logs, **rates}, step, epoch=self._epoch, stage="train")
        if self._keeper is not None and self._keeper.new:
            self._keeper.take_over(logs, step)

    def validation_begins(self) -> None:
        """Stop the clock of the training; Keras has worked out by now how it validates."""
        self._throughput.pause()
        if not self._knows_validation:
            self._knows_validation = True
            iterator = getattr(self.model, "_eval_epoch_iterator", None)
            adapter = getattr(iterator, "data_adapter", None)
            resolved = {
                "validation_steps": getattr(iterator, "num_batches", None),
                "validation_batch_size": getattr(adapter, "batch_size", None),
            }
            self.run.log_params({name: value for name, value in resolved.items() if value is not None}, "fit")

    def validation_ends(self) -> None:
        """Start the clock of the training again."""
        self._throughput.resume()

    def epoch_ends(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Record what Keras writes into its history, and how long the epoch took."""
        if self._num_batches is not None and self._batches > self._num_batches:
            self._batches = self._num_batches  # with several steps an execution Keras counts beyond the last one
        timing = self._throughput.epoch_metrics(self._batches)
        step = self._trained.step = max(self._base + self._batches - 1, 0)
        validated = {name: value for name, value in logs.items() if name.startswith("val_")}
        trained = {name: value for name, value in logs.items() if name not in validated}
        if validated:
            log_numbers(self.run, validated, step, epoch=epoch, stage="validate")
        log_numbers(self.run, {**trained, **self._epoch_rates, **timing}, step, epoch=epoch, stage="train")
        for name in ("loss", "val_loss"):
            value = logs.get(name)
            if isinstance(value, float) and not math.isfinite(value):
                self._note_divergence(name, value, step)
        if size := self._new_batch_size():
            self.run.log_params(size, "fit")
        self._base += self._batches
        self._step_rates.clear()
        self._keep(logs, step)

    def ends(self) -> None:
        """The training came to its end, and other callbacks have put the best weights back."""
        note_stopping(self.run, self.model, self._callbacks)
        if not self._knows_outputs:
            with attempt("keras signature"):
                complete_signature(self.run, self.model)
        if self._keeper is not None:
            self._keeper.take_over({}, self._trained.step)
        if self._budget is not None and hasattr(self.model, "save"):
            with attempt("keras model"):
                keep_model(self.run, self.model, self._budget, self._trained.step)

    def closes(self) -> None:
        """Nothing more comes: the fit has returned or failed."""
        if not self._described:  # it failed before it began: what is known of it may say why
            self._describe()
        if self._keeper is not None:
            with attempt("keras checkpoints"):
                self._keeper.finish()

    def will_save(self, path: Any) -> None:
        """The model is about to be saved to a file."""
        if self._keeper is not None and not path.absolute().is_relative_to(self.run.folder):
            self._keeper.will_save(path)

    def saved(self, path: Any) -> None:
        """The model was saved to a file."""
        if self._keeper is not None and not path.absolute().is_relative_to(self.run.folder):
            self._keeper.saved(path)

    def _rates_at(self, step: int) -> dict[str, Any]:
        rate = self._rate.at_step(step) if self._rate is not None else None
        return self._named_rate(self._step_rates.pop(step, None) if rate is None else rate)

    def _named_rate(self, rate: Any) -> dict[str, Any]:
        return {} if rate is None or self._rate is None else {self._rate.name: rate}

    def _keep(self, logs: Mapping[str, Any], step: int) -> None:
        with attempt("keras checkpoints"):
            if self._keeper is not None:
                self._keeper.take_over(logs, step)
            if self._writer is not None:
                self._writer.epoch_ends(self.model, logs, step)

    def _steps_before(self, first: int) -> int:
        before = self._before
        if before is not None and before.epoch is not None and before.step is not None:
            is_same_run = before.run is self.run  # which a person started
            if is_same_run or before.epoch + 1 == first:
                return before.step + 1
        return first * (self._num_batches or 0)

    def _new_batch_size(self) -> dict[str, int]:
        """The batch size, once it is known: of a generator that is when the first epoch has ended."""
        size = self._throughput.batch_size
        if size is None or self._has_batch_size:
            return {}
        self._has_batch_size = True
        return {"batch_size": size}

    def _note_divergence(self, name: str, value: float, step: int) -> None:
        if not self._diverged:
            self._diverged = True
            self.run.log_tags({"diverged": f"{name} is {value} in epoch {self._epoch}, step {step}"})
