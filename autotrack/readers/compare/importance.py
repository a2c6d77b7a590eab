"""How well each param explains a metric across many runs, by simple statistics and no more than the runs bear out.

The metric is ranked, so that one run that diverged does not decide. What a param explains is the share of the variance
of these ranks, corrected for how many values there are (Wherry, 1931), so that chance alone comes to zero on average.
Of twenty params, one will explain much by chance, though. So the metric is shuffled a few hundred times, and it is
counted how often the best of all params explains as much then (Westfall and Young, 1993): that is how likely it is
that a share means nothing.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from autotrack.journal.records import number

FEWEST_RUNS = 10
_MOST_SHUFFLES, _FEWEST_SHUFFLES = 300, 60
MOST_RUNS = 500
"""Of more runs, so many are studied, at equal distances: they tell as much, and the time does not grow any more."""

_MOST_PARAMS = 100
_MOST_TOLD_TOGETHER = 20
_SHUFFLED_VALUES = 5_000_000
_THIN = 0.05
_MOST_SHARE_OF_VALUES, _MOST_GROUPS = 0.5, 20
_TOGETHER = 0.9

_Fit = list[list[float]]
"""What a metric is fitted with: vectors that are orthogonal, of length one, and sum to zero."""


@dataclass(frozen=True)
class Importance:
    """How well a param explains a metric.

    Attributes:
        param: Its name.
        share: The share of the variance, corrected for how many runs and values there are.
        runs: How many runs have it.
        values: How many different values it has.
        chance: How often the best of all params explains as much of shuffled values.
        together: Params that change along with this one, so that these runs cannot tell them apart.
    """

    param: str
    share: float
    runs: int
    values: int
    chance: float
    together: tuple[str, ...] = ()

    @property
    def is_thin(self) -> bool:
        """Whether the evidence is thin: chance alone would do it too often."""
        return self.chance > _THIN


def importance(params: Mapping[str, Sequence[Any]], metric: Sequence[float]) -> list[Importance]:
    """Return the params that explain a metric, the best first; none for fewer than ten runs.

    `params` has a value of each param for each run, None where it is missing. A number may explain the metric along a
    line or a bow, as a learning rate does that is best in the middle; other values by their groups.

    Of more than five hundred runs, some are studied, and of more than a hundred params the first that differ. So the
    params that matter are to come first; to choose them by how much they explain would make chance look like a cause.

    >>> losses = [abs(n - 5) + 0.01 * n for n in range(12)]
    >>> found = importance({"lr": list(range(12)), "same": [1] * 12}, losses)
    >>> [(one.param, one.is_thin) for one in found]
    [('lr', False)]
    """
    if len(metric) < FEWEST_RUNS:
        return []
    places = _chosen(len(metric))
    chosen = [metric[place] for place in places]
    fitting = (_Study(name, [values[place] for place in places], chosen) for name, values in params.items())
    studies = list(islice((study for study in fitting if study.fits), _MOST_PARAMS))
    found = [(share, study) for study in studies if (share := study.share(study.ranks)) > 0]
    found.sort(key=lambda item: -item[0])
    by_chance = _best_by_chance(studies)
    return [
        Importance(
            study.name,
            share,
            len(study.ranks),
            study.kinds,
            sum(best >= share for best in by_chance) / len(by_chance),
            _together(study, studies) if rank < _MOST_TOLD_TOGETHER else (),
        )
        for rank, (share, study) in enumerate(found)
    ]


def _chosen(count: int) -> list[int]:
    """Return the places of the runs that are studied: all of them, or some at equal distances."""
    return list(range(count)) if count <= MOST_RUNS else [place * count // MOST_RUNS for place in range(MOST_RUNS)]


def _together(study: "_Study", studies: Sequence["_Study"]) -> tuple[str, ...]:
    return tuple(other.name for other in studies if other is not study and _go_together(study, other))


class _Study:
    """One param, and the ranks of the metric for the runs that have it."""

    def __init__(self, name: str, values: Sequence[Any], metric: Sequence[float]) -> None:
        having = [place for place, value in enumerate(values) if value is not None]
        chosen = [values[place] for place in having]
        self.name, self.having = name, having
        self.kinds = len({repr(value) for value in chosen})
        tells = self.kinds > 1 and len(having) >= FEWEST_RUNS
        self.ranks = _unit(_ranks([metric[place] for place in having])) if tells else []
        self.fits = self._fits(chosen) if tells else []

    def _fits(self, values: list[Any]) -> list[_Fit]:
        fits = []
        if _are_numbers(values):
            line = _unit(_ranks([number(value) for value in values]))
            bow = _unit(_without(_centered([rank * rank for rank in line]), [line]))
            fits = [[line], [line, bow]] if self.kinds > 2 else [[line]]
        few = self.kinds <= min(
            _MOST_SHARE_OF_VALUES * len(values), _MOST_GROUPS
        )  # nearly a value for each run explains anything
        if few and not (fits and self.kinds > len(values) // 4):
            fits.append(_of_groups([repr(value) for value in values]))
        return fits

    def share(self, ranks: Sequence[float]) -> float:
        """Return what the param explains of these ranks, by the fit that is best after the correction."""
        along: dict[int, float] = {}
        for vector in (vector for fit in self.fits for vector in fit):
            if id(vector) not in along:  # a line is part of several fits
                along[id(vector)] = _dot(vector, ranks) ** 2
        shares = (sum(along[id(vector)] for vector in fit) for fit in self.fits)
        sizes = map(len, self.fits)
        return max(
            (_corrected(share, len(ranks), size) for share, size in zip(shares, sizes, strict=True)), default=0.0
        )


def _best_by_chance(studies: Sequence[_Study]) -> list[float]:
    """Return, for each time that the metric is shuffled, what the best param explains of it."""
    dice = random.Random(0)  # noqa: S311  statistics, and the same ones each time
    shuffled: dict[int, list[float]] = {}
    best = []
    work = sum(len(fit) * len(study.ranks) for study in studies for fit in study.fits) + 1
    for _ in range(max(_FEWEST_SHUFFLES, min(_MOST_SHUFFLES, _SHUFFLED_VALUES // work))):
        shuffled.clear()
        most = 0.0
        for study in studies:
            ranks = shuffled.get(len(study.ranks))
            if ranks is None:
                ranks = shuffled[len(study.ranks)] = dice.sample(study.ranks, len(study.ranks))
            most = max(most, study.share(ranks))
        best.append(most)
    return best


def _go_together(one: _Study, other: _Study) -> bool:
    """Return whether two params of the same runs say nearly the same of them."""
    if one.having != other.having:
        return False
    return all(
        all(_explained(fit, vector) >= _TOGETHER for vector in vectors)
        for fit, vectors in ((one.fits[-1], other.fits[0]), (other.fits[-1], one.fits[0]))
    )


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(number(value))
        for value in values
    )


def _of_groups(values: Sequence[str]) -> _Fit:
    """Return vectors of which each tells one group from the others."""
    fit: _Fit = []
    for kind in list(dict.fromkeys(values))[1:]:
        vector = _without(_centered([float(value == kind) for value in values]), fit)
        fit.append(_unit(vector))
    return fit


def _explained(fit: _Fit, ranks: Sequence[float]) -> float:
    """Return the share of the variance that a fit explains."""
    return sum(_dot(vector, ranks) ** 2 for vector in fit)


def _corrected(share: float, runs: int, predictors: int) -> float:
    free = runs - predictors - 1
    return max(1 - (1 - share) * (runs - 1) / free, 0.0) if free > 0 else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks around zero; equal values have the mean of theirs."""
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
    return _centered(ranks)


def _centered(values: Sequence[float]) -> list[float]:
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(_dot(vector, vector))
    return [value / length for value in vector] if length > 1e-9 else [0.0] * len(vector)


def _without(vector: list[float], others: _Fit) -> list[float]:
    """Return a vector without what lies in the direction of others."""
    for other in others:
        along = _dot(vector, other)
        vector = [value - along * part for value, part in zip(vector, other, strict=True)]
    return vector


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(map(float.__mul__, one, other))
