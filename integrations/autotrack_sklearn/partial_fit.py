"""The hook around `partial_fit`: all calls on one estimator are one run, until it is fitted anew or gone."""

import atexit
from collections.abc import Generator
from dataclasses import replace
from time import perf_counter
from typing import Any

from autotrack.integrations import Outcome, attempt, is_worker
from autotrack_sklearn import keeping, registry, start
from autotrack_sklearn.configuration import options_of_autolog
from autotrack_sklearn.estimator_kinds import is_preprocessor
from autotrack_sklearn.partial_fit_run import PartialFitRun


def fitting(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook around `partial_fit`."""
    features, target = (*args, None, None)[:2]
    features, target = kwargs.get("X", features), kwargs.get("y", target)
    finish_abandoned()
    run = registry.current.partial_fits.of(estimator)
    if run is None or not run.is_running():
        with attempt("sklearn partial_fit"):
            run = _begin(estimator, features, target)
    with registry.current.scope.enter():
        began = perf_counter()
        outcome = yield
        seconds = perf_counter() - began
    if run is None:
        return
    if outcome.error is not None:
        registry.current.partial_fits.pop(estimator)
        run.recording.finish(outcome.error)
        return
    run.add_call(estimator, features, seconds)
    if run.is_worth_saving():
        _save(run, estimator)


def end(estimator: Any) -> None:
    """End the run of an estimator, if there is one, because it is fitted anew."""
    finish_abandoned()
    run = registry.current.partial_fits.pop(estimator)
    if run is not None:
        _save(run, estimator)
        run.recording.finish(None)


def finish_abandoned() -> None:
    """End the runs of estimators that are gone. An estimator may go at any moment, so this waits for the next call."""
    for recording in registry.current.partial_fits.pop_abandoned():
        recording.finish(None)


def _begin(estimator: Any, features: Any, target: Any) -> PartialFitRun | None:
    options = options_of_autolog()
    if is_preprocessor(estimator) and not options.preprocessing:
        return None
    recording = start.start(estimator, options, is_current=False)
    if recording is None:
        return None
    with attempt("sklearn params"):
        start.describe(recording)
    name = registry.current.calls.innermost().source(0, "X")
    start.describe_data(recording, features, target, name=name)
    run = PartialFitRun(recording)
    registry.current.models.add(estimator, replace(recording.model(None), latest_step=run.latest_step))
    registry.current.partial_fits.add(estimator, run)
    atexit.unregister(_save_all)
    atexit.register(_save_all)  # after the run's own handler, and so called before it
    return run


def _save(run: PartialFitRun, estimator: Any) -> None:
    """Write the model as it is now."""
    if not run.has_changed() or not run.recording.options.keep_model:
        return
    began = perf_counter()
    with attempt("sklearn model"):
        keeping.keep(run.recording, estimator, seconds=run.seconds)
    run.set_saved(perf_counter() - began)


def _save_all() -> None:
    """Write the models as they are at the end of the script; their runs end by themselves."""
    for estimator, run in registry.current.partial_fits.items():
        if not is_worker() and run.is_running():
            _save(run, estimator)
