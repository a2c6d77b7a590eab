"""Finds and loads the runs of a store, which is a folder of experiments with runs in them."""

import contextlib
import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from autotrack import settings
from autotrack.errors import AutotrackError, RunNotFoundError
from autotrack.journal.reader import journal_sizes
from autotrack.readers import recorded_run
from autotrack.readers.index.store_index import Index
from autotrack.readers.picking import pick
from autotrack.readers.query.names import Name
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.runs import Runs
from autotrack.readers.scan import LATEST, run_folders

_ID = Name("", "id")


class Catalog:
    """The stores that one command looks at: each is opened and looked through once, until `refresh`."""

    def __init__(self) -> None:
        self._indexes: dict[Path, Index] = {}
        self._runs: dict[Path, Runs] = {}

    def runs(
        self, store: str | os.PathLike[str] | None = None, *, watch: Callable[[Sequence[Path]], Iterable[Path]] = iter
    ) -> Runs:
        """Return all runs of a store, as `runs` does."""
        path = store_path(store).absolute()
        if path not in self._runs:
            if not path.is_dir():
                return Runs([])
            if path not in self._indexes:
                self._indexes[path] = Index(path)
            index = self._indexes[path]
            self._runs[path] = Runs(index.refresh(watch), names=index.names)
        return self._runs[path]

    def refresh(self) -> None:
        """Let the stores be looked through again, because time has passed. Their indexes stay open."""
        self._runs.clear()

    def find(self, reference: str, store: str | os.PathLike[str] | None = None) -> RecordedRun:
        """Return one run, as `find` does."""
        folder = Path(reference).expanduser()
        if (folder / "journal").is_dir():
            try:
                return recorded_run.load(folder.absolute())
            except FileNotFoundError as error:
                raise RunNotFoundError(str(error), reference=reference) from error
        candidates = self.runs(store)
        if reference == LATEST and candidates:
            return candidates[0]
        path = store_path(store)
        return pick(candidates, reference, place=f"in {path}" if path.is_dir() else f"in {path}, which does not exist")

    def with_id(self, id: str, store: Path) -> RecordedRun | None:  # noqa: A002  what it is called everywhere
        """Return the run with this id, if it is in `store`."""
        return next((run for run in self.runs(store) if run.value(_ID) == id), None)


def runs(
    store: str | os.PathLike[str] | None = None, *, watch: Callable[[Sequence[Path]], Iterable[Path]] = iter
) -> Runs:
    """Return all runs of a store, the newest first. By default, it is the store in the settings.

    Folders that cannot be read as runs are left out. A store that does not exist has no runs. `watch` is given the
    folders of those that are not in the index yet, and passes them on one by one, so it can show the progress.
    """
    return Catalog().runs(store, watch=watch)


def unreadable(store: Path) -> dict[Path, str]:
    """Return the folders in a store that look like runs and could not be read by the last call of `runs`, with why.

    One that has only just been made, and in which nothing is recorded yet, is none of them.
    """
    if not store.is_dir():
        return {}
    found = {}
    for folder in Index(store).unreadable():
        try:
            recorded_run.load(store / folder)
        except FileNotFoundError:
            if any(journal_sizes(store / folder).values()):
                found[store / folder] = "none of its records can be read"
        except (OSError, AutotrackError) as error:
            found[store / folder] = str(error)
    return found


def load(reference: str | os.PathLike[str], store: str | os.PathLike[str] | None = None) -> RecordedRun:
    """Return the run in a folder, or the one with this id or name in a store. Raises as `find` does.

    A folder without a run raises `FileNotFoundError`.
    """
    folder = Path(reference)
    if isinstance(reference, os.PathLike) or folder.is_dir():
        return recorded_run.load(folder)
    return find(reference, store)


def find(reference: str, store: str | os.PathLike[str] | None = None) -> RecordedRun:
    """Return the run with this folder, id, start of an id, or name; or the newest run for `latest`.

    Raises `RunNotFoundError`, also for a name that several runs have: its message lists their folders.
    """
    return Catalog().find(reference, store)


def shared_names(runs: Iterable[RecordedRun]) -> set[str]:
    """Return the names that several of these runs have."""
    return {name for name, count in Counter(run.name for run in runs).items() if count > 1}


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
