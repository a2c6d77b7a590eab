"""Sequences of `partial_fit`: one run for all calls on one estimator, until it is fitted anew or the script ends."""

import atexit
from collections.abc import Generator
from time import perf_counter
from typing import Any
from weakref import finalize

import numpy as np

from autotrack.integrations import Outcome, attempt, is_worker
from autotrack_sklearn import binding, keeping, scope
from autotrack_sklearn.calls import call_of_user
from autotrack_sklearn.options import for_autolog
from autotrack_sklearn.recording import Recording

_SAVE_EVERY = 20
"""The model is written when it has been trained that many times longer than writing it takes."""


class Sequence:
    """The calls of `partial_fit` on one estimator, so far."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.calls = 0
        self.rows = 0
        self.seconds = 0.0
        self._since_saved = 0.0
        self._saving_seconds = 0.0
        recording.subject = None  # else the estimator would live as long as the script

    def called(self, estimator: Any, features: Any, target: Any, seconds: float) -> None:
        """Record one call that has ended."""
        shape = getattr(features, "shape", None)
        self.rows += shape[0] if shape else len(features) if hasattr(features, "__len__") else 0
        self.seconds += seconds
        self._since_saved += seconds
        values: dict[str, Any] = {"partial_fit_seconds": seconds, "samples_seen": self.rows}
        for name in ("loss_", "n_iter_", "t_", "n_samples_seen_", "inertia_", "explained_variance_"):
            value = vars(estimator).get(name)
            if isinstance(value, (int, float, np.number)):
                values[name.rstrip("_")] = value
        self.recording.log(values, self.calls, stage="train")
        self.calls += 1
        if not self.calls > 1 or self._since_saved > _SAVE_EVERY * self._saving_seconds:
            self.save(estimator, features, target)

    def save(self, estimator: Any, features: Any = None, target: Any = None) -> None:
        """Write the model as it is now."""
        if not self._since_saved or not self.recording.options.keep_model:
            return
        began = perf_counter()
        with attempt("sklearn model"):
            keeping.keep(self.recording, estimator, features, target, seconds=self.seconds)
        self._saving_seconds, self._since_saved = perf_counter() - began, 0.0


_sequences: binding.ByIdentity[Sequence] = binding.ByIdentity()
_over: list[Recording] = []


def fitting(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook round `partial_fit`."""
    features, target = (*args, None, None)[:2]
    features, target = kwargs.get("X", features), kwargs.get("y", target)
    finish_those_that_are_over()
    sequence = _sequences.get(estimator)
    if sequence is None or sequence.recording.run.status != "running":
        with attempt("sklearn partial_fit"):
            sequence = _begin(estimator, features, target)
    before, began = scope.enter(scope.INSIDE), perf_counter()
    outcome = yield
    scope.leave(before)
    if sequence is None:
        return
    if outcome.error is not None:
        _sequences.pop(estimator)
        sequence.recording.finish(outcome.error)
    else:
        sequence.called(estimator, features, target, perf_counter() - began)


def end(estimator: Any) -> None:
    """End the sequence of an estimator, if there is one, because it is fitted anew."""
    finish_those_that_are_over()
    sequence = _sequences.pop(estimator)
    if sequence is not None:
        sequence.save(estimator)
        sequence.recording.finish(None)


def finish_those_that_are_over() -> None:
    """End the runs of estimators that are gone; not when they go, for that may be in the middle of anything."""
    while _over:
        recording = _over.pop()
        if recording.run.status == "running":
            recording.finish(None)


def _begin(estimator: Any, features: Any, target: Any) -> Sequence | None:
    from autotrack_sklearn.fits import is_preprocessor  # it needs this module to end sequences

    options = for_autolog()
    if is_preprocessor(estimator) and not options.preprocessing:
        return None
    recording = Recording.start(estimator, options, is_current=False)
    if recording is None:
        return None
    with attempt("sklearn params"):
        recording.describe()
    name = call_of_user().source(0, "X")
    recording.describe_data(features, target, name=name)
    recording.bind(estimator, None, name)
    sequence = Sequence(recording)
    _sequences[estimator] = sequence
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)  # after the run's own, and so called before it
    if recording.owns_run:
        finalize(estimator, _over.append, recording).atexit = False
    return sequence


def _at_exit() -> None:
    """Write the models as they are in the end; their runs end by themselves, as the script does."""
    for estimator, sequence in _sequences.items():
        if not is_worker() and sequence.recording.run.status == "running":
            sequence.save(estimator)
