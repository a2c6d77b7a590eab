"""The hooks around predictions, scores and metric functions: what they return belongs to the run of the model."""

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from autotrack.integrations import Outcome, attempt
from autotrack_sklearn import plots, registry
from autotrack_sklearn.calls import Call
from autotrack_sklearn.estimator_kinds import final_of
from autotrack_sklearn.evaluation import Evaluation, close_later
from autotrack_sklearn.identity import weak_reference
from autotrack_sklearn.matching import result_among
from autotrack_sklearn.metric_names import metric_name, part_names
from autotrack_sklearn.models import Result
from autotrack_sklearn.reports import numbers_in

_MOST_LABELS = 50


def scored(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook around `score`: the user asked for it, on the data that it is called with."""
    current = registry.current
    model = current.models.model_of(estimator)
    if model is None:
        return
    call = current.calls.innermost()
    with current.scope.enter():
        outcome = yield
    if outcome.error is not None:
        return
    features = args[0] if args else kwargs.get("X")
    target = args[1] if len(args) > 1 else kwargs.get("y")
    evaluation = Evaluation.on(features, model, (call.source(0, "X"), call.source(1, "y")))
    weights = args[2] if len(args) > 2 else kwargs.get("sample_weight")
    name = "score" if weights is None else "score_sample_weight"
    evaluation.log(name + _variant(evaluation, name, target, weights), outcome.result)
    evaluation.describe_data(features, target)


def predicted(method: str) -> Any:
    """Return the hook around a method that predicts: its result is remembered for as long as it lives."""

    def remember(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        current = registry.current
        model = current.models.model_of(estimator)
        if model is None:
            return
        call = current.calls.innermost()
        with current.scope.enter():
            outcome = yield
        if outcome.error is not None:
            return
        features = args[0] if args else kwargs.get("X")
        classes = vars(final_of(estimator)).get("classes_")
        parts = outcome.result if isinstance(outcome.result, (tuple, list)) else [outcome.result]
        for number, part in enumerate(parts):
            of_part = classes[number] if isinstance(classes, list) and len(classes) == len(parts) else classes
            result = Result(model, method, of_part, weak_reference(features), call.source(0, "X"))
            current.models.add_result(part, result)

    return remember


def measured(name: str, parameters: Mapping[str, Any]) -> Any:
    """Return the hook around a metric function of scikit-learn, given its name and its parameters with defaults."""

    def record(*args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        current = registry.current
        if not current.models.has_results():
            return
        arguments = dict(zip(parameters, args, strict=False)) | kwargs
        result = result_among(arguments)
        if result is None:
            return
        call = current.calls.innermost()
        with current.scope.enter():
            outcome = yield
        if outcome.error is None:
            sources = _sources(call, tuple(parameters))
            _record_metric(name, metric_name(name, arguments, parameters), arguments, outcome.result, result, sources)

    return record


def inspected(name: str, parameters: tuple[str, ...]) -> Any:
    """Return the hook around `permutation_importance`, given its name and those of its parameters."""

    def record(*args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        arguments = dict(zip(parameters, args, strict=False)) | kwargs
        model = registry.current.models.model_of(arguments.get("estimator"))
        with registry.current.scope.enter():
            outcome = yield
        values = getattr(outcome.result, "importances_mean", None)
        if model is None or values is None:
            return
        columns = getattr(arguments.get("X"), "columns", None)
        names = plots.default_names(len(values)) if columns is None else [str(column) for column in columns]
        model.run.log_plot(f"{model.prefix}{name}", "importances", {"names": names, "values": values})
        close_later(model.run)

    return record


def _record_metric(
    function: str,
    name: str,
    arguments: Mapping[str, Any],
    returned: Any,
    result: Result,
    sources: tuple[str | None, ...],
) -> None:
    target = arguments.get("y_true")
    features = result.features() if result.features is not None else None
    if result.method == "cross_val_predict":
        evaluation = Evaluation(result.model, "validate", "cv")
    else:
        evaluation = Evaluation.on(features, result.model, (result.data_name, *sources))
    name += _variant(evaluation, name, target, arguments.get("sample_weight"))
    _log_plot(evaluation, function, name, arguments, returned, result)
    _log_values(evaluation, function, name, arguments, returned)
    if "y_pred" in arguments and function.endswith(("_error", "r2_score", "_deviance")):
        with attempt("sklearn residuals"):
            residuals = plots.of_regression(target, arguments["y_pred"])
            if residuals is not None:
                evaluation.model.run.log_plot(evaluation.name("residuals"), "residuals", residuals)
    if result.method != "cross_val_predict" and not (features is None and target is None):
        evaluation.describe_data(features, target)


def _variant(evaluation: Evaluation, metric: str, truth: Any, weights: Any) -> str:
    """Return what tells the second and later weights of samples from the first, for the same truth: `_2`."""
    if weights is None:
        return ""
    with attempt("sklearn sample weights", of_user=True):
        number = registry.current.runs.number_weights(evaluation.model.run, evaluation.name(metric), truth, weights)
        return f"_{number}" if number > 1 else ""
    return ""


def _log_plot(
    evaluation: Evaluation, function: str, name: str, arguments: Mapping[str, Any], returned: Any, result: Result
) -> None:
    plot = plots.of_function(function, arguments, returned)
    if plot is None:
        return
    kind, values = plot
    evaluation.model.run.log_plot(evaluation.name(name.replace("_curve", "", 1)), kind, values)
    for part in returned if isinstance(returned, tuple) else ():  # `auc` of a curve is about the model too
        registry.current.models.add_result(part, result)


def _log_values(evaluation: Evaluation, function: str, name: str, arguments: Mapping[str, Any], returned: Any) -> None:
    """Record what a metric function returned: a report, a number, several numbers, or one for each class or output."""
    if function == "classification_report":
        _log_report(evaluation, name, returned)
    elif isinstance(returned, tuple):
        if all(np.ndim(part) == 0 for part in returned):
            for part, value in zip(part_names(function, len(returned)), returned, strict=False):
                if value is not None:
                    evaluation.log(f"{part}{name.removeprefix(function)}", value)
    elif isinstance(returned, np.ndarray) and returned.ndim == 1:
        if function.endswith(_OF_NUMBERS):
            _log_by_label(evaluation, name, arguments.get("labels"), returned)
    elif isinstance(returned, (int, float, np.number)):
        evaluation.log(name, returned)


_OF_NUMBERS = ("score", "error", "loss", "deviance")
"""How functions end that return a number, or one for each class or output when they are asked to."""


def _log_by_label(evaluation: Evaluation, name: str, labels: Any, values: Any) -> None:
    if values.size > _MOST_LABELS:
        return
    names = range(values.size) if labels is None or len(labels) != values.size else labels
    for label, value in zip(names, values.tolist(), strict=True):
        evaluation.log(f"{name}/{label}", value)


def _log_report(evaluation: Evaluation, name: str, report: Any) -> None:
    if isinstance(report, str):
        evaluation.model.run.log_text(evaluation.name(name), f"```\n{report}\n```")
        report = numbers_in(report)
    for label, values in report.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            variant = name.removeprefix("classification_report")
            evaluation.log("/".join(filter(None, (str(label), key))) + variant, value)


def _sources(call: Call, parameters: tuple[str, ...]) -> tuple[str | None, ...]:
    """Return what the user's code has for the first two arguments: the truth and the prediction."""
    return tuple(call.source(number, parameter) for number, parameter in enumerate(parameters[:2]))
