"""How well each param explains a metric across many runs, by simple statistics and no more than the runs bear out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from autotrack.journal.records import number

_FEWEST_RUNS = 10
_MOST_SHARE_OF_VALUES = 0.5


@dataclass(frozen=True)
class Importance:
    """How well a param explains a metric: the share of its variance, corrected for how many runs there are."""

    param: str
    share: float
    runs: int
    values: int


def importance(params: Mapping[str, Sequence[Any]], metric: Sequence[float]) -> list[Importance]:
    """Return the params that explain a metric, the best first; none for fewer than ten runs.

    `params` has a value of each param for each run, None where it is missing. Numbers are ranked, and the share is the
    square of Spearman's correlation; of other values it is the share of the variance between their groups. Both are
    corrected as the coefficient of determination is (Wherry, 1931), so that chance alone comes to zero.

    >>> losses = [abs(n - 3) + 0.0 for n in range(12)]
    >>> [one.param for one in importance({"lr": list(range(12)), "same": [1] * 12}, losses)]
    ['lr']
    """
    if len(metric) < _FEWEST_RUNS:
        return []
    found = [one for name, values in params.items() if (one := _of(name, values, metric)) is not None]
    return sorted((one for one in found if one.share > 0), key=lambda one: -one.share)


def _of(name: str, values: Sequence[Any], metric: Sequence[float]) -> Importance | None:
    pairs = [(value, result) for value, result in zip(values, metric, strict=True) if value is not None]
    kinds = {repr(value) for value, _ in pairs}
    if len(kinds) < 2 or len(pairs) < _FEWEST_RUNS:
        return None
    numbers = [result for _, result in pairs]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value, _ in pairs):
        raw = _correlation(_ranks([float(number(value)) for value, _ in pairs]), _ranks(numbers)) ** 2
        predictors = 1
    elif len(kinds) > _MOST_SHARE_OF_VALUES * len(pairs):  # nearly a value for each run explains anything
        return None
    else:
        raw, predictors = _between_groups([repr(value) for value, _ in pairs], numbers), len(kinds) - 1
    free = len(pairs) - predictors - 1
    share = 1 - (1 - raw) * (len(pairs) - 1) / free if free > 0 else 0.0
    return Importance(name, max(share, 0.0), len(pairs), len(kinds))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks; equal values have the mean of theirs."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    ranks = [0.0] * len(values)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for place in range(begin, end):
            ranks[order[place]] = (begin + end - 1) / 2
        begin = end
    return ranks


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    mean_one, mean_other = fmean(one), fmean(other)
    both = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other)
    return float(both / spread**0.5) if spread > 0 else 0.0


def _between_groups(groups: Sequence[str], numbers: Sequence[float]) -> float:
    """Return the share of the variance that lies between groups."""
    mean = fmean(numbers)
    members: dict[str, list[float]] = {}
    for group, result in zip(groups, numbers, strict=True):
        members.setdefault(group, []).append(result)
    total = sum((result - mean) ** 2 for result in numbers)
    between = sum(len(values) * (fmean(values) - mean) ** 2 for values in members.values())
    return between / total if total > 0 else 0.0
