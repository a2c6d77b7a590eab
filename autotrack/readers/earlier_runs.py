"""The runs of an experiment that began before a given one, and the best of them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autotrack.errors import JournalFormatError
from autotrack.journal.directions import Direction
from autotrack.journal.judging import main_metrics
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers import catalog

_MOST_RUNS = 200
"""How many earlier runs are considered."""

_SECOND = len("20261121-075211")
"""The names of run folders begin with the second in which the run started."""


Kind = tuple[str, bool, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Outline:
    """What has to be known of a run to choose it. Its summary would take more memory: it has all packages as well.

    Only runs of one `kind` are compared. `directions` and `bests` have the directions and best values of the main
    metrics.
    """

    folder: Path
    id: str
    name: str
    kind: Kind
    started: float
    directions: dict[str, Direction | None]
    bests: dict[str, Any]


class EarlierRuns:
    """Finds earlier runs, and remembers their outlines: in a loop of short fits, each run asks for the same ones."""

    def __init__(self) -> None:
        self._outline_of_version = lru_cache(maxsize=5 * _MOST_RUNS)(lambda folder, _modified_ns: _outline(folder))

    def before(self, folder: Path, summary: Summary) -> list[Outline]:
        """Return the runs of the same kind that began before the one in `folder`, the newest first."""
        kind = kind_of(summary)
        # Within one second, names tell no order.
        second = folder.name[:_SECOND]
        candidates = [other for other in folder.parent.iterdir() if other.name[:_SECOND] <= second and other != folder]
        earlier = []
        for candidate in sorted(candidates, reverse=True)[:_MOST_RUNS]:
            try:
                outline = self._outline(candidate)
            except (OSError, JournalFormatError):  # not a run
                continue
            if outline.kind == kind and outline.started <= summary.started and outline.id != summary.id:
                earlier.append(outline)
        return sorted(earlier, key=lambda outline: outline.started, reverse=True)

    def _outline(self, folder: Path) -> Outline:
        try:
            modified_ns = (folder / "run.json").stat().st_mtime_ns
        except FileNotFoundError:
            return _outline(folder)
        return self._outline_of_version(folder, modified_ns)


def kind_of(summary: Summary) -> Kind:
    """Return what runs have in common that can be compared.

    That is their experiment, whether they are inside another run, as those of a search are, their frameworks, and
    their estimator or model.
    """
    subject = (summary.tags.get("estimator"), *(summary.params.get(name) for name in ("model", "estimator")))
    return (
        summary.experiment,
        summary.parent is not None,
        tuple(sorted(summary.frameworks)),
        tuple(str(part or "") for part in subject),
    )


def best_of(runs: list[Outline], metric: str | None = None) -> tuple[str, Outline] | None:
    """Return a metric and the run with its best value.

    It is this metric if any run has it, or else the first of the main metrics of the latest run that has any; None
    when no run has any.
    """
    named = [(metric, run.directions[metric]) for run in runs if metric is not None and metric in run.directions]
    for name, direction in [*named, *(item for run in runs for item in run.directions.items())]:
        candidates = [run for run in runs if name in run.bests]
        if candidates:
            choose = min if direction == "min" else max
            return name, choose(candidates, key=lambda run: number(run.bests[name]))
    return None


def _outline(folder: Path) -> Outline:
    summary = catalog.summarise(folder)
    metrics = {name: summary.metrics[name] for name in main_metrics(summary)}
    return Outline(
        folder=folder,
        id=summary.id,
        name=summary.name,
        kind=kind_of(summary),
        started=summary.started,
        directions={name: metric.better for name, metric in metrics.items()},
        bests={name: metric.best.value for name, metric in metrics.items() if metric.best},
    )
