"""What there is to say of a run first: how it ended and why, and how it ranks among the runs of its experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autotrack.format import first_line, human_seconds, ordinal
from autotrack.journal.directions import Direction
from autotrack.journal.judging import judged_by
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers.listing import shown
from autotrack.readers.recorded_run import RecordedRun

_OLD_REASON = "early_stopping"
OLD_TAGS = frozenset({_OLD_REASON, "stopped_epoch", "terminated_on_nan"})
"""Tags in which older versions have recorded why a training stopped."""


@dataclass(frozen=True)
class Rank:
    """The place of a run among `count` of its experiment, by its best value of a metric.

    Attributes:
        best: The best of the others.
        is_shared: Whether others have the same value.
    """

    metric: str
    direction: Direction
    place: int
    count: int
    best: RecordedRun | None
    is_shared: bool

    def __str__(self) -> str:
        if self.count == 1:
            return ""
        tied = ", as others are," if self.is_shared else ""
        return f"{ordinal(self.place)} of {self.count}{tied} by {self.metric}"


def stop_reason(summary: Summary) -> str:
    """Return why a training stopped before it was to, also of runs of older versions; empty if it did not."""
    if summary.stop_reason:
        return summary.stop_reason
    if reason := summary.tags.get(_OLD_REASON):
        epoch = summary.tags.get("stopped_epoch")
        return f"{reason.rstrip('.')} (in epoch {epoch})" if epoch else reason
    return "the loss was NaN or infinite" if "terminated_on_nan" in summary.tags else ""


def how_it_ended(summary: Summary) -> str:
    """Return in a sentence how a run ended, after what time, and why."""
    took = "" if summary.duration_seconds is None else f" after {human_seconds(summary.duration_seconds)}"
    why = first_line(summary.error) if summary.error else ""
    if why.startswith(summary.status):  # as in `killed by SIGKILL`
        return f"{why}{took}"
    said = f"{summary.status}{took}"
    if why:
        return f"{said}: {why}"
    reason = stop_reason(summary)
    return f"{said}, stopped early: {reason}" if reason else said


def rank_of(run: RecordedRun, others: Sequence[RecordedRun], *, wanted: str = "") -> Rank | None:
    """Return how a run ranks among `others`, which may include it; None if it has no metric that runs are judged by.

    Only runs that are alike count.
    """
    metric = judged_by(run.summary, wanted=wanted)
    recorded = run.summary.metrics.get(metric or "")
    if metric is None or recorded is None or recorded.best is None or recorded.better is None:
        return None
    sign = -1 if recorded.better == "max" else 1
    own = sign * number(recorded.best.value)
    rivals = []
    for other in others:
        card = other.card()
        if is_alike(card, run.card()) and card["id"] != run.id and card["directions"].get(metric) == recorded.better:
            value = number(card["best"].get(metric, "NaN"))
            if value == value:  # noqa: PLR0124  not NaN
                rivals.append((sign * value, other))
    place = 1 + (sum(value < own for value, _ in rivals) if own == own else len(rivals))  # noqa: PLR0124
    best = min(rivals, key=lambda item: item[0])[1] if rivals else None
    is_shared = any(value == own for value, _ in rivals)
    return Rank(metric, recorded.better, place, len(rivals) + 1, best, is_shared)


def is_alike(card: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two runs train the same kind of model in the same experiment, and inside the same run, if any."""
    return _kind(card) == _kind(other)


def _kind(card: dict[str, Any]) -> tuple[Any, ...]:
    subject = (card["tags"].get("estimator"), *(str(card["params"].get(name)) for name in ("model", "estimator")))
    return card["experiment"], card["parent"], sorted(card["frameworks"]), subject


def best_value(run: RecordedRun, metric: str) -> str:
    """Return the best value of a metric as text."""
    card = run.card()
    value = card["best"].get(metric, card["last"].get(metric))
    return "" if value is None else shown(number(value))
