"""The hooks around preprocessors. Fitting one starts no run; it is a step of the run that uses its output."""

from collections.abc import Generator, Mapping
from typing import Any

import autotrack
from autotrack.integrations import Outcome
from autotrack_sklearn import registry
from autotrack_sklearn.identity import weak_reference
from autotrack_sklearn.models import Result
from autotrack_sklearn.params import params_of


def fit_preprocessor(estimator: Any, arguments: Mapping[str, Any], method: str) -> Generator[None, Outcome, None]:
    """Remember the params of a preprocessor, for the run that will use its output."""
    with registry.current.scope.enter():
        outcome = yield
    if outcome.error is not None:
        return
    step = (type(estimator).__name__, params_of(estimator))
    registry.current.prepared_data.add_preprocessor(estimator, step)
    if method == "fit_transform":
        registry.current.prepared_data.add(outcome.result, source=arguments.get("X"), step=step)
    run = autotrack.current_run()
    if run is not None and run.started_by == "user":
        run.log_params({f"{step[0]}.{key}": value for key, value in step[1].items()}, "preprocessing")


def transforming(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook around `transform`: what it returns is prepared data, or a result of a recorded model."""
    current = registry.current
    step, model = current.prepared_data.step_of(estimator), current.models.model_of(estimator)
    if step is None and model is None:
        return
    with current.scope.enter():
        outcome = yield
    features = args[0] if args else kwargs.get("X")
    if step is not None:
        current.prepared_data.add(outcome.result, source=features, step=step)
    elif model is not None:
        current.models.add_result(outcome.result, Result(model, "transform", None, weak_reference(features)))
