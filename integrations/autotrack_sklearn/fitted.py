"""What a fitted estimator tells of its fit: attributes that are there already, none that would be computed."""

import sys
from typing import Any

import numpy as np

from autotrack_sklearn import registry
from autotrack_sklearn.curves import best_iteration_of, curves_of
from autotrack_sklearn.recording import Recording

_NUMBERS = frozenset(
    "n_iter_ n_features_in_ n_outputs_ n_support_ n_leaves_ n_clusters_ n_components_ n_estimators_ inertia_ loss_ "
    "lower_bound_ reconstruction_err_ oob_score_ best_loss_ best_iteration_ best_iteration alpha_ l1_ratio_ C_ "
    "lambda_ gamma_ noise_variance_ log_marginal_likelihood_value_ kl_divergence_ stress_ dual_gap_ n_trials_ "
    "n_skips_no_inliers_ best_validation_score_ validation_score_ n_features_ reconstruction_error_ bound_ "
    "power_".split()
)

_MOST_POINTS = 10_000


def record(recording: Recording, estimator: Any, seconds: float) -> None:
    """Record curves point by point, and single numbers, the time of the fit among them."""
    curves = curves_of(estimator)
    for curve in curves:
        for step, point in enumerate(curve.points[:_MOST_POINTS]):
            recording.log({curve.name: point}, step, stage=curve.stage)
    numbers: dict[str, Any] = {"fit_seconds": seconds}
    for attribute, value in vars(estimator).items():
        if attribute in _NUMBERS:
            number = _number(attribute, value)
            if number is not None:
                numbers[attribute.rstrip("_")] = number
        elif attribute == "classes_" and isinstance(value, np.ndarray):
            numbers["n_classes"] = len(value)
    if curves and (best := best_iteration_of(estimator)) is not None:
        numbers["best_iteration"] = best
    last_points = {curve.single for curve in curves}
    recording.log({name: value for name, value in numbers.items() if name not in last_points}, stage="train")


def record_training_metrics(recording: Recording, features: Any, target: Any) -> None:
    """Compute scores on the training data from one prediction; only for users who asked for it."""
    model = recording.subject
    if target is None or not hasattr(model, "predict"):
        return
    with registry.current.scope.enter():
        predicted = model.predict(features)
        is_regressor = getattr(sys.modules["sklearn.base"], "is_regressor")  # noqa: B009  its types are not published
        scores = _regression_scores if is_regressor(model) else _classification_scores
        values = scores(target, predicted)
    recording.log({f"train_{name}": value for name, value in values.items()}, stage="train")


def _regression_scores(target: Any, predicted: Any) -> dict[str, Any]:
    from sklearn import metrics  # only those who ask for scores pay for the import

    names = ("r2_score", "mean_absolute_error", "mean_squared_error")
    return {name: getattr(metrics, name)(target, predicted) for name in names}


def _classification_scores(target: Any, predicted: Any) -> dict[str, Any]:
    from sklearn import metrics  # only those who ask for scores pay for the import

    values = {"accuracy_score": metrics.accuracy_score(target, predicted)}
    if np.ndim(predicted) == 1:
        for name in ("precision_score", "recall_score", "f1_score"):
            values[name] = getattr(metrics, name)(target, predicted, average="weighted", zero_division=0)
    return values


def _number(attribute: str, value: Any) -> Any:
    """Return a value if it is a number, or else None; of several counts of iterations, the largest.

    There is one count for each class or target, and the fit went on until the last was done.
    """
    if attribute == "n_iter_" and np.ndim(value) and np.size(value):
        value = np.max(value)
    return value if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) else None
