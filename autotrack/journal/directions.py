"""Whether a metric gets better as it falls or as it rises."""

import re
from collections.abc import Mapping
from typing import Any, Literal

Direction = Literal["min", "max"]

_LOWER_IS_BETTER = re.compile(
    r"loss|error|err\b|mse|mae|rmse|mape|rmsle|(\b|_)wer\b|cer\b|perplexity|(\b|_)ppl|nll|cross_?entropy"
    r"|deviance|divergence|hinge|brier|seconds"
    r"|neg(ative)?_log_likelihood|negative_likelihood_ratio|(fit|score|wall|elapsed|total|run|epoch|step|batch)_time$|(^|/)rank_test"
)
_SURELY_LOWER = re.compile(r"loss|_time$|(^|/)rank_test|negative_likelihood_ratio")
"""A dice_loss is a loss, and a score_time is a time."""

_HIGHER_IS_BETTER = re.compile(
    r"acc|auc|auroc|f1|fbeta|precision|recall|(\b|_)r2|iou|jaccard|(?<!in)dice|(\b|_)map(\b|_|\d)|bleu|rouge|psnr|ssim|reward|return"
    r"|score|kappa|mcc|matthews|corr|(?<!neg_log_)(?<!negative_log_)likelihood|per_second"
)


_OF_TRAINING = re.compile(
    r"(^|/)(epoch|step|batch|fit|train|training|validation|evaluation|test|predict|checkpoint|data_wait)_seconds$"
)
"""How long parts of a training took, which nobody judges it by."""


def better(metric: str) -> Direction | None:
    """Return whether a metric is better when it is lower or higher, judged by its name; None when the name is unclear.

    >>> better("val_loss"), better("val_acc"), better("lr-Adam")
    ('min', 'max', None)
    """
    name = metric.lower()
    if name.startswith("lr-") or re.search(r"(^|[_/])std_", name):  # how far values lie apart is no merit
        return None
    if _OF_TRAINING.search(name):
        return None
    if re.search(r"(^|_)neg_(?!log_likelihood)", name):  # scikit-learn turns losses into scores
        return "max"
    lower, higher = _LOWER_IS_BETTER.search(name), _HIGHER_IS_BETTER.search(name)
    if lower and (not higher or _SURELY_LOWER.search(name)):
        return "min"
    return "max" if higher else None


def monitored(params: Mapping[str, Any]) -> dict[str, Direction]:
    """Return the direction of each metric that a callback monitors, from the params with the source `callbacks`.

    A callback knows the direction better than the metric's name does. What a checkpoint is kept for comes first, then
    what early stopping waits for, then the rest.

    >>> monitored({"EarlyStopping.monitor": "val_score", "EarlyStopping.mode": "min"})
    {'val_score': 'min'}
    """
    found: list[tuple[int, str, Direction]] = []
    for name, metric in params.items():
        callback, _, setting = name.rpartition(".")
        mode = params.get(f"{callback}.mode")
        if setting == "monitor" and isinstance(metric, str) and mode in ("min", "max"):
            found.append((0 if "Checkpoint" in callback else 1 if "Stopping" in callback else 2, metric, mode))
    directions: dict[str, Direction] = {}
    for _, metric, mode in sorted(found, key=lambda entry: entry[0]):
        directions.setdefault(metric, mode)
    return directions


def split_direction(setting: str) -> tuple[str, Direction | None]:
    """Return the name and the direction of a metric in the setting `metric`, as in `val_acc` or `min my_cost`.

    >>> split_direction("val_acc"), split_direction("min my_cost"), split_direction("my_cost")
    (('val_acc', 'max'), ('my_cost', 'min'), ('my_cost', None))
    """
    first, _, rest = setting.strip().partition(" ")
    if rest.strip() and first in ("min", "max"):
        return rest.strip(), "min" if first == "min" else "max"
    return setting.strip(), better(setting.strip())
