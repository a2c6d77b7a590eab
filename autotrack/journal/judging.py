"""Which metric a run is judged by: in its last line, in lists, among other runs, and on TensorBoard's page."""

import re
from collections.abc import Iterator
from typing import Any

from autotrack.journal.directions import Direction, monitored, split_direction
from autotrack.journal.records import number
from autotrack.journal.summary import MetricSummary, Summary

_TELLS_NO_QUALITY = re.compile(r"(^|[_/.])(seconds|time|samples_per_second)(/|$)|_step$")
"""Durations, the speed and the loss of one batch have a direction, but a run is not good or bad by them."""


_OF_TRAINING = re.compile(r"(^|[^a-z])train(ing)?([^a-z]|$)", re.IGNORECASE)
"""A metric that was printed has no stage but that in its name."""


def watched(summary: Summary) -> dict[str, Direction]:
    """Return the metrics that a run was told to watch, with their directions, the most important first.

    First comes the setting `metric`, then what a search goes by, then what callbacks monitor.
    """
    found: dict[str, Direction] = {}
    if summary.metric:
        name, direction = split_direction(summary.metric)
        direction = direction if name != summary.metric.strip() else summary.metric_directions.get(name, direction)
        if direction:
            found[name] = direction
    return {**found, **_of_search(summary), **monitored(summary.params_by_source.get("callbacks", {}))}


def judged_by(summary: Summary, *, wanted: str = "") -> str | None:
    """Return the metric that a run is judged by; None for a run that has none with a known direction.

    It is the first of these that the run has: the metric that is `wanted`, those that it was told to watch, the one
    its best checkpoint was kept for, and the first of the others, evaluation before training.
    """
    return next(iter(main_metrics(summary, wanted=wanted)), None)


def main_metrics(summary: Summary, *, wanted: str = "") -> list[str]:
    """Return the most important metrics: the one that the run is judged by, then the others, evaluation first.

    Of these, what was logged comes before what was only printed.
    """
    metrics = summary.metrics
    rest = [name for name, metric in metrics.items() if metric.better and not _TELLS_NO_QUALITY.search(name)]
    first = [name for name in (split_direction(wanted)[0], *watched(summary), *_kept_for(summary)) if name in metrics]
    rest.sort(key=lambda name: (_is_of_training(name, metrics[name]), metrics[name].source is not None, name))
    return list(dict.fromkeys([*(name for name in first if metrics[name].better), *rest]))


def value_of(metric: MetricSummary, direction: Direction | None = None) -> float:
    """Return the value that a metric is compared by: the best one, or the last one if no value is better than another.

    `direction` tells which way it gets better, for somebody who knows that better than the run did.
    """
    best = {None: metric.best, "min": metric.min, "max": metric.max}[direction]
    return number((best or metric.last).value)


def _is_of_training(name: str, metric: MetricSummary) -> bool:
    return metric.last.stage == "train" or _OF_TRAINING.search(name) is not None


def _of_search(summary: Summary) -> dict[str, Direction]:
    """Return the score of the best candidate, and which way it gets better: scikit-learn's scorers always rise."""
    if not summary.trials:
        return {}
    told: Any = summary.params_by_source.get("search", {}).get("direction")
    return {"best_score": told if told in ("min", "max") else "max"}


def _kept_for(summary: Summary) -> Iterator[str]:
    """Yield the metrics that checkpoints were found to be the best by."""
    for artifact in summary.artifacts:
        if "best" in artifact.roles:
            yield from artifact.metrics
