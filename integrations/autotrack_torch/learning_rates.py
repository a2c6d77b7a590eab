"""The learning rates that steps were made with, under the names that Lightning's LearningRateMonitor gives them."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch


def of(optimizers: Sequence[Any]) -> dict[str, Any]:
    """Return the rates of optimizers by name."""
    return {
        name: _rate(group)
        for optimizer, names in named(optimizers)
        for name, group in zip(names, optimizer.param_groups, strict=False)
    }


def named(optimizers: Sequence[Any]) -> Iterator[tuple[Any, list[str]]]:
    """Yield each optimizer with a name for every param group; names that groups were given come first."""
    count: Counter[type] = Counter()
    for optimizer in optimizers:
        kind = type(optimizer)
        count[kind] += 1
        name = f"lr-{kind.__name__}" + (f"-{count[kind] - 1}" if count[kind] > 1 else "")
        yield optimizer, _names_of_groups(name, optimizer.param_groups)


def _names_of_groups(name: str, groups: Sequence[dict[str, Any]]) -> list[str]:
    given = [group.get("name") for group in groups]
    if len(groups) == 1:
        return [f"{name}/{given[0]}" if given[0] else name]
    numbered = [f"pg{index}" for index in range(1, len(groups) + 1)]
    labels = [str(label or number) for label, number in zip(given, numbered, strict=True)]
    return [f"{name}/{label}" for label in (labels if len(set(labels)) == len(labels) else numbered)]


def _rate(group: dict[str, Any]) -> Any:
    """Return the rate of a group as it is now. Schedulers change one that is a tensor in place."""
    rate = group.get("lr", math.nan)
    if rate.__class__ is not float and isinstance(rate, torch.Tensor):
        rate = rate.detach().clone()
    return rate
