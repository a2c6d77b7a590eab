"""The callback for `estimator.set_callbacks`, in the protocol that scikit-learn 1.9 brought.

It is no subclass of anything in scikit-learn: the protocol asks for methods only.
"""

import os
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self, Unpack
from uuid import UUID

from autotrack.integrations import RunArguments, RunOptions, attempt, guarded, is_worker
from autotrack_sklearn import registry, start, tasks
from autotrack_sklearn.recording import Options, Recording

if TYPE_CHECKING:
    import autotrack
    from autotrack_sklearn.scope import Entered


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
        max_propagation_depth: How many levels of nested estimators it is passed on to; all by default.

    Raises:
        SettingsError: A setting cannot be used.

    The same callback may be used again: each fit is a run of its own. `run` is the latest of them. Evaluations after
    the fit are recorded if `autotrack.autolog()` is on; otherwise log them to `run` yourself.
    """

    def __init__(
        self,
        *,
        training_metrics: bool = False,
        max_propagation_depth: int | None = None,
        **options: Unpack[RunArguments],
    ) -> None:
        run = RunOptions(self, **options)
        self.options = Options(training_metrics=training_metrics, keep_model=run.settings.checkpoints, run=run)
        self.max_propagation_depth = max_propagation_depth
        self.clear()

    @classmethod
    def of_autolog(cls, recording: Recording, max_propagation_depth: int | None) -> Self:
        """Return a callback that adds to a recording which autolog starts and ends."""
        callback = cls(max_propagation_depth=max_propagation_depth)
        callback._of_autolog = recording
        return callback

    def clear(self) -> None:
        """Forget all fits, so that nothing of them is kept alive or pickled."""
        self.run: autotrack.Run | None = None
        self._of_autolog: Recording | None = None
        self._recordings: dict[UUID, Recording] = {}
        self._entered: dict[UUID, Entered] = {}
        self._data: dict[UUID, tuple[Any, Any]] = {}
        self._began: dict[int, float] = {}
        self._searches: dict[UUID, tuple[Path, int]] = {}
        self._copied_in = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, which records for itself; it tells a worker where the runs of this one are."""
        searches = {
            number: (recording.run.folder, recording.folds.first if recording.folds is not None else 0)
            for number, recording in self._recordings.items()
        }
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.clear()
        copied._searches = searches
        return copied.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._is_in_worker():
            registry.current.parent_folds.announce(self._searches)
            tasks.watch()

    def _is_in_worker(self) -> bool:
        """Whether another process has sent this copy here along with a part of its fit."""
        return bool(self._searches) and self._copied_in != os.getpid()

    @guarded
    def setup(self, estimator: Any, context: Any) -> None:
        """Start the run of the outermost estimator."""
        if self._of_autolog is not None:
            self._recordings[context.root_uuid] = self._of_autolog
            return
        if registry.under_way() is not None or self._is_in_worker() or is_worker():
            return
        recording = start.start(estimator, self.options)
        if recording is None:
            return
        self.run = recording.run
        self._recordings[context.root_uuid] = recording
        self._entered[context.root_uuid] = registry.current.scope.enter(recording)
        tasks.watch()
        with attempt("sklearn params"):
            start.describe(recording)

    @guarded
    def on_fit_task_begin(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,  # noqa: N803  scikit-learn passes it by this name
        y: Any = None,
        metadata: Any = None,
    ) -> None:
        """Note when a task begins, and describe the data of the fit."""
        self._began[id(context)] = perf_counter()
        if context.parent is None and context.root_uuid in self._entered:
            self._data[context.root_uuid] = X, y
            weights = (metadata or {}).get("sample_weight")
            start.describe_data(self._recordings[context.root_uuid], X, y, weights)

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
        elif context.max_subtasks == 0 and X is not None:  # without data, the iteration did not take place
            recording.log({"iteration_seconds": seconds}, context.task_id, stage="train")

    @guarded
    def teardown(self, estimator: Any, context: Any) -> None:
        """End the run."""
        recording = self._recordings.pop(context.root_uuid, None)
        if recording is None or self._of_autolog is not None:
            return
        error = sys.exception()
        self._entered.pop(context.root_uuid).leave()
        tasks.unwatch()
        features, target = self._data.pop(context.root_uuid, (None, None))
        with attempt("sklearn fit"):
            if error is None:
                from autotrack_sklearn.conclusion import conclude  # a worker imports this module, but ends no run

                conclude(recording, features, target)
        recording.finish(error)
