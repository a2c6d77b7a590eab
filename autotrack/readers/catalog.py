"""Finds, loads, filters and sorts the runs of a store, which is a folder of experiments with runs in them."""

import contextlib
import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import msgspec

from autotrack import settings
from autotrack.errors import AutotrackError, RunNotFoundError
from autotrack.format import moment, printable
from autotrack.journal.fold import Fold
from autotrack.journal.reader import RunReader, is_being_written
from autotrack.journal.series import Point
from autotrack.journal.summary import Summary, read
from autotrack.readers import query

_MOST_LISTED = 10


class RecordedRun:
    """One recorded run: its `folder`, its `summary`, and the points of each metric.

    The fields of the summary are attributes of the run itself: `run.params`, `run.status`, `run.metrics`.
    """

    def __init__(self, folder: Path, summary: Summary) -> None:
        self.folder = folder
        self.summary = summary

    def __repr__(self) -> str:
        return printable(f"<RecordedRun {self.summary.experiment}/{self.summary.name} {self.summary.status}>")

    def __getattr__(self, name: str) -> Any:
        if name == "summary" or name.startswith("__"):  # copy and pickle ask for these before there is a summary
            raise AttributeError(name)
        return getattr(self.summary, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *Summary.__struct_fields__})

    def history(self, metric: str) -> list[Point]:
        """Return every recorded point of a metric, or of the system load, in order.

        The names of the load begin with `system/`, as in `system/process_memory_bytes`. Raises `KeyError` for a name
        that was not recorded.
        """
        if not isinstance(metric, str):
            raise TypeError(f"the metric is {metric!r:.100}; expected a name, such as 'val_loss'")
        folded = fold(self.folder)
        points = {**folded.points, **{f"system/{name}": load for name, load in folded.system.items()}}
        if metric not in points:
            raise KeyError(f"run {self.summary.name} has no metric {metric!r}; it has {', '.join(sorted(points))}")
        return points[metric]


