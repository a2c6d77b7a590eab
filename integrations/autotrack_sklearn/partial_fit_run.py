"""What has been recorded of the calls of `partial_fit` on one estimator, and on which estimators there were any."""

from collections.abc import Iterator
from typing import Any
from weakref import finalize

import numpy as np

from autotrack_sklearn.curves import curves_of, has_history
from autotrack_sklearn.identity import ByIdentity
from autotrack_sklearn.recording import Recording

_SAVE_EVERY = 20
"""The model is saved again when it has been trained that many times longer than saving it takes."""

_ATTRIBUTES = ("loss_", "n_iter_", "t_", "n_samples_seen_", "inertia_", "explained_variance_")


class PartialFitRun:
    """The calls of `partial_fit` on one estimator so far, which are one run."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.seconds = 0.0
        self._calls = 0
        self._epochs: dict[str, int] = {}  # by curve, how many of its points are recorded
        self._rows = 0
        self._seconds_since_saved = 0.0
        self._saving_seconds = 0.0
        recording.subject = None  # or the estimator would live as long as the script

    def add_call(self, estimator: Any, features: Any, seconds: float) -> None:
        """Record one call that has ended."""
        shape = getattr(features, "shape", None)
        self._rows += shape[0] if shape else len(features) if hasattr(features, "__len__") else 0
        self.seconds += seconds
        self._seconds_since_saved += seconds
        values: dict[str, Any] = {"partial_fit_seconds": seconds, "samples_seen": self._rows}
        for name in _ATTRIBUTES:
            value = vars(estimator).get(name)
            if isinstance(value, (int, float, np.number)):
                values[name.rstrip("_")] = value
        self.recording.log(values, self._calls, stage="train")
        self._calls += 1
        if has_history(estimator):
            self._add_epochs(estimator)

    def _add_epochs(self, estimator: Any) -> None:
        """Record the epochs that a net has gone through since the last call."""
        for curve in curves_of(estimator):
            for step in range(self._epochs.get(curve.name, 0), len(curve.points)):
                self.recording.log({curve.name: curve.points[step]}, step, stage=curve.stage)
            self._epochs[curve.name] = len(curve.points)

    def latest_step(self) -> int:
        """Return the step of the latest call."""
        return max(self._calls - 1, 0)

    def is_running(self) -> bool:
        """Whether the run has not ended yet."""
        return self.recording.run.status == "running"

    def has_changed(self) -> bool:
        """Whether the model has been trained since it was saved."""
        return self._seconds_since_saved > 0

    def is_worth_saving(self) -> bool:
        """Whether the model should be saved now: after the first call, and then as seldom as it needs to be."""
        return self._calls <= 1 or self._seconds_since_saved > _SAVE_EVERY * self._saving_seconds

    def set_saved(self, seconds: float) -> None:
        """Note that the model has been saved, and how long that took."""
        self._saving_seconds, self._seconds_since_saved = seconds, 0.0


class PartialFits:
    """The estimators on which `partial_fit` was called, with their runs."""

    def __init__(self) -> None:
        self._runs: ByIdentity[PartialFitRun] = ByIdentity()
        self._of_gone_estimators: list[Recording] = []

    def add(self, estimator: Any, run: PartialFitRun) -> None:
        """Remember the run of an estimator, and that it has to end when the estimator is gone."""
        self._runs[estimator] = run
        if run.recording.owns_run:
            finalize(estimator, self._of_gone_estimators.append, run.recording).atexit = False

    def of(self, estimator: Any) -> PartialFitRun | None:
        """Return the run of an estimator, or None."""
        return self._runs.get(estimator)

    def pop(self, estimator: Any) -> PartialFitRun | None:
        """Return the run of an estimator, or None, and forget it."""
        return self._runs.pop(estimator)

    def items(self) -> list[tuple[Any, PartialFitRun]]:
        """Return the estimators that are alive with their runs."""
        return self._runs.items()

    def pop_abandoned(self) -> Iterator[Recording]:
        """Yield what was recorded of estimators that are gone, and whose run has not ended yet."""
        while self._of_gone_estimators:
            recording = self._of_gone_estimators.pop()
            if recording.run.status == "running":
                yield recording
