"""The callback that records trainings and evaluations, through the hooks that Lightning calls."""

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import autotrack
from autotrack.integrations import RunArguments, RunOptions, guarded
from autotrack_lightning.attached import is_heard, latest_of
from autotrack_lightning.binding import KEY, Origin, launches_ranks
from autotrack_lightning.evaluation import Evaluation
from autotrack_lightning.fit import Fit


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

    hooks: ClassVar[frozenset[str]]
    """The names of the hooks that it makes use of."""

    def __init__(self, **options: Unpack[RunArguments]) -> None:
        self._options = RunOptions(self, **options)
        self._clear()

    def _clear(self) -> None:
        self._last_run: autotrack.Run | None = None
        self._work: Fit | Evaluation | None = None

    @property
    def run(self) -> autotrack.Run | None:
        """The run that it records, or the one that it recorded last."""
        return self._last_run if self._work is None else self._work.run

    def __getstate__(self) -> dict[str, Any]:
        """Copy the settings only: a copy, or the callback in a spawned process, records for itself."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._clear()
        return copied.__dict__

    def _fit(self, trainer: Any) -> Fit | None:
        """Return the fit that is under way, unless a finder of learning rates or batch sizes is at work within it."""
        return self._work if isinstance(self._work, Fit) and is_heard(self, trainer) else None

    @guarded
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """A fit or an evaluation is about to start."""
        if stage == "fit":
            self._work = Fit(self._options, self, trainer, pl_module)
        elif stage in ("validate", "test") and self._work is None:
            self._work = Evaluation(self._options, self, trainer, pl_module)

    @guarded
    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Note which run the checkpoint is of."""
        if self._work is not None:
            self._work.comes_from(Origin.of(checkpoint))

    @guarded
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Record how the training or the evaluation failed; Lightning raises it again unchanged."""
        if launches_ranks(trainer):
            return  # it was a rank that failed
        if self._work is None:
            self.setup(trainer, pl_module, trainer.state.fn.value)
        if self._work is not None:
            self._work.fails(exception)
            self._is_over()

    @guarded
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """The training or the evaluation is over."""
        if self._work is not None:
            self._work.ends()
            self._is_over()

    def _is_over(self) -> None:
        self._last_run, self._work = self.run, None

    # ---- a training

    @guarded
    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Write into the checkpoint which run it is of."""
        if self.run is not None:
            checkpoint[KEY] = {"run_id": self.run.id, "folder": str(self.run.folder)}
        if isinstance(self._work, Fit):
            self._work.has_new_checkpoint = True  # Lightning writes it now; we keep it when the next batch starts

    @guarded
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run."""
        if fit := self._fit(trainer):
            fit.starts()

    @guarded
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Record the params."""
        if fit := self._fit(trainer):
            fit.training_starts()

    @guarded
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin an epoch."""
        if fit := self._fit(trainer):
            fit.epoch_starts()

    @guarded
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a validation within the training, or one alone."""
        if fit := self._fit(trainer):
            fit.validation_starts()
        elif isinstance(self._work, Evaluation):
            self._work.starts()

    @guarded
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """End a validation."""
        if fit := self._fit(trainer):
            fit.validation_ends()

    @guarded
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End an epoch."""
        if fit := self._fit(trainer):
            fit.epoch_ends()

    @guarded
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the training."""
        if fit := self._fit(trainer):
            fit.training_ends()

    # ---- an evaluation

    @guarded
    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a test."""
        if isinstance(self._work, Evaluation):
            self._work.starts()


AutotrackCallback.hooks = frozenset(
    name for name in vars(AutotrackCallback) if not name.startswith("_") and callable(getattr(_Callback, name, None))
)


def callback_of(trainer: Any) -> AutotrackCallback:
    """Return the callback that autolog uses for a trainer: the same one for all that this trainer does."""
    callback: AutotrackCallback = latest_of(trainer) or AutotrackCallback()
    callback._options = RunOptions.of_autolog()
    return callback
