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


@dataclass(frozen=True)
class Outline:
    """What has to be known of a run to choose it. Its summary would take more memory: it has all packages as well.

    `directions` and `bests` have the directions and best values of the main metrics.
    """

    folder: Path
    id: str
    experiment: str
    started: float
    is_inside_another: bool
    directions: dict[str, Direction | None]
    bests: dict[str, Any]


class EarlierRuns:
    """Finds earlier runs, and remembers their outlines: in a loop of short fits, each run asks for the same ones."""

    def __init__(self) -> None:
        self._outline_of_version = lru_cache(maxsize=5 * _MOST_RUNS)(lambda folder, _modified_ns: _outline(folder))

    def before(self, folder: Path, summary: Summary) -> list[Outline]:
        """Return the runs of the same experiment that began before the one in `folder`, the newest first.

        Runs inside others, such as those of a search, are compared with each other only.
        """
        # Within one second, names tell no order.
        second = folder.name[:_SECOND]
        candidates = [other for other in folder.parent.iterdir() if other.name[:_SECOND] <= second and other != folder]
        earlier = []
        for candidate in sorted(candidates, reverse=True)[:_MOST_RUNS]:
            try:
                outline = self._outline(candidate)
            except (OSError, JournalFormatError):  # not a run
                continue
            is_comparable = (outline.experiment, outline.is_inside_another) == (
                summary.experiment,
                summary.parent is not None,
            )
            if is_comparable and outline.started <= summary.started and outline.id != summary.id:
                earlier.append(outline)
        return sorted(earlier, key=lambda outline: outline.started, reverse=True)

    def _outline(self, folder: Path) -> Outline:
        try:
            modified_ns = (folder / "run.json").stat().st_mtime_ns
        except FileNotFoundError:
            return _outline(folder)
        return self._outline_of_version(folder, modified_ns)


def best_of(runs: list[Outline]) -> tuple[str, Outline] | None:
    """Return a metric and the run with its best value.

    It is the first of the main metrics of the latest run that has any; None when no run has any.
    """
    for metric, direction in (item for run in runs for item in run.directions.items()):
        candidates = [run for run in runs if metric in run.bests]
        if candidates:
            choose = min if direction == "min" else max
            return metric, choose(candidates, key=lambda run: number(run.bests[metric]))
    return None


def _outline(folder: Path) -> Outline:
    summary = catalog.summarise(folder)
    metrics = {name: summary.metrics[name] for name in main_metrics(summary)}
    return Outline(
        folder=folder,
        id=summary.id,
        experiment=summary.experiment,
        started=summary.started,
        is_inside_another=summary.parent is not None,
        directions={name: metric.better for name, metric in metrics.items()},
        bests={name: metric.best.value for name, metric in metrics.items() if metric.best},
    )
