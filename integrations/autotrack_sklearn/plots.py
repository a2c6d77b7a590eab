"""Plots as data, made from what was computed: by the fit, or by a function of scikit-learn that the user called."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autotrack_sklearn.recording import Recording

_MOST_FEATURES = 1000
_MOST_ROWS = 20
_MOST_POINTS = 1000


def of_model(recording: "Recording", model: Any, final: Any, *, quick: bool) -> None:
    """Record coefficients and importances by the names of the features.

    Forests and boosting compute their importances when they are asked: not done for a fit that was `quick`.
    """
    held = vars(final)
    coefficients = held.get("coef_")
    if isinstance(coefficients, np.ndarray) and coefficients.ndim in (1, 2) and _is_short(coefficients):
        names = _feature_names(model, final, coefficients.shape[-1])
        recording.run.log_plot(
            f"{recording.prefix}coefficients", "coefficients", {"names": names, "values": coefficients}
        )
    importances = held.get("feature_importances_")
    is_computed = isinstance(getattr(type(final), "feature_importances_", None), property)
    if importances is None and is_computed and not quick:
        importances = final.feature_importances_
    if isinstance(importances, np.ndarray) and importances.ndim == 1 and _is_short(importances):
        log_importances(recording, _feature_names(model, final, len(importances)), importances)


def log_importances(recording: Any, names: Sequence[str], values: Any, name: str = "importances") -> None:
    """Record how much each feature matters."""
    recording.run.log_plot(f"{recording.prefix}{name}", "importances", {"names": list(names), "values": values})


def of_function(function: str, arguments: Mapping[str, Any], result: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the plot, as its kind and data, that the result of a function of scikit-learn holds."""
    if function == "confusion_matrix":
        return "confusion_matrix", {"labels": _labels(arguments, len(result)), "matrix": result}
    if function == "roc_curve":
        false_rate, true_rate = (thin(values) for values in result[:2])
        area = float(np.sum(np.diff(result[0]) * (result[1][1:] + result[1][:-1])) / 2)
        return "roc", {"false_positive_rate": false_rate, "true_positive_rate": true_rate, "auc": area}
    if function == "precision_recall_curve":
        return "precision_recall", {"precision": thin(result[0]), "recall": thin(result[1])}
    if function == "calibration_curve":
        return "calibration", {"observed": thin(result[0]), "predicted": thin(result[1])}
    if function == "det_curve":
        data = {"x": thin(result[0]), "y": thin(result[1])}
        return "curve", {**data, "x_name": "false_positive_rate", "y_name": "false_negative_rate"}
    return None


def of_regression(truth: Any, predicted: Any) -> dict[str, Any] | None:
    """Return predictions and residuals, evenly chosen where there are many."""
    true, found = np.asarray(truth), np.asarray(predicted)
    if true.shape != found.shape or true.ndim != 1 or true.dtype.kind not in "iuf" or found.dtype.kind not in "iuf":
        return None
    true, found = thin(true), thin(found)
    return {"predicted": found, "residual": true - found}


def thin(values: Any) -> Any:
    """Return at most a thousand of these values, evenly chosen, the last one among them."""
    values = np.asarray(values)
    if len(values) <= _MOST_POINTS:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_POINTS).astype(int)]


def _labels(arguments: Mapping[str, Any], count: int) -> list[Any]:
    given = arguments.get("labels")
    if given is None:
        seen = [set(np.unique(np.asarray(arguments[name])).tolist()) for name in ("y_true", "y_pred")]
        given = sorted(seen[0] | seen[1])
    labels = np.asarray(given).tolist()
    return labels if len(labels) == count else list(range(count))


def _is_short(values: Any) -> bool:
    return bool(values.shape[-1] <= _MOST_FEATURES and (values.ndim == 1 or values.shape[0] <= _MOST_ROWS))


def _feature_names(model: Any, final: Any, count: int) -> list[str]:
    """Return the names of the features as the estimator at the end got them."""
    names = vars(final).get("feature_names_in_")
    if names is None and model is not final:
        names = _names_out(model, count)
    if names is None or len(names) != count:
        return [f"x{number}" for number in range(count)]
    return [str(name) for name in names]


def _names_out(model: Any, count: int) -> Any:
    """Return what the steps before the last one call their output; few features make few names."""
    held = vars(model)
    steps = vars(held["best_estimator_"]).get("steps") if "best_estimator_" in held else held.get("steps")
    if not isinstance(steps, list) or len(steps) < 2 or count > _MOST_FEATURES:
        return None
    try:
        names = None
        for _, step in steps[:-1]:
            if step is not None and step != "passthrough":
                names = step.get_feature_names_out() if names is None else step.get_feature_names_out(names)
    except (AttributeError, ValueError, TypeError):  # a step of the user's that has no names, or not for these
        return None
    return names
