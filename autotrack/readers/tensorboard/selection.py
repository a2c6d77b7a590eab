"""Chooses what TensorBoard shows: a store as it is, or a folder of links to chosen runs. No file is copied."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autotrack.errors import RunNotFoundError
from autotrack.readers import catalog
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.runs import Runs
from autotrack.readers.scan import run_folders

Watch = Callable[[Sequence[Path]], Iterable[Path]]
Shown = str | os.PathLike[str] | RecordedRun | Runs

_MOST_BYTES = 100


@dataclass(frozen=True)
class View:
    """What is shown: the folder `logdir` as it is, in which new runs appear; or else `links`, folders by name.

    `runs` are the folders of all runs in it, and `title` is the title of the browser window.
    """

    runs: list[Path]
    title: str
    logdir: Path | None = None
    links: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """Which runs are shown. The fields have the meaning of the options of `autotrack ls`."""

    where: str | None = None
    sort: str | None = None
    descending: bool = False
    last: int | None = None

    @property
    def passes_all(self) -> bool:
        """Whether every run passes."""
        return self.where is None and self.last is None

    def __call__(self, runs: Runs) -> Runs:
        """Return the runs that pass, in order."""
        passing = runs.where(self.where) if self.where else runs
        ordered = passing.sort(self.sort, descending=self.descending) if self.sort else passing
        return ordered[: self.last]


def choose(
    places: Sequence[Shown],
    *,
    store: str | os.PathLike[str] | None = None,
    only: Filter = Filter(),
    watch: Watch = iter,
) -> View:
    """Return a view of these places: stores, folders of experiments, and runs by folder, id or name.

    Without any place, it is the whole store. Raises `QueryError`, and `RunNotFoundError` when a place holds no run or
    no run passes.
    """
    picked, stores = _sorted_out(places or [catalog.store_path(store)], store)
    if not only.passes_all:
        return _of_runs(_passing(picked, stores, only, watch))
    if not stores:
        return _of_runs(Runs(picked))
    runs = [folder for folders in stores.values() for folder in folders] + [run.folder for run in picked]
    if len(stores) == 1 and not picked:
        logdir = next(iter(stores)).absolute()
        return View(runs=runs, logdir=logdir, title=logdir.name)
    links = link_folders(stores)
    for name, folder in link_runs(picked).items():
        links[_unused(_as_name(name), links)] = (
            folder  # without a slash, because nothing must be created inside a store through its link
        )
    return View(runs=list(dict.fromkeys(runs)), links=links, title=f"{len(links)} places")


def link_runs(runs: Iterable[RecordedRun]) -> dict[str, Path]:
    """Give each run a short name: its own, or that of its folder when several runs have the same name.

    The experiment comes before it when there is more than one.
    """
    by_folder = {run.folder.resolve(): run for run in runs}
    counts = Counter((run.experiment, run.name) for run in by_folder.values())
    is_one_experiment = len({run.experiment for run in by_folder.values()}) == 1
    links: dict[str, Path] = {}
    for folder, run in by_folder.items():
        is_unique = counts[run.experiment, run.name] == 1
        name = _as_name(run.name if is_unique else folder.name)
        links[_unused(name if is_one_experiment else f"{_as_name(run.experiment)}/{name}", links)] = folder
    return links


def link_folders(folders: Iterable[Path]) -> dict[str, Path]:
    """Name each folder by the end of its path, as much of it as no other folder has."""
    whole = list(dict.fromkeys(folder.resolve() for folder in folders))
    links: dict[str, Path] = {}
    for folder in whole:
        others = [other for other in whole if other != folder]
        count = next(
            (n for n in range(1, len(folder.parts)) if all(other.parts[-n:] != folder.parts[-n:] for other in others)),
            len(folder.parts),
        )
        links[_unused(_as_name("-".join(folder.parts[-count:])), links)] = folder
    return links


def _sorted_out(
    places: Sequence[Shown], store: str | os.PathLike[str] | None
) -> tuple[list[RecordedRun], dict[Path, list[Path]]]:
    """Return the single runs among the places, and the folders of runs with the runs in each."""
    picked: list[RecordedRun] = []
    stores: dict[Path, list[Path]] = {}
    for place in places:
        if isinstance(place, RecordedRun):
            picked.append(place)
        elif isinstance(place, Runs):
            picked += place
        elif runs := _runs_within(Path(place).expanduser()):
            stores[Path(place).expanduser()] = runs
        else:
            picked.append(_find(place, store))
    return picked, stores


def _runs_within(folder: Path) -> list[Path]:
    """Return the runs in a folder of runs. A run is not one, although it may hold logged files of another run."""
    return [] if (folder / "journal").is_dir() else list(run_folders(folder))


def _find(place: str | os.PathLike[str], store: str | os.PathLike[str] | None) -> RecordedRun:
    try:
        return catalog.find(os.fspath(place), store)
    except RunNotFoundError:
        folder = Path(place).expanduser()
        if folder.is_dir() or folder == catalog.store_path(store):
            raise RunNotFoundError(
                f"no runs in {place}; record one, or give another folder", reference=str(place)
            ) from None
        raise


def _passing(picked: Iterable[RecordedRun], stores: Iterable[Path], only: Filter, watch: Watch) -> Runs:
    """Return the runs that pass, the newest first unless sorted."""
    every = [*picked, *(run for folder in stores for run in catalog.runs(folder, watch=watch))]
    by_folder = {run.folder.resolve(): run for run in every}
    passing = only(Runs(sorted(by_folder.values(), key=lambda run: (run.started, run.folder.name), reverse=True)))
    if not passing:
        raise RunNotFoundError(
            f"{only.where!r} holds for none of {len(by_folder)} runs; `autotrack ls` lists them",
            reference=only.where or "",
        )
    return passing


def _of_runs(runs: Runs) -> View:
    if not runs:
        raise RunNotFoundError("there are no runs to show", reference="")
    links = link_runs(runs)
    title = next(iter(links)) if len(links) == 1 else f"{len(links)} runs"
    return View(runs=list(links.values()), links=links, title=title)


def _as_name(text: str) -> str:
    """Return a text as the name of a link. TensorBoard reads slashes as folders, and file systems count bytes."""
    safe = re.sub(r"[/\\\x00-\x1f]+", "-", text).strip(".- ")
    return safe.encode(errors="replace")[:_MOST_BYTES].decode(errors="ignore") or "run"


def _unused(name: str, links: dict[str, Path]) -> str:
    """Return the name, followed by a number if it is taken."""
    return next(
        tried for tried in (name, *(f"{name}-{number}" for number in range(2, len(links) + 3))) if tried not in links
    )
