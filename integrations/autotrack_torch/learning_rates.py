"""The learning rates that steps were made with, under the names that Lightning's LearningRateMonitor gives them."""

import math
from collections.abc import Sequence
from typing import Any

import torch


def names_of_groups(name: str, groups: Sequence[dict[str, Any]]) -> list[str]:
    """Return a name for the rate of every param group of an optimizer; names that groups were given come first."""
    given = [group.get("name") for group in groups]
    if len(groups) == 1:
        return [f"{name}/{given[0]}" if given[0] else name]
    numbered = [f"pg{index}" for index in range(1, len(groups) + 1)]
    labels = [str(label or number) for label, number in zip(given, numbered, strict=True)]
    return [f"{name}/{label}" for label in (labels if len(set(labels)) == len(labels) else numbered)]


def rate_of(group: dict[str, Any]) -> Any:
    """Return the rate of a group as it is now. Schedulers change one that is a tensor in place."""
    rate = group.get("lr", math.nan)
    if rate.__class__ is float:
        return rate
    return rate.detach().clone() if isinstance(rate, torch.Tensor) else rate
