"""Records one fit: when its run begins, what is recorded while it goes on, and how it ends."""

from typing import Any

import autotrack
from autotrack.integrations import RunOptions, attempt, end_run, guarded
from autotrack_lightning import arguments, binding
from autotrack_lightning.attached import is_heard
from autotrack_lightning.binding import Origin, Trained
from autotrack_lightning.checkpoints import CheckpointKeeper
from autotrack_lightning.description import Configured, describe_training
from autotrack_lightning.ends import is_tuning, record_early_stopping, status_of
from autotrack_lightning.loggers import WatchedLoggers
from autotrack_lightning.metrics import MetricRecorder
from autotrack_lightning.module_files import calls_of, keep_module
from autotrack_lightning.replaced import replace, restore
from autotrack_lightning.throughput import Throughput, Watched


class Fit:
    """One call of `fit`. `run` is None while there is none: before it begins, on other ranks, and within another fit.

    The run begins with the fit. If a checkpoint is loaded, it begins with the first batch, because only then Lightning
    says at which step the training goes on. A fit that trains nothing leaves the run of its model alone.
    """

    def __init__(self, options: RunOptions, owner: Any, trainer: Any, module: Any) -> None:
        self.run: autotrack.Run | None = None
        self.has_new_checkpoint = False
        self._options = options
        self._owner = owner
        self._trainer = trainer
        self._module = module
        self._origin: Origin | None = None
        self._recorder: MetricRecorder | None = None
        self._loggers: WatchedLoggers | None = None
        self._keeper: CheckpointKeeper | None = None
        self._calls: Any = None
        self._batches = 0
        self._throughput = Throughput(trainer.world_size)
        self._joined: autotrack.Run | None = None
        self._owns_run = False
        self._has_begun = False
        self._trains = False
        self._is_described = False
        self._configured = Configured(trainer)
        self._epoch: int | None = None
        self._schedulers = arguments.note_schedulers()
        self._start_batch = replace(trainer._logger_connector, "on_batch_start", self._on_batch_start)
        self._watched = Watched(trainer, self._throughput)

    # ---- before the first batch

    def comes_from(self, origin: Origin | None) -> None:
        """Note which run the checkpoint names that is being loaded."""
        self._origin = origin

    def starts(self) -> None:
        """Begin the run, unless a checkpoint is being loaded, or nothing is left to train in a model with a run."""
        trainer = self._trainer
        self._configured = Configured(trainer)  # now there are optimizers, and no state of an earlier training in them
        is_resumed = bool(trainer.ckpt_path) or trainer.strategy.restore_checkpoint_after_setup
        if not trainer.ckpt_path:
            self._origin = None
        if not is_resumed and not (trains_nothing(trainer) and binding.is_trained(self._module)):
            self._begin()

    def training_starts(self) -> None:
        """Record the params, which Lightning has resolved by now."""
        trainer = self._trainer
        self._bind()
        if trainer.global_rank and trainer.local_rank == 0 and autotrack.current_run() is None:
            self._joined = binding.join(trainer, self._options)  # to sample the load of this other machine

    def _bind(self) -> None:
        """Describe the training, and make this the run of the model: from now on it is trained."""
        if self.run is not None and not self._trains:
            self._trains = True
            self._describe()
            binding.remember(self._module, Trained(self.run))

    def _begin(self, *, at_step: int | None = None) -> None:
        self._has_begun = True
        trainer = self._trainer
        if trainer.global_rank or is_tuning(trainer):
            return
        outer = binding.enclosing_run(trainer, self._options, self._origin, at_step)
        if outer is not None and outer.started_by != "user":
            return  # a fit inside another fit is part of that one
        self._owns_run = outer is None
        self.run = outer or binding.start_or_continue(trainer, self._options, self._origin, at_step)
        settings = self._options.settings
        self._recorder = MetricRecorder(self.run, trainer, self._owner, every_n_steps=settings.log_every_n_steps)
        self._keeper = CheckpointKeeper(self.run) if settings.checkpoints else None
        self._calls = calls_of(self.run, trainer, self._module) if settings.checkpoints else None
        self._loggers = WatchedLoggers(trainer, self.run, self._recorder.log_sent)

    def _begin_resumed(self, at_step: int) -> None:
        if not self._has_begun:
            self._begin(at_step=at_step)
            self._bind()

    def _describe(self) -> None:
        if self.run is not None and not self._is_described:
            self._is_described = True
            describe_training(self.run, self._trainer, self._module, self._configured)

    # ---- while it goes on

    def epoch_starts(self) -> None:
        """Begin to count the epoch."""
        self._epoch = self._trainer.current_epoch
        self._throughput.start()
        if self.run is not None:
            self.run.log({}, epoch=self._epoch, stage="train")  # what is measured of the machine belongs to this epoch

    def _on_batch_start(self, *args: Any, **kwargs: Any) -> None:
        self._start_batch(*args, **kwargs)
        self._batch_starts(*args, **kwargs)

    @guarded
    def _batch_starts(self, batch: Any, *_: Any, **__: Any) -> None:
        """Begin a batch, and keep what has been saved since the last one."""
        stage = self._trainer.state.stage
        if stage is None or stage._value_ != "train" or not is_heard(self._owner, self._trainer):
            return
        if not self._has_begun:
            self._begin_resumed(self._trainer.fit_loop.epoch_loop._batches_that_stepped)
        if self._recorder is not None:
            self._recorder.batch_starts()
            self._throughput.count(batch)
            if self._calls is not None:
                self._calls.after_step(self._batches)
            self._batches += 1
            if self.has_new_checkpoint:
                self._sync_checkpoints()

    def validation_starts(self) -> None:
        """Stop the clock of the training."""
        if not self._trainer.sanity_checking:
            # It may have been resumed in the middle of a validation.
            self._begin_resumed(self._trainer.fit_loop.epoch_loop._batches_that_stepped + 1)
            self._throughput.pause()

    def validation_ends(self) -> None:
        """Start the clock of the training again."""
        self._throughput.resume()

    def epoch_ends(self) -> None:
        """Record how long the epoch took, and what was not recorded at any of its steps."""
        if self._recorder is not None:
            self._recorder.epoch_ends(self._throughput.epoch_metrics())
            self._sync_checkpoints()  # also those that were saved without asking the callbacks: weights only

    def training_ends(self) -> None:
        """Record where and why early stopping stopped."""
        if self.run is not None:
            record_early_stopping(self.run, self._trainer)
            if self._recorder is not None and (late := self._throughput.unrecorded()):
                self.run.log(late, self._recorder.step, epoch=self._epoch, stage="train")

    def _sync_checkpoints(self, *, thoroughly: bool = False) -> None:
        self.has_new_checkpoint = False
        if self._keeper is not None:
            self._keeper.sync(self._trainer, thoroughly=thoroughly)

    # ---- the end

    def fails(self, error: BaseException) -> None:
        """Record how the training failed, also when it did so before it had a run."""
        if not self._has_begun:
            self._begin()
        with attempt("lightning metrics", run=self.run):
            if self._recorder is not None and self._trains:
                self._recorder.record_rest()
        self.ends(error)

    def ends(self, error: BaseException | None = None) -> None:
        """The fit is over."""
        trainer = self._trainer
        self._schedulers.revert()
        restore(trainer._logger_connector, "on_batch_start")
        self._watched.end()
        if trainer.global_rank and not is_tuning(trainer):
            self._end_rank(error)
        if self.run is None or self._recorder is None:
            return
        self._describe()
        self._recorder.detach()
        if self._calls is not None:
            self._calls.stop()
        if self._loggers is not None:
            self._loggers.end()
        if self._trains:
            with attempt("lightning checkpoints"):
                self._sync_checkpoints(thoroughly=True)
            step = max(trainer.fit_loop.epoch_loop._batches_that_stepped - 1, 0)
            binding.remember(self._module, Trained(self.run, step, self._epoch))
            if error is None and self._keeper is not None:
                with attempt("lightning model", run=self.run):
                    keep_module(self.run, trainer, self._module, step=step, epoch=self._epoch, calls=self._calls)
        end_run(self.run, error, is_own=self._owns_run, status=status_of(error))

    def _end_rank(self, error: BaseException | None) -> None:
        alone = autotrack.current_run() is None  # otherwise this rank has joined already, through start_run
        rank = binding.join(self._trainer, self._options) if alone else self._joined
        self._joined = None
        if rank is not None:
            end_run(rank, error, is_own=True, status=status_of(error))


def trains_nothing(trainer: Any) -> bool:
    """Whether the fit that starts now will make no step, because it has come to its limit already."""
    loop = trainer.fit_loop
    done = loop.epoch_progress.current.processed
    return bool(
        trainer.limit_train_batches == 0
        or (loop.max_epochs is not None and 0 <= loop.max_epochs <= done)
        or 0 <= trainer.max_steps <= trainer.global_step
    )
