"""Plots as data, made of what the fit computed, or a function of scikit-learn that the user called."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from autotrack.integrations import attempt
from autotrack_sklearn.recording import Recording
from autotrack_sklearn.schema import columns_of

_MOST_FEATURES = 1000
_MOST_ROWS = 20
_MOST_POINTS = 1000


def of_model(recording: Recording, model: Any, final: Any, *, quick: bool) -> None:
    """Record coefficients and importances by the names of the features.

    Forests and boosting compute their importances on demand, so those of a `quick` fit are left out.
    """
    held = vars(final)
    coefficients = held.get("coef_")
    if isinstance(coefficients, np.ndarray) and coefficients.ndim in (1, 2) and _is_short(coefficients):
        names = _feature_names(recording, model, final, coefficients.shape[-1])
        recording.run.log_plot(
            f"{recording.prefix}coefficients", "coefficients", {"names": names, "values": coefficients}
        )
    importances = held.get("feature_importances_")
    is_computed = isinstance(getattr(type(final), "feature_importances_", None), property)
    if importances is None and is_computed and not quick:
        with attempt("sklearn importances", of_user=True):  # boosting of something that has none raises
            importances = final.feature_importances_
    if isinstance(importances, np.ndarray) and importances.ndim == 1 and _is_short(importances):
        names = _feature_names(recording, model, final, len(importances))
        recording.run.log_plot(
            f"{recording.prefix}importances", "importances", {"names": names, "values": importances}
        )


def of_function(function: str, arguments: Mapping[str, Any], result: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the kind and the data of the plot that a function of scikit-learn computed; None for other functions."""
    if function == "confusion_matrix":
        return "confusion_matrix", {"labels": _labels(arguments, len(result)), "matrix": result}
    if function == "roc_curve":
        false_rate, true_rate = (_thin(values) for values in result[:2])
        area = float(np.sum(np.diff(result[0]) * (result[1][1:] + result[1][:-1])) / 2)
        return "roc", {"false_positive_rate": false_rate, "true_positive_rate": true_rate, "auc": area}
    if function == "precision_recall_curve":
        return "precision_recall", {"precision": _thin(result[0]), "recall": _thin(result[1])}
    if function == "calibration_curve":
        return "calibration", {"observed": _thin(result[0]), "predicted": _thin(result[1])}
    if function == "det_curve":
        data = {"x": _thin(result[0]), "y": _thin(result[1])}
        return "curve", {**data, "x_name": "false_positive_rate", "y_name": "false_negative_rate"}
    return None


def default_names(count: int) -> list[str]:
    """Return names for features that have none."""
    return [f"x{number}" for number in range(count)]


def of_regression(truth: Any, predicted: Any) -> dict[str, Any] | None:
    """Return predictions and residuals of a regression, evenly chosen where there are many; None for other values."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape or truth.ndim != 1 or {truth.dtype.kind, predicted.dtype.kind} - set("iuf"):
        return None
    truth, predicted = _thin(truth), _thin(predicted)
    return {"predicted": predicted, "residual": truth - predicted}


def _thin(values: Any) -> Any:
    """Return at most a thousand of these values, evenly chosen, with the last one among them."""
    values = np.asarray(values)
    if len(values) <= _MOST_POINTS:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_POINTS).astype(int)]


def _labels(arguments: Mapping[str, Any], count: int) -> list[Any]:
    labels = arguments.get("labels")
    if labels is None:
        true, predicted = (set(np.unique(np.asarray(arguments[name])).tolist()) for name in ("y_true", "y_pred"))
        labels = sorted(true | predicted)
    names: list[Any] = np.asarray(labels).tolist()
    return names if len(names) == count else list(range(count))


def _is_short(values: Any) -> bool:
    return bool(values.shape[-1] <= _MOST_FEATURES and (values.ndim == 1 or values.shape[0] <= _MOST_ROWS))


def _feature_names(recording: Recording, model: Any, final: Any, count: int) -> list[str]:
    """Return the names of the features that the estimator at the end got."""
    names = vars(final).get("feature_names_in_")
    if names is None and model is not final:
        names = _names_out(model, count)
    if names is None:  # other packages keep no names, or elsewhere
        names = columns_of(recording.input_schema) or getattr(final, "feature_names_", None)
    if names is None or len(names) != count:
        return default_names(count)
    return [str(name) for name in names]


def _names_out(model: Any, count: int) -> Any:
    """Return the names that the steps before the last one give to their output; None where there are too many."""
    held = vars(model)
    steps = vars(held["best_estimator_"]).get("steps") if "best_estimator_" in held else held.get("steps")
    if not isinstance(steps, list) or len(steps) < 2 or count > _MOST_FEATURES:
        return None
    try:
        names = None
        for _, step in steps[:-1]:
            if step is not None and step != "passthrough":
                names = step.get_feature_names_out() if names is None else step.get_feature_names_out(names)
    except (AttributeError, ValueError, TypeError):  # a step of the user's that names no features, or not these
        return None
    return names