class Runs(Sequence[RecordedRun]):
    """Runs in an order, which is the newest first unless they are sorted. `where` and `sort` return new objects."""

    def __init__(self, runs: Sequence[RecordedRun], *, among: Sequence[RecordedRun] | None = None) -> None:
        self._runs = list(runs)
        self._among = self._runs if among is None else among  # what they were chosen from: its names are no mistakes

    @overload
    def __getitem__(self, index: int) -> RecordedRun: ...
    @overload
    def __getitem__(self, index: slice) -> "Runs": ...
    def __getitem__(self, index: int | slice) -> "RecordedRun | Runs":
        return self._chosen(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        return f"<Runs {[run.summary.name for run in self._runs]}>"

    def where(self, condition: str) -> "Runs":
        """Return the runs for which a condition holds, such as `"metrics.val_loss < 0.2 and params.lr > 1e-3"`.

        Names are `params.NAME`, `metrics.NAME` (the last value), `best.NAME`, `tags.NAME`, and the fields of the
        summary: `status`, `name`, `experiment`, `duration_seconds`, … A run without one of these names is left out;
        `params.lr is None` asks for such runs. Dates and durations are written as in `started > "2026-11-25"` and
        `duration_seconds > "5 min"`. Raises `QueryError` for a condition that cannot be understood, and for a name
        that no run has.
        """
        holds = query.compile_condition(condition, self._known)
        holds.check_names()
        return self._chosen([run for run in self._runs if holds(run.summary)])

    def sort(self, by: str, *, descending: bool = False) -> "Runs":
        """Return the runs ordered by a name as in `where`. Runs without it come last. Raises `QueryError`."""
        key = query.compile_name(by, self._known)
        key.check_names()
        having = [run for run in self._runs if key(run.summary) is not None]
        lacking = [run for run in self._runs if key(run.summary) is None]
        ordered = sorted(having, key=lambda run: query.sortable(key(run.summary)), reverse=descending)
        ordered.sort(key=lambda run: query.sortable(key(run.summary))[0])  # numbers, NaN, text: in both directions
        return self._chosen([*ordered, *lacking])

    @property
    def _known(self) -> list[Summary]:
        return [run.summary for run in self._among]

    def _chosen(self, runs: Sequence[RecordedRun]) -> "Runs":
        return Runs(runs, among=self._among)


def runs(
    store: str | os.PathLike[str] | None = None, *, watch: Callable[[Sequence[Path]], Iterable[Path]] = iter
) -> Runs:
    """Return all runs of a store, the newest first. By default, it is the store in the settings.

    Folders that cannot be read as runs are left out. A store that does not exist has no runs. `watch` is given the
    folders and passes them on one by one, so it can show the progress.
    """
    readable = []
    for folder in watch(list(run_folders(store_path(store)))):
        try:
            readable.append(load(folder))
        except (OSError, AutotrackError):
            continue
    return Runs(sorted(readable, key=lambda run: (run.summary.started, run.folder.name), reverse=True))


def find(reference: str, store: str | os.PathLike[str] | None = None) -> RecordedRun:
    """Return the run with this folder, id, start of an id, or name; or the newest run for `latest`.

    Raises `RunNotFoundError`, also for a name that several runs have: its message lists their folders.
    """
    folder = Path(reference).expanduser()
    if (folder / "journal").is_dir():
        try:
            return load(folder.absolute())
        except FileNotFoundError as error:
            raise RunNotFoundError(str(error), reference=reference) from error
    candidates = runs(store)
    if reference == "latest" and candidates:
        return candidates[0]
    named = [run for run in candidates if reference in (run.summary.id, run.folder.name)]
    named = named or [run for run in candidates if reference == run.summary.name]
    if len(named) > 1:
        raise RunNotFoundError(_which_of(named, reference), reference=reference)
    if named:
        return named[0]
    matches = [run for run in candidates if len(reference) >= 4 and run.summary.id.startswith(reference)]
    if len(matches) == 1:
        return matches[0]
    names = list(dict.fromkeys(run.summary.name for run in candidates))
    none = "it has none" if store_path(store).is_dir() else "it has none, for there is no such folder"
    content = f"it has {len(candidates)}, such as {', '.join(names[:5])}" if candidates else none
    alike = difflib.get_close_matches(reference, [*names, *(run.folder.name for run in candidates)], n=3)
    meant = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
    raise RunNotFoundError(
        f"no run {reference!r} in {store_path(store)}{meant}; {content}; give a folder, an id, a name or 'latest'",
        reference=reference,
    )


def with_id(id: str, store: Path) -> RecordedRun | None:  # noqa: A002  what it is called everywhere
    """Return the run with this id, if it is in `store`."""
    for folder in run_folders(store):
        with contextlib.suppress(OSError, AutotrackError):
            run = load(folder)
            if run.summary.id == id:
                return run
    return None


def shared_names(runs: Iterable[RecordedRun]) -> set[str]:
    """Return the names that several of these runs have."""
    return {name for name, count in Counter(run.summary.name for run in runs).items() if count > 1}


def _which_of(runs: Sequence[RecordedRun], reference: str) -> str:
    """Say that several runs are called the same, and where each is."""
    listed = [f"{moment(run.summary.started)}  {run.folder}" for run in runs[:_MOST_LISTED]]
    more = [f"… and {len(runs) - _MOST_LISTED} more"] if len(runs) > _MOST_LISTED else []
    return "\n".join(
        [f"{len(runs)} runs are called {reference!r}; give the folder of one, or its name:", *listed, *more]
    )


def load(folder: str | os.PathLike[str]) -> RecordedRun:
    """Read one run, from `run.json` if that is up to date, and from the journals otherwise."""
    return RecordedRun(Path(folder), summarise(Path(folder)))


def summarise(folder: Path) -> Summary:
    """Return the summary of the run in `folder`. Raises `OSError` when there is no run."""
    sizes = {path.name: path.stat().st_size for path in (folder / "journal").glob("*.jsonl")}
    try:
        summary = read(folder)
        if summary.journals != sizes:
            summary = fold(folder).summary()
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        summary = fold(folder).summary()
    if not summary.id:
        raise FileNotFoundError(f"{folder} holds no run")
    if summary.status == "running" and is_being_written(folder / "journal" / "main.jsonl") is False:
        summary.status = "killed"  # its process is gone, and nobody recorded how the run ended
    return summary


def fold(folder: Path) -> Fold:
    """Read all journals of a run."""
    reader, result = RunReader(folder), Fold()
    for rank, batch in reader:
        result.add(batch, rank=rank)
    result.left_out(reader.position().left_out)
    return result


def store_path(store: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a store. By default, it is the store in the settings.

    For the folder of a project, it is the store that the project has in `runs`.
    """
    if store is not None and not isinstance(store, (str, os.PathLike)):
        raise TypeError(f"the store is {store!r:.100}; expected the path of a folder of runs, such as 'runs'")
    if store is None:
        return Path(settings.resolve().to).expanduser()
    path = Path(store).expanduser()
    inside = path / settings.Settings.to
    return inside if inside.is_dir() and _has_runs(inside) and not _has_runs(path) else path


def _has_runs(store: Path) -> bool:
    return next(run_folders(store), None) is not None


def existing_store(store: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a store, as `store_path` does. Raises `RunNotFoundError` if it is not there.

    The name of an experiment stands for its folder in the usual store. Where nobody has named a store, none has been
    made yet, and that is no mistake.
    """
    path = store_path(store)
    if path.is_dir() or (store is None and path == Path(settings.Settings.to)):
        return path
    usual = store_path(None)
    if store is not None and len(path.parts) == 1 and (usual / path).is_dir():
        return usual / path  # an experiment, or a run, of the usual store
    with contextlib.suppress(OSError):
        beside = [other.name for other in path.absolute().parent.iterdir() if other.is_dir()]
        if alike := difflib.get_close_matches(path.name, beside, n=1, cutoff=0.75):
            raise _no_store(path, f"did you mean {str(path.with_name(alike[0]))!r}?")
    raise _no_store(path, "record a run there, or give the folder of another store")


def _no_store(path: Path, advice: str) -> RunNotFoundError:
    state = "is not a folder" if path.exists() else "does not exist"
    return RunNotFoundError(f"the store {str(path)!r} {state}; {advice}", reference=str(path))


def run_folders(store: Path) -> Iterator[Path]:
    """Yield every folder with a journal, at most two levels down. `store` may be a store, an experiment or a run.

    Links inside the store are not followed, because they could lead to files that have nothing to do with it.
    """
    for pattern in ("journal", "*/journal", "*/*/journal"):
        for journal in store.glob(pattern):
            below = journal.relative_to(store).parents
            if journal.is_dir() and not any((store / part).is_symlink() for part in below if part.name):
                yield journal.parent
