"""What steps were made with, learning rates first, under the names that Lightning's LearningRateMonitor gives them.

The settings of an optimizer as it was made are params; these are the values in force.
"""

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


class Others:
    """Momentum and weight decay of one param group: recorded from when they are not what the group was made with."""

    __slots__ = ("given",)

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = [(name, given[name]) for name in _OTHERS if name in given]

    def add_changed(self, group: dict[str, Any], values: dict[str, Any], rate_name: str) -> None:
        """Add to `values` what has changed; `rate_name` is the name of the learning rate of the group."""
        for index, (name, given) in enumerate(self.given):
            now = group.get(name)
            if now is not given:
                if given is not _VARIES:
                    if isinstance(now, torch.Tensor) or now == given:
                        continue
                    self.given[index] = (name, _VARIES)
                values[f"{rate_name}-{_OTHERS[name]}"] = now[0] if isinstance(now, (tuple, list)) else now


_OTHERS = {"momentum": "momentum", "betas": "momentum", "weight_decay": "weight_decay"}
_VARIES = object()
