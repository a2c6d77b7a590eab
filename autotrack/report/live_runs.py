"""The runs of some folders as they are now: what the tab of TensorBoard asks for, again and again."""

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any

from autotrack import settings
from autotrack.errors import AutotrackError, RunNotFoundError
from autotrack.journal.records import number
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.readers.index.store_index import Index
from autotrack.readers.plain import plain
from autotrack.readers.query.names import Name, names_in
from autotrack.readers.ranking import Ranks
from autotrack.readers.recorded_run import RecordedRun, fold, folders_of, load, values_of
from autotrack.readers.runs import Runs
from autotrack.readers.scan import folder_in, scan
from autotrack.report.columns import columns_of
from autotrack.report.comparisons import compared
from autotrack.report.curves import thinned
from autotrack.report.folders import roots
from autotrack.report.importances import of_runs
from autotrack.report.live_run import LiveRun
from autotrack.report.run_versions import RunVersions

_MOST_CHANGED = _MOST_BESIDE = 50
_MOST_OPEN = 8
_SPARK_POINTS = 40
_MOST_SPARKS = 20_000
_REST = 6.0
"""A browser rests so many times longer than its last question took to answer."""

_LEAST_SECONDS, _MOST_SECONDS = 1.5, 60.0


class LiveRuns:
    """The runs below some folders: stores, experiments, runs, or a folder of links that autotrack has made."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = places
        self._lock = Lock()
        self._indexes: dict[Path, Index] = {}
        self._versions = RunVersions()
        self._keys: dict[bytes, str] = {}
        self._folders: dict[str, bytes] = {}
        self._open: OrderedDict[Path, LiveRun] = OrderedDict()
        self._sparks: OrderedDict[tuple[Path, str], tuple[str, list[Any]]] = OrderedDict()
        self._whole: dict[str, Any] = {}
        self._importances: tuple[str, dict[str, Any]] = ("", {})
        self._ranks: tuple[Ranks | None, float] = (None, 0.0)
        self._looked_at = -_LEAST_SECONDS
        self._earlier_runs = EarlierRuns()

    def table(self, since: str = "") -> dict[str, Any]:
        """Return all runs as columns, or those that have changed, or nothing, if somebody has the version `since`."""
        began = monotonic()
        with self._lock:
            answer = self._table(since)
        self._looked_at = monotonic()
        rest = min(max(_REST * (monotonic() - began), _LEAST_SECONDS), _MOST_SECONDS)
        return {**answer, "made": time(), "again_after": round(rest, 1)}

    def details(self, key: str) -> dict[str, Any]:
        """Return one run in full. Raises `RunNotFoundError`."""
        return self._live(self._folder(key)).details(self._earlier_runs, self._ranks_now())

    def curves(self, key: str) -> dict[str, Any]:
        """Return the curves of one run. Raises `RunNotFoundError`."""
        return self._live(self._folder(key)).curves()

    def part_of_curve(self, key: str, metric: str, first: int, after: int) -> dict[str, Any]:
        """Return a part of one curve, given by the places of its points. Raises `AutotrackError`."""
        return self._live(self._folder(key)).part_of_curve(metric, first, after)

    def comparison(self, before: str, after: str) -> dict[str, Any]:
        """Return why two runs differ. Raises `RunNotFoundError`."""
        folders = self._folder(before), self._folder(after)
        beside = _loaded(list(self._keys)[:_MOST_BESIDE])
        return compared(load(folders[0]), load(folders[1]), list(beside.values()))

    def importances(self) -> dict[str, Any]:
        """Return, for the most common metrics, which params explain them."""
        with self._lock:
            known, found = self._importances
            if not known or known != self._versions.version:
                runs, names = self._all()
                found = of_runs(runs, names, columns_of(runs, names, settings.resolve().metric)["judged_by"])
                self._importances = self._versions.version, found
            return found

    def sparks(self, metric: str, keys: Sequence[str]) -> dict[str, list[Any]]:
        """Return a few values of a metric of each run, for a small curve; nothing for a run without it."""
        found = {}
        for key in keys:
            try:
                found[key] = self._spark(self._folder(key), metric)
            except (OSError, AutotrackError):
                found[key] = []
        return found

    def _spark(self, folder: Path, metric: str) -> list[Any]:
        stamp = self._versions.stamps.get(os.fsencode(folder), "")
        known, values = self._sparks.pop((folder, metric), (None, []))
        if known != stamp:
            values = _spark(load(folder), metric)
        self._sparks[folder, metric] = stamp, values
        while len(self._sparks) > _MOST_SPARKS:
            self._sparks.popitem(last=False)
        return values

    # ---- What has changed

    def _table(self, since: str) -> dict[str, Any]:
        seen = {place: dict(scan(place)) for place in self._roots()}
        self._versions.look(
            {
                folder_in(store, name): stamp
                for store, found in ((os.fsencode(place), found) for place, found in seen.items())
                for name, stamp in found.items()
            }
        )
        version, changed = self._versions.version, self._versions.changed_since(since)
        if changed is not None and len(changed) <= _MOST_CHANGED:
            return {"version": version, **({"changed": self._of_changed(changed)} if changed else {})}
        if self._whole.get("version") != version:  # else, the page is opened once more
            self._keys = {folder: key for folder, key in self._keys.items() if folder in self._versions.stamps}
            self._folders = {key: folder for folder, key in self._keys.items()}
            runs, names = self._all(seen)
            self._whole = {"version": version, "table": self._columns(folders_of(runs), runs, names)}
        return self._whole

    def _of_changed(self, folders: Sequence[bytes]) -> dict[str, Any]:
        """Return the runs in these folders as columns, without the index, which would read all others as well."""
        found = _loaded(folders)
        runs = list(found.values())
        return self._columns(list(found), runs, set(names_in(run.summary for run in runs)))

    def _columns(self, folders: Sequence[bytes], runs: Sequence[RecordedRun], names: set[Name]) -> dict[str, Any]:
        """Return the runs in these folders as columns, with the keys by which browsers know them."""
        ids, statuses = (values_of(runs, Name("", field)) for field in ("id", "status"))
        running = [folder for folder, status in zip(folders, statuses, strict=True) if status == "running"]
        self._versions.note_running(folders, running)
        keys = list(map(self._key_of, folders, ids))
        return {**columns_of(runs, names, settings.resolve().metric), "keys": keys}

    def _key_of(self, folder: bytes, run_id: str) -> str:
        """Return the key of a run, which stays the same; a copy of another run gets its own."""
        if folder not in self._keys:
            tried = chain([run_id], (f"{run_id}-{copy}" for copy in count(2)))
            self._keys[folder] = next(key for key in tried if key not in self._folders)
            self._folders[self._keys[folder]] = folder
        return self._keys[folder]

    def _all(self, seen: Mapping[Path, dict[bytes, str]] | None = None) -> tuple[list[RecordedRun], set[Name]]:
        """Return all runs with their names. `seen` is what `scan` has just found in each place."""
        runs: list[RecordedRun] = []
        names: set[Name] = set()
        single: list[RecordedRun] = []
        for place in self._roots() if seen is None else seen:
            if (place / "journal").is_dir():
                single.append(load(place))
                continue
            index = self._indexes.setdefault(place, Index(place))
            runs += index.refresh(seen=None if seen is None else seen[place].items())
            index.read_cards()
            names |= set(index.names())
        names |= set(names_in(run.summary for run in single))
        return list(Runs([*runs, *single]).last(len(runs) + len(single))) if single else runs, names

    def _roots(self) -> Iterator[Path]:
        for place in self._places:
            yield from roots(place)

    # ---- One run

    def _ranks_now(self) -> Ranks:
        """Return the ranks of all runs, or what they were a moment ago: a comparison asks for them for each run."""
        with self._lock:
            ranks, until = self._ranks
            if ranks is None or monotonic() > until:
                began = monotonic()
                ranks = Ranks(self._all()[0])
                self._ranks = ranks, monotonic() + _REST * (monotonic() - began)
            return ranks

    def _folder(self, key: str) -> Path:
        if key not in self._folders and monotonic() - self._looked_at >= _LEAST_SECONDS:
            self.table()  # it may be new; but one question after the other does not make us look again and again
        found = self._folders.get(key)
        if found is None:
            raise RunNotFoundError("there is no such run here", reference=key)
        return Path(os.fsdecode(found))

    def _live(self, folder: Path) -> LiveRun:
        with self._lock:
            run = self._open.pop(folder, None) or LiveRun(folder)
            self._open[folder] = run
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
            return run


def _loaded(folders: Sequence[bytes]) -> dict[bytes, RecordedRun]:
    """Return the runs in these folders, without those that have just begun or were moved away meanwhile."""
    found = {}
    for folder in folders:
        with suppress(OSError, AutotrackError):
            found[folder] = load(Path(os.fsdecode(folder)))
    return found


def _spark(run: RecordedRun, metric: str) -> list[Any]:
    values = [epoch[metric] for epoch in run.summary.epochs if metric in epoch]
    if len(values) < 2 and metric in run.summary.metrics:
        values = [point.value for point in fold(run.folder).points.get(metric, [])]
    places = thinned([float(number(value)) for value in values], _SPARK_POINTS)
    return [plain(values[place]) for place in places]
