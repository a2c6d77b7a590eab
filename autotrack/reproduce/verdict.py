"""Whether a repeated run came out the same, and if not, where it parted and why."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from autotrack.errors import QueryError
from autotrack.format import short
from autotrack.journal.records import Dataset, number
from autotrack.readers.compare.cause import Cause
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.compare.repeats import Spread, spread_of
from autotrack.readers.recorded_run import RecordedRun, fold
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.metrics import MetricDifference, metric_differences
from autotrack.reproduce.printed import is_output_same
from autotrack.reproduce.weights import WeightsDifference, weights_differences
from autotrack.version import DISTRIBUTION

Kind = Literal["identical", "same", "within_seeds", "different"]

TOLERANCE = 1e-6

_CERTAIN = {"arguments": 0.85, "code": 0.82, "data": 0.9, "packages": 0.5, "seed": 0.6, "hardware": 0.15}
"""How likely something that could not be restored is the cause; a little above what merely differs."""

_CUT_SHORT = ("interrupted", "killed")
"""How runs end that would have gone on."""


@dataclass(frozen=True)
class DataDifference:
    """One data set of two runs; `is_same` is None where it has no fingerprint that covers the same share of it."""

    name: str
    is_same: bool | None


@dataclass(frozen=True)
class Verdict:
    """What became of a repetition.

    Attributes:
        kind: `identical`: every metric at every step, bit for bit. `same`: within the tolerance. `within_seeds`: no
            farther apart than runs that differ in their seeds only. `different`.
        reason: Why, in one line.
        metrics: Each metric, those that differ most first.
        data: The data sets that both runs have.
        weights: The model files that both runs have.
        differences: What else differs, as phrases by area.
        causes: What may be why, the likeliest first; empty if the run came out the same.
    """

    kind: Kind
    reason: str
    metrics: Sequence[MetricDifference]
    data: Sequence[DataDifference]
    weights: Sequence[WeightsDifference]
    differences: dict[str, list[str]]
    causes: Sequence[Cause]

    @property
    def is_same(self) -> bool:
        """Whether the run came out the same, bit for bit or within the tolerance."""
        return self.kind in ("identical", "same")

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "verdict": self.kind,
            "reason": self.reason,
            "causes": [cause.as_dict() for cause in self.causes],
            "differences": {
                **self.differences,
                "metrics": [one.as_dict() for one in self.metrics if not one.is_identical],
                "datasets": [one.name for one in self.data if one.is_same is False],
                "weights": [one.path for one in self.weights if one.is_same is False],
            },
            "compared": {
                "metrics": len(self.metrics),
                "points": sum(one.points for one in self.metrics),
                "datasets": [one.name for one in self.data if one.is_same is not None],
                "weights": [one.path for one in self.weights if one.is_same is not None],
            },
        }


def verdict_of(
    original: RecordedRun,
    repeated: RecordedRun,
    *,
    tolerance: float = TOLERANCE,
    missing: Iterable[Missing] = (),
    others: Sequence[RecordedRun] = (),
) -> Verdict:
    """Compare a repeated run with its original.

    Args:
        original: The run that was there before.
        repeated: The run that repeats it.
        tolerance: How far apart two values may be, absolutely or in proportion to them, to be the same.
        missing: What could not be restored.
        others: Runs among which repeats are looked for that tell what seeds make of a metric.
    """
    is_cut_short = original.summary.status in _CUT_SHORT
    metrics = metric_differences(
        fold(original.folder), fold(repeated.folder), tolerance=tolerance, is_cut_short=is_cut_short
    )
    data = _data(original.summary.datasets, repeated.summary.datasets)
    weights = weights_differences((original.folder, original.summary), (repeated.folder, repeated.summary))
    if is_cut_short:
        weights = [one._replace(is_same=one.is_same or None) for one in weights]  # the others were trained for longer
    others = [run for run in others if run.reproduces is None]  # repetitions tell nothing of other seeds
    comparison = _comparison(original, repeated, metrics, others)
    failed = _failed(original, repeated)
    ended = failed or _recovered(original, repeated)
    kind, reason = _judge(original, repeated, metrics, data, weights, tolerance, comparison.metric)
    if ended:
        kind, reason = "different", ended
    if is_cut_short and kind in ("identical", "same"):
        reason += f", as far as the original came, which was {original.summary.status}"
    spread = _spread(comparison, others) if kind == "different" and not ended else None
    if spread is not None and spread.is_within_noise and all(one.repeated_points for one in metrics):
        kind, reason = "within_seeds", _within(comparison.metric, metrics, spread)
    is_alike = kind in ("identical", "same")
    return Verdict(
        kind=kind,
        reason=reason,
        metrics=metrics,
        data=data,
        weights=weights,
        differences=_without_own(comparison.differences),
        causes=() if is_alike else _causes(comparison, tuple(missing), failed),
    )


def _judge(
    original: RecordedRun,
    repeated: RecordedRun,
    metrics: Sequence[MetricDifference],
    data: Sequence[DataDifference],
    weights: Sequence[WeightsDifference],
    tolerance: float,
    metric: str | None,
) -> tuple[Kind, str]:
    if not metrics and not any(one.is_same is not None for one in weights):
        return _judge_output(original, repeated)
    parted = [one for one in metrics if not one.is_same]
    if parted:
        return "different", _parted(next((one for one in parted if one.name == metric), parted[0]))
    other_data = [one.name for one in data if one.is_same is False]
    other_weights = [one.path for one in weights if one.is_same is False]
    largest = max(metrics, key=lambda one: one.relative, default=None)
    if largest is not None and not largest.is_identical:
        reason = f"within {tolerance:g}; the largest difference is {largest.largest:.2g}, in {largest.name}"
        return "same", reason
    if other_data:
        return "same", f"all metrics are, but not the values of {', '.join(other_data[:3])}"
    if other_weights and metrics:
        return "same", f"all metrics are, bit for bit, but not the weights in {', '.join(other_weights[:3])}"
    if other_weights:
        return "different", f"the weights in {', '.join(other_weights[:3])} are not the same"
    return "identical", _what_is_identical(metrics, data, weights)


def _judge_output(original: RecordedRun, repeated: RecordedRun) -> tuple[Kind, str]:
    """Compare what was printed, where there is nothing else."""
    is_same = is_output_same(original, repeated)
    if is_same is None:
        return "different", "neither metrics nor models nor output were recorded, so there is nothing to compare"
    if is_same:
        return "identical", "what was printed is; no metrics were recorded"
    return "different", "no metrics were recorded, and what was printed is not the same"


def _parted(one: MetricDifference) -> str:
    if not one.repeated_points:
        return f"{one.name} was not recorded again"
    if not one.original_points:
        return f"{one.name} was not recorded before"
    if one.parted is None:
        counts = f"{one.name} has {one.repeated_points} points instead of {one.original_points}"
        return counts if one.repeated_points != one.original_points else f"{one.name} has other steps: {one.place}"
    values = f"{short(float(number(one.parted.value)))} → {short(one.parted_repeated)}"
    return f"{one.name} parts at {one.place} ({values})"


def _what_is_identical(
    metrics: Sequence[MetricDifference], data: Sequence[DataDifference], weights: Sequence[WeightsDifference]
) -> str:
    points = sum(one.points for one in metrics)
    parts = [f"{len(metrics)} metrics at {points} points"] if metrics else []
    known = sum(one.is_same is True for one in data)
    parts += [f"{known} data sets"] if known else []
    parts += ["the weights"] if any(one.is_same for one in weights) else []
    return ", ".join(parts)


def _within(metric: str | None, metrics: Sequence[MetricDifference], spread: Spread) -> str:
    own = next((one for one in metrics if one.name == metric), None)
    values = f" {short(own.original)} → {short(own.repeated)}" if own is not None else ""
    return f"{metric}{values}; other seeds give {spread}"


def _failed(original: RecordedRun, repeated: RecordedRun) -> str:
    """Return how the repeated run ended, if it did not finish and the original did not end in this way."""
    before, now = original.summary, repeated.summary
    is_alike = now.status == before.status and _kind_of_error(original) == _kind_of_error(repeated)
    if is_alike or now.status == "finished":
        return ""
    return f"it {'was ' if now.status in _CUT_SHORT else ''}{now.status}{_error_of(repeated)}"


def _recovered(original: RecordedRun, repeated: RecordedRun) -> str:
    """Return what is to be said if the original failed by itself, and the repeated run did not."""
    is_recovered = original.summary.status == "failed" and repeated.summary.status == "finished"
    return f"it finished, and before it failed{_error_of(original)}" if is_recovered else ""


def _error_of(run: RecordedRun) -> str:
    return f": {run.summary.error.splitlines()[0]}" if run.summary.error else ""


def _kind_of_error(run: RecordedRun) -> str:
    """Return the type of the error that ended a run; what it says may name a folder or a time."""
    return (run.summary.error or "").partition(":")[0] if run.summary.status == "failed" else ""


def _data(original: Sequence[Dataset], repeated: Sequence[Dataset]) -> list[DataDifference]:
    others = {(data.role, data.name): data for data in repeated}
    found = []
    for data in original:
        other = others.get((data.role, data.name))
        if other is None:
            continue
        name = " ".join(part for part in (data.role, data.name) if part)
        is_same = None
        if data.fingerprint and other.fingerprint and data.covered == other.covered:
            is_same = data.fingerprint == other.fingerprint
        found.append(DataDifference(name, is_same))
    return found


def _comparison(
    original: RecordedRun, repeated: RecordedRun, metrics: Sequence[MetricDifference], others: Sequence[RecordedRun]
) -> RunComparison:
    """Return the comparison by the metric that the original is judged by, or else by the one that differs most."""
    comparison = RunComparison([original, repeated], others=others)
    differing = next((one.name for one in metrics if not one.is_same and one.repeated_points), None)
    if comparison.metric is None and differing is not None and "of " not in differing:
        try:
            return RunComparison([original, repeated], metric=differing, others=others)
        except QueryError:
            return comparison
    return comparison


def _spread(comparison: RunComparison, others: Sequence[RecordedRun]) -> Spread | None:
    """Return what other seeds make of the metric, and how far the repetition is apart, which is not one of them."""
    original = comparison.runs[0].card()
    values = comparison.values(comparison.metric) if comparison.metric is not None else [None]
    known = spread_of(comparison.metric or "", original, original, (run.card() for run in others))
    if known is None or values[0] is None or values[-1] is None:
        return None
    return replace(known, difference=values[-1] - values[0])


def _causes(comparison: RunComparison, missing: Sequence[Missing], failed: str) -> list[Cause]:
    """Return the likely causes: what failed, what could not be restored, and what differs between the two runs."""
    found = [cause for cause in comparison.causes if not cause.cause.startswith(DISTRIBUTION)]
    known = [cause for cause in found if cause.kind != "unknown" or not missing]
    lost = [
        Cause(f"{one.what}: {one.why}", one.kind, "it could not be restored", _CERTAIN.get(one.kind, 0.3))
        for one in missing
        if one.kind != "packages"  # they are among what differs, if the two runs really had others
    ]
    ended = [Cause(failed, _kind_of_failure(failed), "it did not before", 0.95)] if failed else []
    return sorted([*ended, *known, *lost], key=lambda cause: -cause.confidence)


def _kind_of_failure(failed: str) -> str:
    if re.search(r"ModuleNotFoundError|ImportError|No module named", failed):
        return "packages"
    return "data" if re.search(r"FileNotFoundError|No such file", failed) else "code"


def _without_own(differences: dict[str, list[str]]) -> dict[str, list[str]]:
    kept = {area: [item for item in items if not item.startswith(DISTRIBUTION)] for area, items in differences.items()}
    return {area: items for area, items in kept.items() if items}
