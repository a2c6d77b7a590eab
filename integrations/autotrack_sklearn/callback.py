"""The callback for `estimator.set_callbacks`, in the protocol that scikit-learn 1.9 brought.

It is no subclass of anything in scikit-learn: the protocol asks for methods only.
"""

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Unpack
from uuid import UUID

from autotrack.integrations import RunArguments, RunOptions, attempt, guarded, is_worker
from autotrack_sklearn import scope, search, tasks
from autotrack_sklearn.options import Options
from autotrack_sklearn.params import deep_params

if TYPE_CHECKING:
    import autotrack
    from autotrack_sklearn.recording import Recording


class AutotrackCallback:
    """Records every fit of the estimator it is given to, with its steps, iterations, folds and candidates.

    Args:
        to: The folder that keeps the runs, `runs` by default; `tensorboard`; the URL of a tracking server; or a list.
        experiment: Groups runs; the project's name by default.
        name: The run's name; made up by default.
        tags: Labels for the run.
        checkpoints: Whether the fitted model is kept in the run folder; True by default.
        output: Whether what is printed is kept in `output.log`; True by default.
        training_metrics: Compute scores on the training data, from one extra prediction.
        max_propagation_depth: How many levels of estimators inside estimators it is handed on to; all by default.

    Raises:
        SettingsError: A setting cannot be used.

    The same callback may be used again: each fit is a run of its own. `run` is the one that it recorded last. What is
    evaluated after the fit is recorded under `autotrack.autolog()`, or by what you log to `run` yourself.
    """

    def __init__(
        self,
        *,
        training_metrics: bool = False,
        max_propagation_depth: int | None = None,
        **options: Unpack[RunArguments],
    ) -> None:
        run = RunOptions(**options)
        self.options = Options(training_metrics=training_metrics, keep_model=run.settings.checkpoints, run=run)
        self.max_propagation_depth = max_propagation_depth
        self.first_trial = 0
        self._clear()

    def _clear(self) -> None:
        self.run: autotrack.Run | None = None
        self._recordings: dict[UUID, Recording] = {}
        self._outside: dict[UUID, Any] = {}
        self._given: dict[UUID, tuple[Any, Any]] = {}
        self._began: dict[int, float] = {}
        self._folders: dict[UUID, Path] = {}
        self._lent: Recording | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy records for itself; one that works for another process knows where that one's runs are."""
        folders = {number: recording.run.folder for number, recording in self._recordings.items()}
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._clear()
        copied._folders = folders
        return copied.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._folders and is_worker():
            tasks.watch()

    def folder_of(self, context: Any) -> Path | None:
        """Return the folder of the run that a task in another process belongs to."""
        return self._folders.get(context.root_uuid)

    @guarded
    def setup(self, estimator: Any, context: Any) -> None:
        """Start the run of the outermost estimator."""
        if self._lent is not None:
            self._recordings[context.root_uuid] = self._lent
            return
        if scope.is_inside() is not None or is_worker():
            return
        from autotrack_sklearn.recording import Recording  # numpy and the rest; a worker does without

        recording = Recording.start(estimator, self.options)
        if recording is None:
            return
        self.run = recording.run
        if search.is_search(estimator):
            self.first_trial = search.first_trial(recording.run)
            recording.folds = tasks.Folds(recording.run, caller=estimator, first=self.first_trial)
        self._recordings[context.root_uuid] = recording
        self._outside[context.root_uuid] = scope.enter(recording)
        scope.open_recording(recording)
        tasks.watch()
        with attempt("sklearn params"):
            recording.describe()

    @guarded
    def on_fit_task_begin(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,  # noqa: N803  scikit-learn hands it over by this name
        y: Any = None,
        metadata: Any = None,
    ) -> None:
        """Note when a task begins, and what the fit is given."""
        self._began[id(context)] = perf_counter()
        if context.parent is None and context.root_uuid in self._outside:
            self._given[context.root_uuid] = X, y
            weights = (metadata or {}).get("sample_weight")
            self._recordings[context.root_uuid].describe_data(X, y, weights)

    @guarded
    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any = None) -> None:  # noqa: N803  scikit-learn's name
        """Record a step or an iteration; the folds of a search are recorded with their scores, as tasks."""
        began = self._began.pop(id(context), None)
        recording = self._recordings.get(context.root_uuid)
        if recording is None or began is None or context.parent is None or recording.folds is not None:
            return
        seconds, name = perf_counter() - began, context.source_task_name or context.task_name
        if name.startswith("fit"):
            step = name.removeprefix("fit-transform-").removeprefix("fit-")
            recording.log({f"step_seconds/{step}": seconds}, stage="train")
        elif context.max_subtasks == 0 and X is not None:  # without data it is an iteration that did not take place
            recording.log({"iteration_seconds": seconds}, context.task_id, stage="train")

    @guarded
    def teardown(self, estimator: Any, context: Any) -> None:
        """End the run."""
        recording = self._recordings.pop(context.root_uuid, None)
        if recording is None or self._lent is not None:
            return
        error = sys.exception()
        scope.leave(self._outside.pop(context.root_uuid))
        scope.close_recording(recording)
        tasks.unwatch()
        features, target = self._given.pop(context.root_uuid, (None, None))
        with attempt("sklearn fit"):
            if error is None:
                recording.conclude(features, target)
        recording.finish(error)


