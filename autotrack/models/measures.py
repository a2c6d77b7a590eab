"""What a version was measured to be, and on which data: the values of metrics for the very weights that it has."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from autotrack.errors import AutotrackError
from autotrack.journal.files import safe_relative_path
from autotrack.journal.judging import judged_by
from autotrack.journal.records import Dataset, number
from autotrack.models.entries import Registered, Value
from autotrack.models.origin import values_of
from autotrack.models.registry import Registry
from autotrack.readers.recorded_run import load

_STAGES = {
    "val": "validate", "valid": "validate", "validation": "validate", "dev": "validate", "eval": "validate",
    "test": "test", "train": "train", "training": "train",
}  # fmt: skip
"""What names of metrics begin with, and the role of the data that they are measured on."""


@dataclass(frozen=True)
class Measured:
    """A version with what its run has recorded by now: evaluations may have come after it was registered."""

    version: Registered
    metrics: Mapping[str, Value]
    datasets: list[Dataset]
    metric: str | None

    def value(self, metric: str) -> float | None:
        """Return the value of a metric for the weights of the version; None where that is not known.

        That is what they were kept for, if they were kept for this metric. The last value of a run is of the weights
        of its last step, and of no others.
        """
        if metric in self.version.saved_for:
            return number(self.version.saved_for[metric])
        if metric not in self.metrics or self.version.weights != "last":
            return None
        return number(self.metrics[metric].last)

    def data_of(self, metric: str) -> dict[str, str] | None:
        """Return the fingerprints of the data that a metric was measured on, by role and name.

        None where no such data were recorded, or not all of them have a fingerprint.
        """
        value = self.metrics.get(metric)
        role = (value.stage if value else None) or _STAGES.get(metric.replace("/", "_").partition("_")[0].lower())
        wanted = [data for data in self.datasets if data.role == role] if role else self.datasets
        found = {f"{data.role} {data.name or ''}".strip(): data.fingerprint for data in wanted}
        known = {name: fingerprint for name, fingerprint in found.items() if fingerprint}
        return known if known and len(known) == len(found) else None


def measured(registry: Registry, version: Registered) -> Measured:
    """Return a version with what its run has recorded by now, or with what it had when it was registered."""
    origin = version.origin
    with suppress(OSError, AutotrackError, ValueError):
        run = load(registry.store / safe_relative_path(origin.folder))
        if run.id == origin.run:
            summary = run.summary
            return Measured(version, values_of(summary), summary.datasets, judged_by(summary))
    return Measured(version, origin.metrics, origin.datasets, origin.metric)
