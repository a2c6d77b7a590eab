"""The runs of an experiment that began before a given one, and the best of them."""

import os
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.directions import Direction
from autotrack.journal.judging import main_metrics
from autotrack.journal.params import is_seed
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers import recorded_run
from autotrack.readers.compare.configuration import configuration_of, data_of, kind_of

_MOST_RUNS = 200
"""How many earlier runs are considered."""

_MOST_SUMMARIES = 4
_LISTING_SHARE = 20.0

_SECOND = len("20261121-075211")
"""The names of run folders begin with the second in which the run started, unless somebody has renamed them."""
_TIMED = re.compile(r"\d{8}-\d{6}")


@dataclass(frozen=True, eq=False)
class Outline:
    """What has to be known of a run to choose it. Its summary would take more memory: it has all packages as well.

    Only runs of one `kind` are compared. `directions` and `bests` have the directions and best values of the main
    metrics. `card` has as much of `card_of` as tells repeats of one configuration.
    """

    folder: Path
    id: str
    name: str
    kind: str
    started: float
    directions: dict[str, Direction | None]
    bests: dict[str, Any]
    card: dict[str, Any]


class EarlierRuns:
    """Finds earlier runs, and remembers what it has read: in a loop of short fits, each run asks for the same ones.

    In an experiment of ten thousand runs, to look for new ones takes longer than most fits. So what was found serves
    until it is twenty times as old as it took to find. Runs that `note` is told about are found at once.
    """

    def __init__(self) -> None:
        self._experiments: dict[Path, _Experiment] = {}

    def before(self, folder: Path, summary: Summary) -> list[Outline]:
        """Return the runs of the same kind that began before the one in `folder`, the newest first."""
        kind = kind_of(summary)
        earlier = [
            outline
            for outline in self._experiment(folder).outlines_until(folder.name[:_SECOND])
            if outline.kind == kind and outline.started <= summary.started and outline.id != summary.id
        ]
        return sorted(earlier, key=lambda outline: outline.started, reverse=True)

    def has_older(self, folder: Path) -> bool:
        """Return whether there are earlier runs than those that `before` considers."""
        return self._experiment(folder).has_older(folder.name[:_SECOND])

    def note(self, folder: Path, summary: Summary) -> None:
        """Remember a run that has ended."""
        self._experiment(folder).note(folder, summary)

    def summary_of(self, outline: Outline) -> Summary:
        """Return the summary of a run that `before` has found."""
        return self._experiment(outline.folder).summary_of(outline.folder)

    def _experiment(self, folder: Path) -> "_Experiment":
        return self._experiments.setdefault(folder.parent, _Experiment(folder.parent))


class _Experiment:
    """The runs in one folder, as far as they have been looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []  # in order
        self._renamed: list[str] = []
        self._outlines: dict[str, Outline | None] = {}  # None for what is not a run
        self._modified_ns: dict[str, int] = {}
        self._summaries: dict[str, Summary] = {}
        self._list_again_at = 0.0

    def outlines_until(self, second: str) -> list[Outline]:
        """Return the outlines of the latest runs that began in this second or before."""
        began = monotonic()
        lists = began >= self._list_again_at
        if lists:
            self._list()
        # Within one second, names tell no order.
        end = bisect_right(self._names, second, key=lambda name: name[:_SECOND])
        latest = [*self._renamed, *self._names[max(end - _MOST_RUNS, 0) : end]]
        outlines = [outline for name in latest if (outline := self._outline(name)) is not None]
        if lists:
            self._list_again_at = monotonic() + _LISTING_SHARE * (monotonic() - began)
        return outlines

    def has_older(self, second: str) -> bool:
        """Return whether there are more runs that began in this second or before than are considered."""
        return bisect_right(self._names, second, key=lambda name: name[:_SECOND]) > _MOST_RUNS

    def note(self, folder: Path, summary: Summary) -> None:
        name = folder.name
        place = bisect_left(self._names, name)
        if self._names[place : place + 1] != [name]:
            self._names.insert(place, name)
        self._outlines[name] = _outline(folder, summary)
        self._modified_ns[name] = _modified_ns(folder)
        self._keep(name, summary)
        self._forget_first()

    def summary_of(self, folder: Path) -> Summary:
        if folder.name not in self._summaries:
            self._keep(folder.name, recorded_run.summarise(folder))
        return self._summaries[folder.name]

    def _list(self) -> None:
        with os.scandir(self._folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        self._names = [name for name in names if _TIMED.match(name)]
        self._renamed = [name for name in names if not _TIMED.match(name)][-_MOST_RUNS:]
        self._forget_changed()

    def _outline(self, name: str) -> Outline | None:
        if name not in self._outlines:
            folder = self._folder / name
            modified_ns = _modified_ns(folder)
            try:
                self._outlines[name] = _outline(folder, recorded_run.summarise(folder))
            except (OSError, AutotrackError):  # not a run
                self._outlines[name] = None
            self._modified_ns[name] = modified_ns
        return self._outlines[name]

    def _forget_changed(self) -> None:
        """Forget runs whose summary has been made again, and those that have none yet, for they go on."""
        for name, before in list(self._modified_ns.items()):
            if not before or _modified_ns(self._folder / name) != before:
                self._forget(name)

    def _forget_first(self) -> None:
        """Forget what was found first. It is not the oldest: thousands of living models end in any order."""
        while len(self._outlines) > 5 * _MOST_RUNS:
            self._forget(next(iter(self._outlines)))

    def _forget(self, name: str) -> None:
        del self._outlines[name], self._modified_ns[name]
        self._summaries.pop(name, None)

    def _keep(self, name: str, summary: Summary) -> None:
        """Keep a summary. A few are enough: the last run, and the best."""
        while len(self._summaries) >= _MOST_SUMMARIES:
            del self._summaries[next(iter(self._summaries))]
        self._summaries[name] = summary


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


def _modified_ns(folder: Path) -> int:
    """Return when the summary of a run was written; 0 for one that has none."""
    try:
        return (folder / "run.json").stat().st_mtime_ns
    except OSError:
        return 0


def _outline(folder: Path, summary: Summary) -> Outline:
    metrics = {name: summary.metrics[name] for name in main_metrics(summary)}
    bests = {name: metric.best.value for name, metric in metrics.items() if metric.best}
    return Outline(
        folder=folder,
        id=summary.id,
        name=summary.name,
        kind=kind_of(summary),
        started=summary.started,
        directions={name: metric.better for name, metric in metrics.items()},
        bests=bests,
        card={
            "id": summary.id,
            "configuration": configuration_of(summary),
            "data": data_of(summary),
            "params": {name: value for name, value in summary.params.items() if is_seed(name)},
            "best": bests,
            "last": {},
        },
    )
