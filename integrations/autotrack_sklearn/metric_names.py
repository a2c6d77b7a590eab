"""Names of metrics that a function of scikit-learn computes: two numbers of different meaning never have one name."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_WITHOUT_MEANING = {"zero_division", "replace_undefined_by", "random_state", "n_jobs", "sample_size", "check_input",
                    "digits", "output_dict", "raise_warning", "drop_intermediate"}  # fmt: skip
"""Parameters that do not change what a number means."""

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
    """
    return "_".join([function, *_variants(arguments, defaults)])


def part_names(function: str, count: int) -> tuple[str, ...]:
    """Return the names of the numbers that a function returns together."""
    return _PARTS.get(function) or tuple(f"{function}_{number}" for number in range(count))


def _variants(arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    for parameter, default in defaults.items():
        value = arguments.get(parameter, default)
        if parameter in _WITHOUT_MEANING or value is default or value is None:
            continue
        if isinstance(value, (bool, np.bool_)):
            if value != default:
                yield parameter if value else f"not_{parameter}"
        elif isinstance(value, str):
            if value != default:
                yield f"{parameter}_{value}" if parameter == "pos_label" else value
        elif isinstance(value, (int, float, np.number)) and value != default:
            yield f"{parameter}_{value:g}"
