"""How a run compares with earlier ones of its kind: in one line, and by rank."""

import msgspec

from autotrack.journal.judging import judged_by
from autotrack.journal.records import Number, number
from autotrack.journal.summary import Summary

Rivals = dict[str, list[tuple[str, Number]]]
"""By metric, the names of earlier runs, and their best values."""


class Comparison(msgspec.Struct, frozen=True):
    """What is said of a run beside earlier ones of its kind.

    Attributes:
        since: How it differs from the last one and the best one, in one line; nothing if there is none.
        rivals: What it is ranked among.
        by_metric: What `since` is for each metric that the best one is chosen by.
        to_repeat: What would be missing to repeat the run, in a few words; nothing if nothing is.
    """

    since: str = ""
    rivals: Rivals = {}
    by_metric: dict[str, str] = {}
    to_repeat: str = ""

    def of(self, summary: Summary) -> "tuple[str, Standing | None]":
        """Return how a run differs and how it ranks, both by the metric that it is judged by."""
        metric = judged_by(summary)
        if metric in self.by_metric or not self.by_metric:
            return self.by_metric.get(metric or "", self.since), standing_of(summary, self.rivals)
        return self.since, None


class Standing(msgspec.Struct, frozen=True):
    """The rank of a run among `count` runs by its best `value` of a metric, and the best of the others."""

    metric: str
    value: Number
    rank: int
    count: int
    best_name: str
    best_value: Number


def standing_of(summary: Summary, rivals: Rivals) -> Standing | None:
    """Return how a run ranks by the metric that it is judged by; None if no other run has that metric.

    Runs with the same value have the same rank.
    """
    metric = judged_by(summary) or ""
    others = rivals.get(metric)
    best = summary.metrics[metric].best if others else None
    if not others or best is None:
        return None
    sign = -1 if summary.metrics[metric].better == "max" else 1
    name, value = min(others, key=lambda other: sign * number(other[1]))
    better = sum(sign * number(other) < sign * number(best.value) for _, other in others)
    return Standing(metric, best.value, better + 1, len(others) + 1, name, value)
