"""Finds the prediction that values come from, so that no score is put down to the wrong model.

That is the prediction itself, a view of it, or values that are the same as those of one prediction only.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from autotrack_sklearn import registry
from autotrack_sklearn.models import Result

_MOST_COMPARED = 200_000
_TRUTHS = {"y_true", "labels_true", "X", "y", "x"}
"""Arguments of metric functions that are no predictions."""


def result_among(arguments: Mapping[str, Any]) -> Result | None:
    """Return the result of a recorded model that is among the arguments of a metric function, or None."""
    for value in arguments.values():
        result = registry.current.models.result_of(value)
        if result is not None:
            return result
    for name, value in arguments.items():
        if name not in _TRUTHS and not isinstance(value, (str, int, float, type(None))):
            result = _result_with_values(value)
            if result is not None:
                return result
    return None


def _result_with_values(value: Any) -> Result | None:
    """Return the one prediction that these values were copied or decided from, if there is only one."""
    # Nothing but lists, numpy, pandas and polars: a lazy array would be computed, and a tensor copied from its device.
    is_plain = isinstance(value, (list, tuple, np.ndarray)) or type(value).__module__.startswith("pandas.")
    if type(value).__module__.startswith("polars.") and type(value).__name__ in ("Series", "DataFrame"):
        value, is_plain = value.to_numpy(), True
    if not is_plain or np.ndim(value) == 0 or not 1 < len(value) <= _MOST_COMPARED:
        return None
    with np.errstate(all="ignore"):
        values = np.asarray(value)
        if values.dtype.kind not in "biufU" or values.ndim > 2 or (values == values[:1]).all():
            return None
        results = registry.current.models.results()
        alike = [result for prediction, result in results if _comes_from(values, prediction, result)]
    models = {id(result.model) for result in alike}
    return alike[-1] if len(models) == 1 else None


def _comes_from(values: Any, prediction: Any, result: Result) -> bool:
    """Whether these values are a copy of a prediction, or the classes that follow from it."""
    if not isinstance(prediction, np.ndarray) or len(prediction) != len(values):
        return False
    if prediction.shape == values.shape and prediction.dtype.kind != "O":
        is_copy = bool((prediction == values).all())
        return is_copy or (prediction.ndim == 1 and _is_decided_by(values, prediction))
    if prediction.ndim != 2 or values.ndim != 1 or prediction.dtype.kind != "f":
        return False
    if prediction.shape[1] == 2 and _is_decided_by(values, prediction[:, 1]):
        return True
    return _is_most_likely(values, prediction, result.classes)


def _is_most_likely(values: Any, scores: Any, classes: Any) -> bool:
    """Whether these values are the classes with the highest scores, or their numbers."""
    numbers = scores.argmax(axis=1)
    has_classes = isinstance(classes, np.ndarray) and classes.shape == scores.shape[1:]
    return (has_classes and bool((values == classes[numbers]).all())) or bool((values == numbers).all())


def _is_decided_by(values: Any, scores: Any) -> bool:
    """Whether these two classes are the scores below and above some threshold."""
    if scores.dtype.kind != "f" or values.dtype.kind not in "biu":
        return False
    upper = values == values.max()
    return bool(scores[upper].min() > scores[~upper].max()) and bool((values[~upper] == values.min()).all())
