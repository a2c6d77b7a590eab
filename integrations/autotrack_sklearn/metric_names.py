"""Names of metrics that a function of scikit-learn computes: two numbers of different meaning never have one name."""

from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any

import numpy as np

_WITHOUT_MEANING = {"zero_division", "replace_undefined_by", "random_state", "n_jobs", "sample_size", "check_input",
                    "digits", "output_dict", "raise_warning", "drop_intermediate", "target_names"}  # fmt: skip
"""Parameters that do not change what a number means."""

_LABELS_ARE_ALL_CLASSES = {"log_loss", "d2_log_loss_score", "brier_score_loss", "d2_brier_score", "hinge_loss",
                           "roc_auc_score", "top_k_accuracy_score", "confusion_matrix"}  # fmt: skip
"""Functions whose `labels` say which classes there are; that of others chooses the classes that a mean is over."""

_MOST_ITEMS, _MOST_CHARACTERS = 3, 24
"""Longer lists are not in a name: their number of items is."""

_PARTS = {
    "precision_recall_fscore_support": ("precision", "recall", "fbeta", "support"),
    "homogeneity_completeness_v_measure": ("homogeneity", "completeness", "v_measure"),
    "class_likelihood_ratios": ("positive_likelihood_ratio", "negative_likelihood_ratio"),
}
"""By function, the names of the numbers that it returns."""


def metric_name(function: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return the name of what a function returned: its own, with the arguments that are not at their defaults.

    >>> metric_name("f1_score", {"average": "macro"}, {"average": "binary", "pos_label": 1})
    'f1_score_macro'
    >>> metric_name("fbeta_score", {"beta": 0.5, "zero_division": 0}, {"beta": None, "zero_division": "warn"})
    'fbeta_score_beta_0.5'
    >>> metric_name("f1_score", {"labels": [0, 2], "sample_weight": [1, 2]}, {"labels": None, "sample_weight": None})
    'f1_score_labels_0_2_sample_weight'
    """
    return "_".join([function, *_variants(function, arguments, defaults)])


def part_names(function: str, count: int) -> tuple[str, ...]:
    """Return the names of the numbers that a function returns together."""
    return _PARTS.get(function) or tuple(f"{function}_{number}" for number in range(count))


def _variants(function: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    for parameter, default in defaults.items():
        value = arguments.get(parameter, default)
        if parameter in _WITHOUT_MEANING or value is default or value is None:
            continue
        if isinstance(value, (bool, np.bool_, str, int, float, np.number)):
            if value != default:
                yield _one_value(parameter, value)
        elif parameter == "sample_weight":
            yield parameter
        elif parameter == "multioutput" or (parameter == "labels" and _labels_choose(function, arguments, defaults)):
            yield f"{parameter}_{_items(value)}"


def _one_value(parameter: str, value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return parameter if value else f"not_{parameter}"
    if isinstance(value, str):
        return f"{parameter}_{value}" if parameter == "pos_label" else value
    return f"{parameter}_{value:g}"


def _labels_choose(function: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether `labels` chooses what a number is about. It does not where it is the data, as that of a clustering is.

    Nor does it where there is one number for each label.
    """
    if defaults["labels"] is Parameter.empty:
        return False
    is_mean = "average" not in defaults or arguments.get("average", defaults["average"]) is not None
    return is_mean and function not in _LABELS_ARE_ALL_CLASSES


def _items(values: Any) -> str:
    if len(values) <= _MOST_ITEMS:
        items = "_".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
        if len(items) <= _MOST_CHARACTERS:
            return items
    return f"of_{len(values)}"
