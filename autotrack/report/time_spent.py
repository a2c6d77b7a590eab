"""Where the time of a run went, as far as it was measured: epochs, validation, waiting for data, checkpoints, fits."""

from typing import Any

from autotrack.journal.records import number
from autotrack.journal.summary import Summary

_SPLIT = "split"


def time_spent(summary: Summary) -> dict[str, Any] | None:
    """Return the `parts` of the time, as names and seconds, and its `total`; None where nothing was measured.

    Time that workers spend side by side counts for each of them, which a `note` says.
    """
    ways = (_of_epochs(summary), _of_search(summary), _of_fits(summary))
    measured_parts = ([(name, seconds) for name, seconds in parts if seconds > 0] for parts in ways)
    parts = next(filter(None, measured_parts), None)
    if parts is None:
        return None
    measured, whole = sum(seconds for _, seconds in parts), summary.duration_seconds or 0.0
    rest = whole - measured
    if rest > 0:
        parts.append(("everything else", rest))
    note = "workers side by side: their time adds up to more than the run took" if rest < -0.05 * measured else ""
    found = [[name, round(seconds, 3)] for name, seconds in parts]
    return {"parts": found, "total": round(max(whole, measured), 3), "note": note}


def _of_epochs(summary: Summary) -> list[tuple[str, float]]:
    total = validation = later = waiting = saving = 0.0
    for epoch in summary.epochs:
        seconds = _seconds(epoch, "epoch_seconds")
        total += seconds
        validation += _seconds(epoch, "validation_seconds")
        later += _seconds(epoch, "evaluation_seconds")  # after the epoch, not in it
        waiting += _seconds(epoch, "data_wait_percent") / 100 * seconds
        saving += _seconds(epoch, "checkpoint_seconds")
    if not total:
        return []
    outside = (summary.duration_seconds or 0.0) - total  # most checkpoints are written between epochs
    return [
        ("training", total - validation - waiting - max(saving - max(outside, 0.0), 0.0)),
        ("validation", validation + later),
        ("waiting for data", waiting),
        ("saving checkpoints", saving),
    ]


def _of_search(summary: Summary) -> list[tuple[str, float]]:
    fitting = scoring = 0.0
    for trial in summary.trials:
        splits = sum(name.startswith(_SPLIT) and name.endswith("_test_score") for name in trial.values) or 1
        fitting += splits * _seconds(trial.values, "mean_fit_time", "fit_time")
        scoring += splits * _seconds(trial.values, "mean_score_time", "score_time")
    refit = summary.metrics.get("refit_seconds")
    return [
        ("fitting", fitting),
        ("scoring", scoring),
        ("fitting the best once more", float(number(refit.last.value)) if refit else 0.0),
    ]


def _of_fits(summary: Summary) -> list[tuple[str, float]]:
    named = [(name, metric) for name, metric in summary.metrics.items() if name.rpartition("/")[2] == "fit_seconds"]
    return [(f"fit {name.rpartition('/')[0]}".rstrip(), float(number(metric.last.value))) for name, metric in named]


def _seconds(values: dict[str, Any], *names: str) -> float:
    """Return the first of these values that there is; 0 for what is no number."""
    value = next((values[name] for name in names if name in values), 0.0)
    seconds = float(number(value)) if isinstance(value, (int, float)) else 0.0
    return seconds if 0 <= seconds < float("inf") else 0.0
