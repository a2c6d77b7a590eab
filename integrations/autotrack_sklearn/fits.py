"""The hooks round `fit`, `fit_transform`, `fit_predict` and `transform`."""

from collections.abc import Generator, Mapping
from typing import Any

import autotrack
from autotrack.integrations import Outcome, attempt
from autotrack_sklearn import binding, params, partial, scope, search, tasks
from autotrack_sklearn.binding import Prepared, Result
from autotrack_sklearn.callback import AutotrackCallback, lend, take_back
from autotrack_sklearn.calls import call_of_user
from autotrack_sklearn.options import for_autolog
from autotrack_sklearn.recording import Recording, steps_of

_PREPROCESSING = ("preprocessing", "impute", "feature_extraction", "feature_selection", "random_projection",
                  "kernel_approximation")  # fmt: skip
_PREDICTING = (
    "predict",
    "fit_predict",
    "score",
    "score_samples",
    "decision_function",
    "partial_fit",
    "inverse_transform",
)


def fitting(method: str) -> Any:
    """Return the hook round a method that fits."""

    def record(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        if _has_own_callback(estimator):
            return
        given = _given(estimator, method, args, kwargs)
        if is_preprocessor(estimator) and not for_autolog().preprocessing:
            yield from _fit_preprocessor(estimator, given, method)
        else:
            yield from _fit(estimator, given, method)

    return record


def transforming(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook round `transform`: data that was prepared is known to be, and what a recorded model made of it."""
    step, model = binding.preprocessors.get(estimator), binding.models.get(estimator)
    if step is None and model is None:
        return
    before = scope.enter(scope.INSIDE)
    outcome = yield
    scope.leave(before)
    features = args[0] if args else kwargs.get("X")
    if step is not None:
        _remember_prepared(outcome.result, features, step)
    elif model is not None:
        binding.remember_result(outcome.result, Result(model, "transform", None, binding.reference(features)))


def is_preprocessor(estimator: Any) -> bool:
    """Whether this prepares data and learns nothing to predict: a scaler, an encoder, a pipeline of such."""
    kind = type(estimator)
    if kind.__module__.startswith("sklearn."):
        if kind.__name__ == "Pipeline":
            steps = vars(estimator).get("steps")
            return bool(steps) and (isinstance(steps[-1][-1], (str, type(None))) or is_preprocessor(steps[-1][-1]))
        prepares = kind.__name__ in ("ColumnTransformer", "FeatureUnion")
        return prepares or kind.__module__.split(".")[1] in _PREPROCESSING
    if "Pipeline" in kind.__name__ or not hasattr(kind, "transform"):
        return False
    return not any(hasattr(kind, name) for name in _PREDICTING)


def _fit(estimator: Any, given: Mapping[str, Any], method: str) -> Generator[None, Outcome, None]:
    features, target = given.get("X"), given.get("y")
    name = call_of_user().source(0, "X")
    partial.end(estimator)
    recording = None
    with attempt(f"sklearn {method}"):
        recording = Recording.start(estimator, for_autolog())
    if recording is not None:
        with attempt(f"sklearn {method}"):
            _prepare(recording, given, name)
    before = scope.enter(recording or scope.INSIDE)
    outcome = yield
    scope.leave(before)
    if recording is None:
        return
    scope.close_recording(recording)
    take_back(recording)
    with attempt(f"sklearn {method}"):
        if outcome.error is None:
            recording.conclude(features, target, name)
            _remember_outcome(recording, method, outcome.result, features, name)
    recording.finish(outcome.error)


def _prepare(recording: Recording, given: Mapping[str, Any], name: str | None) -> None:
    estimator, features, target = recording.subject, given.get("X"), given.get("y")
    if search.is_search(estimator):
        recording.folds = tasks.Folds(
            recording.run, caller=_caller(estimator), first=search.first_trial(recording.run)
        )
    scope.open_recording(recording)
    with attempt("sklearn params"):
        recording.describe()
        others = {key: params.plain(value) for key, value in given.items() if isinstance(value, (str, int, float))}
        if others:
            recording.run.log_params({f"fit.{key}": value for key, value in others.items()}, "fit")
    recording.describe_data(features, target, given.get("sample_weight"), name)
    lend(recording, features)


def _remember_outcome(recording: Recording, method: str, found: Any, features: Any, name: str | None) -> None:
    model = binding.models.get(recording.subject)
    if model is not None and method in ("fit_predict", "fit_transform"):
        binding.remember_result(found, Result(model, method, None, binding.reference(features), name))


def _fit_preprocessor(estimator: Any, given: Mapping[str, Any], method: str) -> Generator[None, Outcome, None]:
    """Remember what a preprocessor is, for the run that will use what it makes."""
    before = scope.enter(scope.INSIDE)
    outcome = yield
    scope.leave(before)
    if outcome.error is not None:
        return
    step = (type(estimator).__name__, params.params_of(estimator))
    binding.preprocessors[estimator] = step
    if method == "fit_transform":
        _remember_prepared(outcome.result, given.get("X"), step)
    run = autotrack.current_run()
    if run is not None and run.started_by == "user":
        run.log_params({f"{step[0]}.{key}": value for key, value in step[1].items()}, "preprocessing")


def _remember_prepared(made: Any, features: Any, step: tuple[str, dict[str, Any]]) -> None:
    if made is not None and made is not features:
        done = Prepared((*steps_of(features), step))
        binding.prepared[made] = done
        if binding.root(made) is not made:
            binding.prepared[binding.root(made)] = done


def _given(estimator: Any, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a method that fits was given, by name; the first is the data, whatever the method calls it."""
    names = params.method_params(type(estimator), method)
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    if names and names[0] not in ("X", "y", "self") and names[0] in given:
        given["X"] = given.pop(names[0])
    return given


def _has_own_callback(estimator: Any) -> bool:
    """Whether the user gave the estimator a callback of ours, which records the fit."""
    return any(isinstance(one, AutotrackCallback) for one in vars(estimator).get("_skl_callbacks", ()))


def _caller(search_: Any) -> Any:
    """Return what a search hands to its tasks as the one that called them; nothing before scikit-learn 1.9."""
    return search_ if hasattr(search_, "set_callbacks") else None
