"""Repeats of one configuration: runs that differ in nothing but their seeds, and how far apart seeds set a metric."""

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
        return self.repeats >= _FEWEST and abs(self.difference) <= self.reach

    @property
    def reach(self) -> float:
        """How far apart two values of repeats may lie."""
        return _STANDARD_DEVIATIONS * 2**0.5 * self.deviation

    def __str__(self) -> str:
        return f"{short(self.mean)} ± {short(self.deviation)} over {self.repeats} repeats"


def spread_of(metric: str, now: Card, before: Card, others: Iterable[Card]) -> Spread | None:
    """Return how far apart repeats of these two runs lie; None if there are too few of either.

    `others` are runs among which repeats are looked for; the two may be among them.
    """
    difference = _value(metric, now), _value(metric, before)
    if None in difference:
        return None
    apart = (difference[0] or 0.0) - (difference[1] or 0.0)
    wanted = now["configuration"], before["configuration"]
    return spread_among(metric, wanted, (now, before, *others), difference=apart)


def spread_among(
    metric: str, configurations: Collection[str], cards: Iterable[Card], *, difference: float = 0.0
) -> Spread | None:
    """Return how far apart repeats of one of these configurations lie, with the most; None if they are few."""
    groups: dict[str, dict[str, Card]] = {}
    for card in cards:
        if card["configuration"] in configurations and _value(metric, card) is not None:
            groups.setdefault(card["configuration"], {})[card["id"]] = card
    alike = (group for runs in groups.values() for group in _with_equal_data(runs.values()))
    largest = max(alike, key=len, default=[])
    if len(largest) < _FEWEST:
        return None
    values: Sequence[float] = [value for run in largest if (value := _value(metric, run)) is not None]
    return Spread(len(values), statistics.fmean(values), statistics.stdev(values), difference)


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
