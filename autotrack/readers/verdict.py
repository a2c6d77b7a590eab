"""What there is to say of a run first: how it ended and why."""

from autotrack.format import first_line, human_seconds
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers.lists.listing import shown
from autotrack.readers.recorded_run import RecordedRun

_OLD_REASON = "early_stopping"
OLD_TAGS = frozenset({_OLD_REASON, "stopped_epoch", "terminated_on_nan"})
"""Tags in which older versions have recorded why a training stopped."""


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


def best_value(run: RecordedRun, metric: str) -> str:
    """Return the best value of a metric as text."""
    card = run.card()
    value = card["best"].get(metric, card["last"].get(metric))
    return "" if value is None else shown(number(value))
