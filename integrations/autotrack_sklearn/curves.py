"""The curves of a training that a fitted estimator holds, of scikit-learn and of packages in its manner."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autotrack.integrations import attempt

_ATTRIBUTES = {
    "loss_curve_": ("loss", "train"),
    "train_score_": ("train_score", "train"),
    "validation_score_": ("validation_score", "validate"),
    "validation_scores_": ("validation_score", "validate"),
    "oob_improvement_": ("oob_improvement", "validate"),
    "oob_scores_": ("oob_score", "validate"),
    "lower_bounds_": ("lower_bound", "train"),
    "explained_variance_ratio_": ("explained_variance_ratio", "train"),
    "estimator_errors_": ("estimator_error", "train"),
}
"""By attribute, the metric that its values are, with one value a step, and the stage of that metric."""

_OF_GRADIENT_BOOSTING = {"train_score": "train_loss", "oob_score": "oob_loss"}
"""What `GradientBoostingClassifier` and `GradientBoostingRegressor` call scores are losses."""

_EVALUATIONS = ("evals_result_", "_evals_result")
"""Where XGBoost and LightGBM keep the metrics of their data sets."""

_HISTORIES = ("history_", "history")
"""Where skorch, scikeras and Keras's own wrappers keep the metrics of their epochs."""


@dataclass(frozen=True)
class Curve:
    """A metric with one value a step. `single` is the name of the number that repeats the last value."""

    name: str
    stage: str
    points: Sequence[Any]
    single: str


def has_history(estimator: Any) -> bool:
    """Whether an estimator keeps the metrics of its epochs; asked at every call of `partial_fit`."""
    held = vars(estimator)
    return "history_" in held or "history" in held


def curves_of(estimator: Any) -> list[Curve]:
    """Return the curves that an estimator holds, without those that are empty."""
    held = vars(estimator)
    curves: list[Curve] = []
    with attempt("sklearn curves", of_user=True):  # attributes that only look like the ones meant here
        curves += _by_attribute(estimator)
        for attribute in _EVALUATIONS:
            curves += _evaluations(held.get(attribute))
        if type(estimator).__module__.startswith("catboost."):
            curves += _evaluations(estimator.get_evals_result())
        for attribute in _HISTORIES:
            if found := list(_history(held.get(attribute))):
                curves += found
                break
    return [curve for curve in curves if curve.points]


def best_iteration_of(estimator: Any) -> int | None:
    """Return the iteration at which an early stopping found the best score, where a package computes it on demand."""
    for name in ("best_iteration_", "best_iteration"):
        if isinstance(inspect.getattr_static(type(estimator), name, None), property):
            try:
                value = getattr(estimator, name)
            except Exception:  # noqa: BLE001  each package has its own way to say that there was no early stopping
                return None
            return int(value) if isinstance(value, (int, np.integer)) else None
    return None


def _by_attribute(estimator: Any) -> Iterator[Curve]:
    kinds = {kind.__name__ for kind in type(estimator).__mro__ if kind.__module__.startswith("sklearn.")}
    for attribute, value in vars(estimator).items():
        if attribute not in _ATTRIBUTES:
            continue
        single, stage = _ATTRIBUTES[attribute]
        name = single
        if "BaseGradientBoosting" in kinds:
            name = _OF_GRADIENT_BOOSTING.get(name, name)
        elif "BaseHistGradientBoosting" in kinds:
            name = f"{name.removesuffix('_score')}_{_early_stopping(estimator)}"
        yield Curve(name, stage, _points(value), single)


def _early_stopping(estimator: Any) -> str:
    """Return what the scores of histogram-based boosting are; a loss has its sign turned, so that more is better."""
    scoring = getattr(estimator, "scoring", None)
    return "neg_loss" if scoring == "loss" else scoring if isinstance(scoring, str) else "iteration_score"


def _evaluations(result: Any) -> Iterator[Curve]:
    """Yield the curves of data sets with metrics: `{"validation_0": {"logloss": [...]}}`."""
    for data_name, metrics in result.items() if isinstance(result, Mapping) else ():
        for metric, values in metrics.items() if isinstance(metrics, Mapping) else ():
            yield _curve(f"{data_name}_{metric}", _points(values))


def _history(history: Any) -> Iterator[Curve]:
    """Yield the curves of a history: a list of values by metric, as Keras has, or a list of epochs, as skorch has."""
    history = getattr(history, "history", history)
    if isinstance(history, Mapping):
        for metric, values in history.items():
            yield _curve(str(metric), _points(values))
    elif isinstance(history, list) and all(isinstance(epoch, Mapping) for epoch in history):
        for name in dict.fromkeys(key for epoch in history for key in epoch):
            values = [epoch.get(name) for epoch in history]
            is_metric = name != "epoch" and not str(name).endswith("_batch_count")
            if is_metric and not any(isinstance(value, bool) for value in values):
                yield _curve("epoch_seconds" if name == "dur" else str(name), _points(values))


def _curve(name: str, points: Sequence[Any]) -> Curve:
    is_of_training = name.startswith(("train", "learn")) or not name.startswith(("val", "test", "eval"))
    return Curve(name, "train" if is_of_training else "validate", points, name)


def _points(values: Any) -> Sequence[Any]:
    if isinstance(values, np.ndarray) and values.ndim == 1:
        points: list[Any] = values.tolist()
        return points
    if isinstance(values, list) and all(isinstance(value, (int, float, np.number)) for value in values):
        return values
    return ()
