"""Groups of runs: what a metric comes to in each of them, its mean and its spread."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autotrack.journal.directions import Direction
from autotrack.journal.params import is_seed
from autotrack.journal.records import number
from autotrack.readers.lists.listing import Column, differing_params
from autotrack.readers.recorded_run import RecordedRun

CONFIGURATION = "configuration"
"""The name of the groups of runs that repeat each other, with other seeds or none."""


@dataclass(frozen=True)
class Group:
    """Some runs that have something in common.

    Attributes:
        key: What they have in common, by name.
        runs: The runs.
        values: The values of the metric, those that are numbers.
        best: The run with the best value; None if none has one, or nobody knows which way it gets better.
    """

    key: dict[str, Any]
    runs: Sequence[RecordedRun]
    values: Sequence[float]
    best: RecordedRun | None

    @property
    def mean(self) -> float | None:
        """The mean of the values."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the values, as a sample of more; None for fewer than two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


def groups_of(runs: Sequence[RecordedRun], keys: Sequence[Column], metric: Column | None) -> list[Group]:
    """Return the groups of runs for which `keys` are the same; without keys, of those that repeat each other.

    The group with the best mean of `metric` is the first.
    """
    groups: dict[Any, list[RecordedRun]] = {}
    if keys:
        for run in runs:
            groups.setdefault(tuple(repr(column.read(run)) for column in keys), []).append(run)
        found = [({column.title: column.read(members[0]) for column in keys}, members) for members in groups.values()]
    else:
        for run in runs:
            groups.setdefault(run.card()["configuration"], []).append(run)
        repeats = list(groups.values())
        names = [name for name in differing_params([members[0].card() for members in repeats]) if not is_seed(name)]
        found = [({name: members[0].card()["params"].get(name) for name in names}, members) for members in repeats]
    made = [_group(key, members, metric) for key, members in found]
    sign = -1 if metric is not None and metric.direction == "max" else 1
    return sorted(made, key=lambda group: math.inf if group.mean is None else sign * group.mean)


def _group(key: dict[str, Any], runs: Sequence[RecordedRun], metric: Column | None) -> Group:
    valued = [(metric.read(run), run) for run in runs] if metric is not None else []
    numbers = [(float(number(value)), run) for value, run in valued if isinstance(value, (int, float))]
    finite = [(value, run) for value, run in numbers if math.isfinite(value)]
    choose = {"min": min, "max": max}.get(metric.direction or "") if metric is not None else None
    best = choose(finite, key=lambda item: item[0])[1] if finite and choose else None
    return Group(key, runs, [value for value, _ in finite], best)


def direction_words(direction: Direction | None) -> str:
    """Return in words which way a metric gets better."""
    return {"min": "lower is better", "max": "higher is better"}.get(direction or "", "")
