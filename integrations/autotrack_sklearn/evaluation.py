"""Evaluations: what the user computes from the predictions of a recorded model belongs to its run.

A prediction is known by identity, so that no score is put down to the wrong model: the array itself, a view of it,
or values that are the same as those of one prediction only.
"""

from collections import Counter
from collections.abc import Generator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

import autotrack
from autotrack.integrations import Outcome, attempt, end_run, log_numbers
from autotrack_sklearn import binding, plots, scope
from autotrack_sklearn.binding import Model, Result
from autotrack_sklearn.calls import ROLES, Call, call_of_user, plain_name, role_of
from autotrack_sklearn.params import final_of
from autotrack_sklearn.recording import log_dataset

_MOST_COMPARED = 200_000
_MOST_LABELS = 50
_PARTS = {
    "precision_recall_fscore_support": ("precision", "recall", "fbeta", "support"),
    "homogeneity_completeness_v_measure": ("homogeneity", "completeness", "v_measure"),
}
_TRUTHS = {"y_true", "labels_true", "X", "y", "x"}

_MOST_AWAKE = 8
"""How many runs that have ended keep their journal open: a settled one takes milliseconds to be settled again."""

_awake: list[autotrack.Run] = []
_counts: WeakKeyDictionary[autotrack.Run, Counter[str]] = WeakKeyDictionary()
_described: WeakKeyDictionary[autotrack.Run, set[tuple[str, str | None]]] = WeakKeyDictionary()


