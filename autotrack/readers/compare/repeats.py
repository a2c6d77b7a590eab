"""Repeats of one configuration: runs that differ in nothing but their seeds, and how far apart seeds set a metric."""

import math
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autotrack.format import short
from autotrack.journal.params import is_seed
from autotrack.journal.records import number

Card = dict[str, Any]
"""What an index knows of a run: see `card_of`."""

_FEWEST = 3
"""With fewer repeats there is no telling how far apart they may lie."""


@dataclass(frozen=True)
class Spread:
    """What seeds make of a metric, over repeats of one configuration, beside the difference between two runs.

    Attributes:
        repeats: How many repeats there are.
        mean: Their mean.
        deviation: The standard deviation of one, estimated from all repeats.
        difference: How far the two runs lie apart, or both means, if there are repeats of the other one as well.
        others: How many repeats of the other configuration there are; 0 where they are too few to tell.
        mean_of_others: Their mean.
    """

    repeats: int
    mean: float
    deviation: float
    difference: float
    others: int = 0
    mean_of_others: float = 0.0

    @property
    def is_within_noise(self) -> bool:
        """Whether what is compared lies no farther apart than seeds alone may set it."""
        return self.repeats >= _FEWEST and abs(self.difference) <= self.reach

    @property
    def reach(self) -> float:
        """How far apart two single values may lie, or two means: 95 % of such differences do not lie farther."""
        if not self.others:
            return _student(self.repeats - 1) * math.sqrt(2) * self.deviation
        together = 1 / self.repeats + 1 / self.others
        return _student(self.repeats + self.others - 2) * math.sqrt(together) * self.deviation

    @property
    def evidence(self) -> str:
        """Why a difference within it is called noise."""
        if self.others:
            return "the means of the repeats of both lie no farther apart than chance may set them"
        return "repeats of one configuration differ as much"

    def __str__(self) -> str:
        beside = f", and {short(self.mean_of_others)} over {self.others}" if self.others else ""
        return f"{short(self.mean)} ± {short(self.deviation)} over {self.repeats} repeats{beside}"


def _student(free: int) -> float:
    """Return Student's t for 95 %, with so many degrees of freedom, to 3 %: the fewer repeats, the less they tell.

    >>> [round(_student(free), 1) for free in (2, 4, 10, 1000)]
    [4.2, 2.8, 2.2, 2.0]
    """
    return 1.96 + 2.37 / free + 2.82 / free**2 + 2.55 / free**3  # Fisher and Cornish, 1960


def spread_of(metric: str, now: Card, before: Card, others: Iterable[Card]) -> Spread | None:
    """Return how far apart repeats of these two runs lie; None if there are too few of either.

    `others` are runs among which repeats are looked for; the two may be among them. If there are enough repeats of
    both, their means are compared, which tells more than two single runs.
    """
    values = _value(metric, now), _value(metric, before)
    if values[0] is None or values[1] is None:
        return None
    wanted = now["configuration"], before["configuration"]
    groups = _groups(metric, wanted, (now, before, *others))
    new, old = (groups.get(configuration, []) for configuration in wanted)
    if wanted[0] != wanted[1] and min(len(new), len(old)) >= _FEWEST:
        variances = ((len(one) - 1) * statistics.variance(one) for one in (new, old))
        deviation = math.sqrt(sum(variances) / (len(new) + len(old) - 2))
        means = statistics.fmean(new), statistics.fmean(old)
        return Spread(len(old), means[1], deviation, means[0] - means[1], len(new), means[0])
    return _of_one(max(groups.values(), key=len, default=[]), values[0] - values[1])


def spread_among(metric: str, configurations: Collection[str], cards: Iterable[Card]) -> Spread | None:
    """Return how far apart repeats of one of these configurations lie, with the most; None if they are few."""
    return _of_one(max(_groups(metric, configurations, cards).values(), key=len, default=[]), 0.0)


def _of_one(values: Sequence[float], difference: float) -> Spread | None:
    if len(values) < _FEWEST:
        return None
    return Spread(len(values), statistics.fmean(values), statistics.stdev(values), difference)


def _groups(metric: str, configurations: Collection[str], cards: Iterable[Card]) -> dict[str, list[float]]:
    """Return the values of the repeats of each configuration, of those with the same data the most."""
    found: dict[str, dict[str, Card]] = {}
    for card in cards:
        if card["configuration"] in configurations and _value(metric, card) is not None:
            found.setdefault(card["configuration"], {})[card["id"]] = card
    largest = {name: max(_with_equal_data(runs.values()), key=len) for name, runs in found.items()}
    return {name: [value for run in runs if (value := _value(metric, run)) is not None]
            for name, runs in largest.items()}  # fmt: skip


def _with_equal_data(runs: Iterable[Card]) -> list[list[Card]]:
    """Return groups of runs with the same data: with the same values, or with values that go by the seed."""
    chosen = list(runs)
    of_seed: dict[str, set[str]] = {}
    groups: dict[str, list[Card]] = {}
    for run in chosen:
        seed = repr(sorted((name, value) for name, value in run["params"].items() if is_seed(name)))
        of_seed.setdefault(seed, set()).add(run["data"])
        groups.setdefault(run["data"], []).append(run)
    goes_by_seed = len(of_seed) == len(groups) and all(len(found) == 1 for found in of_seed.values())
    return [chosen] if goes_by_seed else list(groups.values())


def _value(metric: str, card: Card) -> float | None:
    recorded = card["best"].get(metric, card["last"].get(metric))
    if recorded is None:
        return None
    value = float(number(recorded))
    return value if value == value else None  # noqa: PLR0124  NaN compares with nothing
