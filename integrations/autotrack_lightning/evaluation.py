"""Records one `validate` or `test`: into the run of the training whose weights are evaluated, or in one of its own."""

import traceback
from typing import Any

import autotrack
from autotrack.integrations import RunOptions, end_run
from autotrack_lightning import binding
from autotrack_lightning.binding import Origin, Trained
from autotrack_lightning.description import describe_evaluation
from autotrack_lightning.ends import is_tuning
from autotrack_lightning.loggers import WatchedLoggers
from autotrack_lightning.metrics import MetricRecorder


class Evaluation:
    """One call of `validate` or `test`. How a training ended does not change when it is evaluated afterwards."""

    def __init__(self, options: RunOptions, owner: Any, trainer: Any, module: Any) -> None:
        self.run: autotrack.Run | None = None
        self._options = options
        self._owner = owner
        self._trainer = trainer
        self._module = module
        self._stage = trainer.state.fn.value
        self._loaded: Origin | None = None
        self._recorder: MetricRecorder | None = None
        self._loggers: WatchedLoggers | None = None
        self._owns_run = False

    def comes_from(self, origin: Origin | None) -> None:
        """Note which run the checkpoint names whose weights are evaluated."""
        self._loaded = origin

    def starts(self) -> None:
        """Find the run of the training, or start one for this evaluation alone."""
        trainer = self._trainer
        if trainer.global_rank or self._recorder is not None or is_tuning(trainer):
            return
        loaded = self._loaded if trainer.ckpt_path else None
        trained = binding.trained_in(trainer, self._module, self._options, loaded)
        is_trained = trained is not None
        if trained is None and (run := self._open(loaded)) is not None:
            trained = Trained(run)
        if trained is None:
            return
        self.run = trained.run
        describe_evaluation(self.run, trainer, self._module, self._stage, is_trained=is_trained)
        self._recorder = MetricRecorder(self.run, trainer, self._owner)
        self._recorder.evaluate_at(trained.step, trained.epoch)
        self._loggers = WatchedLoggers(trainer, self.run, self._recorder.log_sent)

    def _open(self, loaded: Origin | None) -> autotrack.Run | None:
        outer = self._options.enclosing_run()
        if outer is not None:
            return outer if outer.started_by == "user" else None
        self._owns_run = True
        frameworks, group = binding.frameworks(self._trainer), binding.group(self._trainer)
        run = self._options.start_run(started_by="lightning", frameworks=frameworks, group=group)
        if loaded is not None:
            run.log_tags({"trained_in": loaded.run_id})  # a run that is not in this store
        return run

    def fails(self, error: BaseException) -> None:
        """Record that the evaluation failed: in a run of a training by a tag and a text, for that did not fail."""
        self.starts()
        if self.run is not None and not self._owns_run:
            self.run.log_tags({f"{self._stage}_error": f"{type(error).__name__}: {error}"})
            self.run.log_text(f"{self._stage}_error", "".join(traceback.format_exception(error)))
        self.ends(error)

    def ends(self, error: BaseException | None = None) -> None:
        """The evaluation is over."""
        if self.run is not None and self._recorder is not None:
            self._recorder.detach()
            if self._loggers is not None:
                self._loggers.end()
            end_run(self.run, error, is_own=self._owns_run)