def scored(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook round `score`: the user asked for it, on the data that it is called with."""
    model = binding.models.get(estimator)
    if model is None:
        return
    call = call_of_user()
    before = scope.enter(scope.INSIDE)
    outcome = yield
    scope.leave(before)
    if outcome.error is not None:
        return
    features = args[0] if args else kwargs.get("X")
    target = args[1] if len(args) > 1 else kwargs.get("y")
    texts = call.source(0, "X"), call.source(1, "y")
    role, name = _role_and_name(model, features, texts)
    _log(model, "score", outcome.result, role, name)
    _describe(model, role, name, features, target)


def predicted(method: str) -> Any:
    """Return the hook round a method that predicts: what it returns is known for as long as it lives."""

    def remember(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        model = binding.models.get(estimator)
        if model is None:
            return
        call = call_of_user()
        before = scope.enter(scope.INSIDE)
        outcome = yield
        scope.leave(before)
        if outcome.error is not None:
            return
        features = args[0] if args else kwargs.get("X")
        classes = vars(final_of(estimator)).get("classes_")
        result = Result(model, method, classes, binding.reference(features), call.source(0, "X"))
        for part in outcome.result if isinstance(outcome.result, (tuple, list)) else [outcome.result]:
            binding.remember_result(part, result)

    return remember


def measured(name: str, parameters: tuple[str, ...]) -> Any:
    """Return the hook round a metric function of scikit-learn, given its name and those of its parameters."""

    def record(*args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        if not len(binding.results):
            return
        arguments = dict(zip(parameters, args, strict=False)) | kwargs
        result = _result_among(arguments)
        if result is None:
            return
        call = call_of_user()
        before = scope.enter(scope.INSIDE)
        outcome = yield
        scope.leave(before)
        if outcome.error is None:
            _record_metric(name, arguments, outcome.result, result, _texts(call, parameters))

    return record


def _record_metric(
    name: str, arguments: Mapping[str, Any], found: Any, result: Result, texts: tuple[str | None, ...]
) -> None:
    model, target = result.model, arguments.get("y_true")
    features = result.features() if result.features is not None else None
    role, data = _role_and_name(model, features, (result.data, *texts))
    if result.method == "cross_val_predict":
        role, data = "validate", "cv"
    plot = plots.of_function(name, arguments, found)
    if plot is not None:
        kind, values = plot
        model.run.log_plot(_name(model, name.removesuffix("_curve"), role, data), kind, values)
        for part in found if isinstance(found, tuple) else ():  # `auc` of a curve is about the model too
            binding.remember_result(part, result)
    _log_result(model, name, arguments, found, role, data)
    if "y_pred" in arguments and name.endswith(("_error", "r2_score", "_deviance")):
        with attempt("sklearn residuals"):
            residuals = plots.of_regression(target, arguments["y_pred"])
            if residuals is not None:
                model.run.log_plot(_name(model, "residuals", role, data), "residuals", residuals)
    if result.method != "cross_val_predict" and not (features is None and target is None):
        _describe(model, role, data, features, target)


def _log_result(
    model: Model, name: str, arguments: Mapping[str, Any], found: Any, role: str | None, data: str | None
) -> None:
    if name == "classification_report":
        _log_report(model, found, role, data)
    elif np.ndim(found) == 0 and not isinstance(found, (str, dict)) and found is not None:
        _log(model, name, found, role, data)
    elif isinstance(found, tuple) and all(np.ndim(part) == 0 for part in found):
        for part, value in zip(_PARTS.get(name, ()), found, strict=False):
            if value is not None:
                _log(model, part, value, role, data)
    elif isinstance(found, np.ndarray) and found.ndim == 1 and found.size <= _MOST_LABELS and name.endswith("score"):
        labels = arguments.get("labels")
        names = range(found.size) if labels is None or len(labels) != found.size else labels
        for label, value in zip(names, found.tolist(), strict=True):
            _log(model, f"{name}/{label}", value, role, data)


def _log_report(model: Model, found: Any, role: str | None, data: str | None) -> None:
    if isinstance(found, str):
        model.run.log_text(_name(model, "classification_report", role, data), f"```\n{found}\n```")
        return
    for label, values in found.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            _log(model, "/".join(filter(None, (str(label), key))), value, role, data)


def _log(model: Model, metric: str, value: Any, role: str | None, data: str | None) -> None:
    name = _name(model, metric, role, data)
    counts = _counts.setdefault(model.run, Counter())
    log_numbers(model.run, {name: value}, counts[name], stage=role or "test")
    counts[name] += 1
    settle_later(model.run)


def settle_later(run: autotrack.Run) -> None:
    """Let a run that has ended rest again once some others have been evaluated; the last ones rest at exit."""
    if run.status == "running":
        return
    if run in _awake:
        _awake.remove(run)
    _awake.append(run)
    if len(_awake) > _MOST_AWAKE:
        end_run(_awake.pop(0), None, is_own=False)


def _name(model: Model, metric: str, role: str | None, data: str | None) -> str:
    begin = ROLES[role] if role and data is None else data
    return f"{model.prefix}{begin}_{metric}" if begin else f"{model.prefix}{metric}"


def _role_and_name(model: Model, features: Any, texts: tuple[str | None, ...]) -> tuple[str | None, str | None]:
    """Return the role of data or, where its name tells none, that name; the data of the fit is for training."""
    trained_on = model.features() if model.features is not None else None
    if features is not None and features is trained_on:
        return "train", None
    for text in texts:
        if role := role_of(text):
            return role, None
    return None, next((name for text in texts if (name := plain_name(text))), None)


def _texts(call: Call, parameters: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(call.source(number, parameter) for number, parameter in enumerate(parameters[:2]))


def _describe(model: Model, role: str | None, name: str | None, features: Any, target: Any) -> None:
    """Describe the data of an evaluation, once."""
    known = _described.setdefault(model.run, set())
    if role == "train" or (role or "test", name) in known:
        return
    known.add((role or "test", name))
    with attempt("sklearn data"):
        log_dataset(model.run, role or "test", target if features is None else features,
                    None if features is None else target, name)  # fmt: skip
        settle_later(model.run)


def _result_among(arguments: Mapping[str, Any]) -> Result | None:
    for value in arguments.values():
        found = binding.result_of(value)
        if found is not None:
            return found
    for name, value in arguments.items():
        if name not in _TRUTHS and not isinstance(value, (str, int, float, type(None))):
            found = _same_values(value)
            if found is not None:
                return found
    return None


def _same_values(value: Any) -> Result | None:
    """Return the one prediction that these values were copied or decided from, if it is only one."""
    # Nothing else: a lazy array would be computed, and a tensor copied from its device.
    is_plain = isinstance(value, (list, tuple, np.ndarray)) or type(value).__module__.startswith("pandas.")
    if not is_plain or np.ndim(value) == 0 or not 1 < len(value) <= _MOST_COMPARED:
        return None
    with np.errstate(all="ignore"):
        values = np.asarray(value)
        if values.dtype.kind not in "biufU" or values.ndim > 2 or (values == values[:1]).all():
            return None
        alike = [found for one, found in binding.results.items() if _comes_from(values, one, found)]
    models = {id(one.model) for one in alike}
    return alike[-1] if len(models) == 1 else None


def _comes_from(values: Any, one: Any, result: Result) -> bool:
    if not isinstance(one, np.ndarray) or len(one) != len(values):
        return False
    if one.shape == values.shape and one.dtype.kind != "O":
        return bool((one == values).all()) or (one.ndim == 1 and _is_decided_by(values, one))
    if one.ndim != 2 or values.ndim != 1 or one.dtype.kind != "f":
        return False
    if one.shape[1] == 2 and _is_decided_by(values, one[:, 1]):
        return True
    places = one.argmax(axis=1)
    if result.classes is not None and len(result.classes) == one.shape[1] and (values == result.classes[places]).all():
        return True
    return bool((values == places).all())


def _is_decided_by(values: Any, scores: Any) -> bool:
    """Whether these two classes are the scores below and above some threshold."""
    if scores.dtype.kind != "f" or values.dtype.kind not in "biu":
        return False
    upper = values == values.max()
    return bool(scores[upper].min() > scores[~upper].max()) and bool((values[~upper] == values.min()).all())
