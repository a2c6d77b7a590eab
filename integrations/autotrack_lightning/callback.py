"""The callback that records trainings and evaluations, through the hooks that Lightning calls."""

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, Unpack
from weakref import WeakKeyDictionary

import autotrack
from autotrack.integrations import RunArguments, RunOptions, attempt, end_run, guarded
from autotrack_lightning import binding
from autotrack_lightning.checkpoints import CheckpointKeeper
from autotrack_lightning.description import describe_evaluation, describe_training
from autotrack_lightning.ends import is_tuning, record_early_stopping, status_of
from autotrack_lightning.metrics import MetricRecorder
from autotrack_lightning.throughput import Throughput


def _callback_bases() -> tuple[type, ...]:
    """Return the Callback classes of the Lightning packages that are imported, or else of the installed one."""
    names = ("lightning.pytorch", "pytorch_lightning")
    loaded = [name for name in names if name in sys.modules]
    installed = [name for name in names if importlib.util.find_spec(name.partition(".")[0])]
    return tuple(importlib.import_module(name).Callback for name in loaded or installed[:1] or names[:1])


if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback as _Callback
else:
    _Callback = type("_Callback", _callback_bases(), {"__module__": __name__})


class AutotrackCallback(_Callback):
    """Records every fit of the trainer it is given to, and the evaluations after it, without a logging call.

    Args:
        to: The folder that keeps the runs, `runs` by default; `tensorboard`; the URL of a tracking server; or a list.
        experiment: Groups runs; the project's name by default.
        name: The run's name; made up by default.
        tags: Labels for the run.
        log_every_n_steps: Record step metrics every so many steps instead of at the trainer's own rate.
        checkpoints: Whether the best and last checkpoints are kept in the run folder; True by default.
        output: Whether what is printed is kept in `output.log`; True by default.

    Raises:
        SettingsError: A setting cannot be used.

    Arguments that are left out come from `autotrack.autolog`, the environment, pyproject.toml and the defaults. The
    same callback can be used again: each fit is a run of its own. `run` is the one that it recorded last.
    """

    def __init__(self, **options: Unpack[RunArguments]) -> None:
        self._options = RunOptions(self, **options)
        self._clear()

    def _clear(self) -> None:
        self.run: autotrack.Run | None = None
        self.recorder: MetricRecorder | None = None
        self._joined: autotrack.Run | None = None
        self._owns_run = False
        self._has_begun = False
        self._has_new_checkpoint = False
        self._epoch: int | None = None
        self._is_described = False
        self._origin: dict[str, str] | None = None
        self._keeper: CheckpointKeeper | None = None
        self._throughput = Throughput(1)

    def __getstate__(self) -> dict[str, Any]:
        """Copy the settings only: a copy, or the callback in a spawned process, records for itself."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._clear()
        return copied.__dict__

    # ---- a training

    @guarded
    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Note which run the training resumes."""
        self._origin = checkpoint.get(binding.KEY)

    @guarded
    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Write into the checkpoint which run it is of."""
        if self.run is not None:
            checkpoint[binding.KEY] = {"run_id": self.run.id, "folder": str(self.run.folder)}
        self._has_new_checkpoint = True  # Lightning writes it now; we keep it when the next batch starts

    @guarded
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Start the run, unless a checkpoint is being loaded that may name the run to go on with."""
        origin = self._origin
        self._clear()
        self._origin = origin if trainer.ckpt_path else None
        if not trainer.ckpt_path and not trainer.strategy.restore_checkpoint_after_setup:
            self._begin(trainer, pl_module)

    @guarded
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Record the params, which Lightning has resolved by now."""
        self._throughput = Throughput(trainer.world_size)
        self._describe(trainer, pl_module)
        if trainer.global_rank and trainer.local_rank == 0 and autotrack.current_run() is None:
            self._joined = binding.join(trainer, self._options)  # to sample the load of this other machine

    @guarded
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to count the epoch."""
        self._epoch = trainer.current_epoch
        self._throughput.start()

    @guarded
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Note the learning rates of a step that will be recorded."""
        if not self._has_begun:  # resumed: only now does Lightning say at which step it goes on
            self._begin(trainer, pl_module, at_step=trainer.fit_loop.epoch_loop._batches_that_stepped)
            self._describe(trainer, pl_module)
        if self.recorder is not None:
            self.recorder.batch_starts()
            self._throughput.count(batch)
            if self._has_new_checkpoint:
                self._sync_checkpoints(trainer)

    @guarded
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Stop the clock of the training, or begin to record an evaluation."""
        if trainer.state.fn.value != "fit":
            self._begin_evaluation(trainer, pl_module, "validate")
        elif not trainer.sanity_checking:
            if not self._has_begun:  # resumed in the middle of a validation
                self._begin(trainer, pl_module, at_step=trainer.fit_loop.epoch_loop._batches_that_stepped + 1)
                self._describe(trainer, pl_module)
            self._throughput.pause()

    @guarded
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Start the clock of the training again."""
        self._throughput.resume()

    @guarded
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Record how long the epoch took."""
        if self.run is not None and self.recorder is not None:
            step = trainer.fit_loop.epoch_loop._batches_that_stepped - 1
            self.run.log(self._throughput.epoch_metrics(), step, epoch=trainer.current_epoch, stage="train")
            self._sync_checkpoints(trainer)  # also those that were saved without asking the callbacks: weights only

    @guarded
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Record where and why early stopping stopped."""
        if self.run is not None:
            record_early_stopping(self.run, trainer)

    @guarded
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Record how the training failed; Lightning raises it again unchanged."""
        if trainer.state.fn.value == "fit":
            if not self._has_begun:
                self._begin(trainer, pl_module)
            self._describe(trainer, pl_module)
        self._end(trainer, exception)

    @guarded
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """The training or the evaluation is over."""
        self._end(trainer, None)

    def _sync_checkpoints(self, trainer: Any) -> None:
        self._has_new_checkpoint = False
        if self._keeper is not None:
            self._keeper.sync(trainer)

    # ---- an evaluation

    @guarded
    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Continue the run of the fit, or start one for this evaluation alone."""
        self._begin_evaluation(trainer, pl_module, "test")

    def _begin_evaluation(self, trainer: Any, module: Any, stage: str) -> None:
        if trainer.global_rank or self.recorder is not None or is_tuning(trainer):
            return
        trained = binding.trained_in(module, self._options)
        is_trained = trained is not None
        if trained is None:
            self._open(trainer)
            trained = binding.Trained(self.run) if self.run else None
        else:
            self.run, self._owns_run = trained.run, False
        if trained is None or self.run is None:
            return
        describe_evaluation(self.run, trainer, module, stage, is_trained=is_trained)
        self.recorder = MetricRecorder(self.run, trainer, self)
        self.recorder.evaluate_at(trained.step, trained.epoch)

    # ---- beginning and ending

    def _begin(self, trainer: Any, module: Any, *, at_step: int | None = None) -> None:
        self._has_begun = True
        if trainer.global_rank or is_tuning(trainer):
            return
        self._open(trainer, at_step=at_step)
        if self.run is None:
            return
        settings = self._options.settings
        self.recorder = MetricRecorder(self.run, trainer, self, every_n_steps=settings.log_every_n_steps)
        self._keeper = CheckpointKeeper(self.run) if settings.checkpoints else None
        binding.remember(module, binding.Trained(self.run))

    def _open(self, trainer: Any, *, at_step: int | None = None) -> None:
        outer = self._options.enclosing_run()
        self._owns_run = outer is None
        if outer is None:
            self.run = binding.start_or_continue(trainer, self._options, self._origin, at_step)
        elif outer.started_by == "user":  # the user's own run: the fit adds to it
            self.run = outer
        else:  # a fit inside another fit is part of that one
            self.run = None

    def _describe(self, trainer: Any, module: Any) -> None:
        if self.run is None or self._is_described:
            return
        self._is_described = True
        describe_training(self.run, trainer, module)

    def _end(self, trainer: Any, error: BaseException | None) -> None:
        alone = autotrack.current_run() is None  # otherwise this rank has joined already, through start_run
        if trainer.global_rank and trainer.state.fn.value == "fit" and not is_tuning(trainer):
            rank = binding.join(trainer, self._options) if alone else self._joined
            self._joined = None
            if rank is not None:
                end_run(rank, error, is_own=True, status=status_of(error))
        run, recorder = self.run, self.recorder
        if run is None or recorder is None:
            return
        recorder.detach()
        if self._keeper is not None:
            with attempt("lightning checkpoints"):
                self._keeper.sync(trainer, thoroughly=True)
        if trainer.state.fn.value == "fit":
            step = max(trainer.fit_loop.epoch_loop._batches_that_stepped - 1, 0)
            binding.remember(trainer.lightning_module, binding.Trained(run, step, self._epoch))
        owned = self._owns_run
        self._clear()
        self.run = run
        end_run(run, error, is_own=owned, status=status_of(error))


_callbacks_of_trainers: WeakKeyDictionary[Any, AutotrackCallback] = WeakKeyDictionary()


def callback_of(trainer: Any) -> AutotrackCallback:
    """Return the callback that autolog uses for a trainer: the same one for all that this trainer does."""
    callback = _callbacks_of_trainers.get(trainer)
    if callback is None:
        callback = _callbacks_of_trainers[trainer] = AutotrackCallback()
    callback._options = RunOptions.of_autolog()
    return callback
