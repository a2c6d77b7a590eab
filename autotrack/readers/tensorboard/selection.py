"""What TensorBoard is to show: a store as it is, or a folder of links to chosen runs. No file is copied."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autotrack.errors import RunNotFoundError
from autotrack.readers import catalog
from autotrack.readers.catalog import RecordedRun, Runs

Watch = Callable[[Sequence[Path]], Iterable[Path]]
Shown = str | os.PathLike[str] | RecordedRun | Runs

_MOST_BYTES = 100


@dataclass(frozen=True)
class View:
    """What is shown: the folder `logdir` as it is, in which new runs appear, or else `links`, folders by name.

    `runs` are the folders of all runs in it, `title` is what the browser window is called.
    """

    runs: list[Path]
    title: str
    logdir: Path | None = None
    links: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """Which runs of all are shown, with the meaning that the options of `autotrack ls` have."""

    where: str | None = None
    sort: str | None = None
    descending: bool = False
    last: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every run passes."""
        return self.where is None and self.last is None

    def __call__(self, runs: Runs) -> Runs:
        """Return those that pass, in order."""
        found = runs.where(self.where) if self.where else runs
        found = found.sort(self.sort, descending=self.descending) if self.sort else found
        return found[: self.last]


def choose(
    places: Sequence[Shown],
    *,
    store: str | os.PathLike[str] | None = None,
    only: Filter = Filter(),
    watch: Watch = iter,
) -> View:
    """Return what shows these places: stores, folders of experiments, runs by folder, id or name.

    Without any it is the store. Raises `RunNotFoundError` when a place holds no run or none passes, and `QueryError`.
    """
    picked, stores = _sorted_out(places or [catalog.store_path(store)], store)
    if not only.is_open:
        return _of_runs(_passing(picked, stores, only, watch))
    if not stores:
        return _of_runs(Runs(picked))
    runs = [run for found in stores.values() for run in found] + [run.folder for run in picked]
    if len(stores) == 1 and not picked:
        logdir = next(iter(stores)).absolute()
        return View(runs=runs, logdir=logdir, title=logdir.name)
    links = link_folders(stores)
    for name, folder in link_runs(picked).items():
        links[_unused(_as_name(name), links)] = folder  # without a slash: nothing must be made in a store by its link
    return View(runs=list(dict.fromkeys(runs)), links=links, title=f"{len(links)} places")


def link_runs(runs: Iterable[RecordedRun]) -> dict[str, Path]:
    """Name each run in few words: by its name, or by that of its folder when several have the same one.

    The experiment goes before it when there are several.
    """
    known = {run.folder.resolve(): run for run in runs}
    counts = Counter((run.summary.experiment, run.summary.name) for run in known.values())
    is_one = len({run.summary.experiment for run in known.values()}) == 1
    links: dict[str, Path] = {}
    for folder, run in known.items():
        is_unique = counts[run.summary.experiment, run.summary.name] == 1
        name = _as_name(run.summary.name if is_unique else folder.name)
        links[_unused(name if is_one else f"{_as_name(run.summary.experiment)}/{name}", links)] = folder
    return links


def link_folders(folders: Iterable[Path]) -> dict[str, Path]:
    """Name each folder by as much of the end of its path as no other one has."""
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
    """Return the runs that are meant, and the folders of runs with the runs in each."""
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
    """Return the runs in a folder of runs; a run is none, though it may hold files that were logged as another's."""
    return [] if (folder / "journal").is_dir() else list(catalog.run_folders(folder))


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
    known = {run.folder.resolve(): run for run in every}
    found = only(Runs(sorted(known.values(), key=lambda run: (run.summary.started, run.folder.name), reverse=True)))
    if not found:
        raise RunNotFoundError(
            f"for none of {len(known)} runs does {only.where!r} hold; see what there is with `autotrack ls`",
            reference=only.where or "",
        )
    return found


def _of_runs(runs: Runs) -> View:
    if not runs:
        raise RunNotFoundError("there are no runs to show", reference="")
    links = link_runs(runs)
    title = next(iter(links)) if len(links) == 1 else f"{len(links)} runs"
    return View(runs=list(links.values()), links=links, title=title)


def _as_name(text: str) -> str:
    """Return a text as the name of a link: TensorBoard reads slashes as folders, file systems count bytes."""
    safe = re.sub(r"[/\\\x00-\x1f]+", "-", text).strip(".- ")
    return safe.encode(errors="replace")[:_MOST_BYTES].decode(errors="ignore") or "run"


def _unused(name: str, links: dict[str, Path]) -> str:
    """Return the name, with a number after it if it is taken."""
    return next(
        tried for tried in (name, *(f"{name}-{number}" for number in range(2, len(links) + 3))) if tried not in links
    )