_lent: dict[int, tuple[AutotrackCallback, list[Any] | None]] = {}


MANY_VALUES = 200_000
"""Iterations over less data take a few microseconds each, and are not worth as many again to be watched."""


def lend(recording: "Recording", features: Any) -> None:
    """Give the estimator a callback of ours for one fit, where it supports callbacks; without a word of its own.

    `set_callbacks` warns where a solver or a part supports none: a callback that nobody asked for must not.
    """
    estimator = recording.subject
    if not hasattr(estimator, "set_callbacks") or _is_seen_without(estimator):
        return
    is_made_of_others = any(hasattr(part, "fit") for part in deep_params(estimator).values())
    has_long_iterations = getattr(features, "size", 0) >= MANY_VALUES
    if not is_made_of_others and not has_long_iterations:
        return
    reaches_down = has_long_iterations and not search.is_search(estimator) and _is_supported_throughout(estimator)
    depth = None if reaches_down else 0
    callback = AutotrackCallback(max_propagation_depth=depth)
    callback._lent = recording
    callback.first_trial = recording.folds.first if recording.folds is not None else 0
    before = vars(estimator).get("_skl_callbacks")
    _lent[id(recording)] = callback, before
    vars(estimator)["_skl_callbacks"] = [*(before or []), callback]


def take_back(recording: "Recording") -> None:
    """Take the callback away that was lent, and leave the estimator's callbacks as they were."""
    callback, before = _lent.pop(id(recording), (None, None))
    held = vars(recording.subject)
    if callback is None or "_skl_callbacks" not in held:
        return
    kept = [one for one in held["_skl_callbacks"] if one is not callback]
    callback._clear()
    if before is not None and kept == before:
        held["_skl_callbacks"] = before
    elif kept:
        held["_skl_callbacks"] = kept
    else:
        del held["_skl_callbacks"]


def _is_seen_without(estimator: Any) -> bool:
    """Whether this is a search whose tasks are done in this process, where they are seen as they happen."""
    from joblib import effective_n_jobs  # scikit-learn has imported it

    return search.is_search(estimator) and effective_n_jobs(getattr(estimator, "n_jobs", None)) == 1


def _is_supported_throughout(estimator: Any) -> bool:
    """Whether every estimator in this one takes callbacks without a warning."""
    parts = [estimator, *(part for part in deep_params(estimator).values() if hasattr(part, "fit"))]
    return all(hasattr(part, "set_callbacks") and getattr(part, "solver", "lbfgs") == "lbfgs" for part in parts)
