"""The callback that records a training, through the hooks that Keras calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import keras

from autotrack.integrations import RunArguments, RunOptions, attempt, end_run, guarded
from autotrack_keras import binding
from autotrack_keras.backups import run_backed_up
from autotrack_keras.calls import Call
from autotrack_keras.evaluation import Evaluation
from autotrack_keras.hooks import watch
from autotrack_keras.params import model_params
from autotrack_keras.training import Training

if TYPE_CHECKING:
    import autotrack


class AutotrackCallback(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Records every fit that it is given to, and the evaluations after it, without a logging call.

    Args:
        to: The folder that keeps the runs, `runs` by default; `tensorboard`; the URL of a tracking server; or a list.
        experiment: Groups runs; the project's name by default.
        name: The run's name; made up by default.
        tags: Labels for the run.
        log_every_n_steps: Record step metrics every so many batches; by default there are only those of epochs.
        checkpoints: Whether checkpoints and the final model are kept in the run folder; True by default. What this
            costs at most is in `autotrack.training.file_budget`.
        output: Whether what is printed is kept in `output.log`; True by default.

    Raises:
        SettingsError: A setting cannot be used.

    Arguments that are left out come from `autotrack.autolog`, the environment, pyproject.toml and the defaults. The
    same callback can be used again: each fit is a run of its own. `run` is the one that it recorded last.
    """

    async_safe = True  # Keras may go on calling callbacks from its own threads where it would without ours

    def __init__(self, **options: Unpack[RunArguments]) -> None:
        super().__init__()
        self._options = RunOptions(self, **options)
        self._clear()
        watch(keras, AutotrackCallback.for_autolog)

    @classmethod
    def for_autolog(cls) -> "AutotrackCallback":
        """Return a callback with the settings of the latest `autolog()`."""
        made = cls.__new__(cls)
        keras.callbacks.Callback.__init__(made)
        made._options = RunOptions.of_autolog()
        made._clear()
        return made

    _options: RunOptions

    def _clear(self) -> None:
        self.run: autotrack.Run | None = None
        self._training: Training | None = None
        self._evaluation: Evaluation | None = None
        self._owns_run = False
        self._has_begun = False

    def __getstate__(self) -> dict[str, Any]:
        """Copy the settings only: a copy, or the callback in a spawned process, records for itself."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._model = None
        copied._clear()
        return copied.__dict__

    @property
    def is_busy(self) -> bool:
        """Whether it is recording a fit or an evaluation right now."""
        return self._training is not None or self._evaluation is not None

    # ---- a training

    @guarded
    def begin_recording(self, call: Call | None, callback_list: Any = None) -> None:
        """Start the run of a fit, or find that of an evaluation, before Keras calls any callback."""
        self._clear()
        self._has_begun = True
        if call is not None:
            call.callback = self
            if call.is_within("search"):
                return  # the search records the result
        if call is not None and call.method == "evaluate":
            self._begin_evaluation(call)
            return
        model = call.model if call is not None else self._model
        others = [callback for callback in getattr(callback_list, "callbacks", []) if callback is not self]
        origin = run_backed_up(others, self._options) or binding.origin_of(model)
        self.run, self._owns_run = binding.open_run(self._options, origin=origin)
        if self.run is None:
            return
        every, keeps = self._options.settings.log_every_n_steps, self._options.settings.checkpoints
        self._training = Training(self.run, model, call, others, every_n_steps=every, keeps_checkpoints=keeps)

    @guarded
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Record the params, which Keras has resolved by now."""
        if not self._has_begun:
            self.begin_recording(None)  # a training loop of the user's own
        if self._training is not None:
            self._training.starts()

    @guarded
    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Begin to count the epoch."""
        if self._training is not None:
            self._training.epoch_begins(epoch)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Read the learning rate of the step, if it may change from step to step."""
        if self._training is not None and self._training.rates.are_read_per_batch:
            self._batch_begins(batch)

    @guarded
    def _batch_begins(self, batch: int) -> None:
        if self._training is not None:
            self._training.batch_begins(batch)

    @guarded
    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the step if it is one to be recorded."""
        if self._training is not None:
            self._training.batch_ends(batch, logs or {})

    @guarded
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the epoch."""
        if self._training is not None:
            self._training.epoch_ends(epoch, logs or {})

    @guarded
    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Record what stopped the training, and keep the model."""
        if self._training is not None:
            self._training.ends()
            if self._training.call is None:
                self.end(None)

    # ---- an evaluation

    @guarded
    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Stop the clock of the training while it validates."""
        if self._training is not None:
            self._training.validation_begins()

    @guarded
    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Record an evaluation, or start the clock of the training again."""
        if self._training is not None:
            self._training.validation_ends()
        elif self._evaluation is not None:
            self._evaluation.ends(logs or {})

    def _begin_evaluation(self, call: Call) -> None:
        trained = binding.trained_in(call.model)
        if binding.rank() or (call.is_within("fit") and trained is None):
            return
        if trained is None:
            trained = self._open_evaluation(call.model)
        if trained is not None:
            self.run = trained.run
            self._evaluation = Evaluation(self.run, trained, call)

    def _open_evaluation(self, model: Any) -> binding.Trained | None:
        """Start a run for the evaluation of a model that no fit here has trained, and describe the model in it."""
        if not getattr(model, "compiled", False):  # Keras is about to raise
            return None
        self.run, self._owns_run = binding.open_run(self._options, origin=binding.origin_of(model))
        if self.run is None:
            return None
        trained = binding.Trained(self.run, is_fit=False)
        binding.remember(model, trained)
        for source, values in model_params(model):
            self.run.log_params(values, source)
        return trained

    # ---- saving and ending

    @guarded
    def will_save(self, path: Path) -> None:
        """The model is about to be saved to a file."""
        if self._training is not None:
            self._training.will_save(path)

    @guarded
    def saved(self, path: Path) -> None:
        """The model was saved to a file."""
        if self._training is not None:
            self._training.saved(path)

    @guarded
    def end(self, error: BaseException | None) -> None:
        """End the recording: the fit or the evaluation has returned or failed."""
        run, training, owns_run = self.run, self._training, self._owns_run
        self._clear()
        self.run = run
        if run is None:
            return
        if training is not None:
            with attempt("keras training"):
                training.closes()
        end_run(run, error, is_own=owns_run)
