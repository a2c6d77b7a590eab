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
from autotrack.readers.usage import Usage

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

    Seeds are not part of it, and neither are folders that are written to. Of code and packages, only what the training
    has used counts, if that was recorded. The values of data are not part of it, because they may be split by a seed.
    """
    params = {
        name: value
        for name, value in summary.params.items()
        if not (is_seed(name) or is_place(name) or varies_by_itself(name, value))
    }
    data = sorted([data.role, data.name or "", str(data.rows), str(data.shape)] for data in summary.datasets)
    parts: list[Any] = [summary.experiment, params, *_code_of(summary), data, summary.frameworks]
    return msgspec.json.encode(parts, order="deterministic")


def _code_of(summary: Summary) -> list[Any]:
    usage = Usage(summary)
    if usage.is_known:
        versions = summary.environment.get("packages", {}).get("versions", {})
        packages = {name: versions.get(name) for name in usage.packages}
        return [usage.modules, usage.files, usage.variables, packages]
    git = summary.environment.get("git", {})
    code = [git.get(name) for name in ("commit", "patch_sha256", "untracked_code_sha256")]
    return [code, summary.environment.get("source", {}).get("files", {}), summary.entry_point]


def spread_of(metric: str, now: Summary, before: Summary, others: Iterable[Summary]) -> Spread | None:
    """Return how far apart repeats of these two runs lie; None if there are too few of either.

    `others` are runs among which repeats are looked for; the two may be among them.
    """
    difference = _value(metric, now), _value(metric, before)
    if None in difference:
        return None
    wanted = {configuration_of(now), configuration_of(before)}
    groups: dict[Configuration, dict[str, Summary]] = {}
    for summary in (now, before, *others):
        if _value(metric, summary) is not None and (configuration := configuration_of(summary)) in wanted:
            groups.setdefault(configuration, {})[summary.id] = summary
    largest = max((group for runs in groups.values() for group in _with_equal_data(runs.values())), key=len)
    if len(largest) < _FEWEST:
        return None
    values: Sequence[float] = [value for run in largest if (value := _value(metric, run)) is not None]
    apart = (difference[0] or 0.0) - (difference[1] or 0.0)
    return Spread(len(values), statistics.fmean(values), statistics.stdev(values), apart)


def _with_equal_data(runs: Iterable[Summary]) -> list[list[Summary]]:
    """Return groups of runs with the same data: with the same values, or with values that go by the seed."""
    chosen = list(runs)
    of_seed: dict[str, set[str]] = {}
    groups: dict[str, list[Summary]] = {}
    for run in chosen:
        data = repr(sorted([data.role, data.name or "", data.fingerprint or ""] for data in run.datasets))
        seed = repr(sorted((name, value) for name, value in run.params.items() if is_seed(name)))
        of_seed.setdefault(seed, set()).add(data)
        groups.setdefault(data, []).append(run)
    goes_by_seed = len(of_seed) == len(groups) and all(len(found) == 1 for found in of_seed.values())
    return [chosen] if goes_by_seed else list(groups.values())


def _value(metric: str, summary: Summary) -> float | None:
    recorded = summary.metrics.get(metric)
    if recorded is None:
        return None
    value = value_of(recorded)
    return value if value == value else None  # noqa: PLR0124  NaN compares with nothing
