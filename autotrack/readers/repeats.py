"""Repeats of one configuration: runs that differ in nothing but their seeds, and how far apart seeds set a metric."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from autotrack.format import short
from autotrack.journal.judging import value_of
from autotrack.journal.params import is_place, is_seed, varies_by_itself
from autotrack.journal.summary import Summary

Configuration = bytes

_FEWEST = 3
"""With fewer repeats there is no telling how far apart they may lie."""

_STANDARD_DEVIATIONS = 2.0


@dataclass(frozen=True)
class Spread:
    """What seeds make of a metric, over repeats of one configuration, beside the difference between two runs."""

    repeats: int
    mean: float
    deviation: float
    difference: float

    @property
    def is_within_noise(self) -> bool:
        """Whether the two runs lie no farther apart than two values of repeats may.

        The difference of two values has the standard deviation of one times the square root of two; 95 % of such
        differences lie within twice that.
        """
        return self.repeats >= _FEWEST and abs(self.difference) <= _STANDARD_DEVIATIONS * 2**0.5 * self.deviation

    def __str__(self) -> str:
        return f"{short(self.mean)} ± {short(self.deviation)} over {self.repeats} repeats"


def params_that_tell(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params without seeds and folders that are written to, which repeats may differ in."""
    return {
        name: value
        for name, value in params.items()
        if not (is_seed(name) or is_place(name) or varies_by_itself(name, value))
    }


def configuration_of(summary: Summary) -> Configuration:
    """Return what makes runs repeats of each other: all that was recorded of params, code, data and frameworks.

    Seeds are not part of it, and neither are folders that are written to.
    """
    params = params_that_tell(summary.params)
    git = summary.environment.get("git", {})
    code = [git.get(name) for name in ("commit", "patch_sha256", "untracked_code_sha256")]
    source = summary.environment.get("source", {}).get("files", {})
    data = sorted([data.role, data.name or "", data.fingerprint or ""] for data in summary.datasets)
    parts: list[Any] = [summary.experiment, params, code, source, data, summary.frameworks, summary.entry_point]
    return msgspec.json.encode(parts, order="deterministic")


def spread_of(metric: str, now: Summary, before: Summary, others: Iterable[Summary]) -> Spread | None:
    """Return how far apart repeats of these two runs lie; None if there are too few of either.

    `others` are runs among which repeats are looked for; the two may be among them.
    """
    difference = _value(metric, now), _value(metric, before)
    if None in difference:
        return None
    wanted = {configuration_of(now), configuration_of(before)}
    groups: dict[Configuration, dict[str, float]] = {}
    for summary in (now, before, *others):
        value, configuration = _value(metric, summary), configuration_of(summary)
        if value is not None and configuration in wanted:
            groups.setdefault(configuration, {})[summary.id] = value
    largest = max(groups.values(), key=len)
    if len(largest) < _FEWEST:
        return None
    values: Sequence[float] = list(largest.values())
    apart = (difference[0] or 0.0) - (difference[1] or 0.0)
    return Spread(len(values), statistics.fmean(values), statistics.stdev(values), apart)


def _value(metric: str, summary: Summary) -> float | None:
    recorded = summary.metrics.get(metric)
    if recorded is None:
        return None
    value = value_of(recorded)
    return value if value == value else None  # noqa: PLR0124  NaN compares with nothing
