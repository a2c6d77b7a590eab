"""Which Python repeats a run: one with the packages of then, the present one, or the one of then as it is now."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.environment import environment_for, own_requirements, version_of
from autotrack.reproduce.lock import Lock, read_lock
from autotrack.reproduce.packages import differing_here
from autotrack.reproduce.places import is_folder
from autotrack.reproduce.workspace import Workspace


@dataclass(frozen=True)
class Python:
    """An interpreter.

    Attributes:
        path: Where it is.
        in_place: Folders in which it looks for modules first: packages that the run has imported in place.
        missing: How it differs from that of then.
    """

    path: str
    in_place: tuple[Path, ...]
    missing: tuple[Missing, ...]


def choose_python(
    run: Path,
    summary: Summary,
    space: Workspace,
    environment: Literal["own", "here", "then"],
    *,
    is_own: bool,
    say: Callable[[str], None],
) -> Python:
    """Return the Python that repeats a run. Raises `ReproduceError` where it cannot be had.

    `is_own` says that the run was recorded here; only then is an interpreter started which it names.
    """
    try:
        lock = read_lock(run, summary)
    except ReproduceError:
        if environment == "own":
            raise
        lock = Lock("", "", {}, ())
    in_place = tuple(in_workspace(lock, space))
    if environment == "here":
        inside = {name for name, folder in lock.in_place.items() if folder.is_relative_to(space.base)}
        differing = [one for one in differing_here(summary) if one.what.partition(" ")[0] not in inside]
        return Python(sys.executable, in_place, tuple(differing))
    if environment == "then":
        return Python(_of_then(summary, is_own=is_own), in_place, ())
    path = str(environment_for(lock, also=own_requirements(lock), say=say))
    missing = list(lock.missing)
    version = version_of(path)
    if version != lock.python:
        missing.append(Missing(f"Python {lock.python}", f"this is {version}", "install it", kind="packages"))
    elsewhere = [folder for folder in lock.in_place.values() if not folder.is_relative_to(space.base)]
    missing += (_as_it_is_now(folder) for folder in elsewhere)
    return Python(path, (*in_place, *(Path(folder) for folder in elsewhere if is_folder(folder))), tuple(missing))


def in_workspace(lock: Lock, space: Workspace) -> Iterator[Path]:
    """Yield where the packages of the project itself are in the workspace: what is imported is the code of then."""
    for folder in lock.in_place.values():
        if folder.is_relative_to(space.base):
            place = space.code / folder.relative_to(space.base)
            yield from (path for path in (place / "src", place) if is_folder(path))


def _as_it_is_now(folder: PurePath) -> Missing:
    why = "a package was imported in place from there" if is_folder(folder) else "it is gone"
    fix = "check out its code of then" if is_folder(folder) else "bring it back"
    return Missing(str(folder), f"{why}, and its code is not kept with the run", fix, kind="packages")


def _of_then(summary: Summary, *, is_own: bool) -> str:
    path = str(summary.environment.get("process", {}).get("interpreter") or "")
    if not is_own:
        raise ReproduceError(
            "--no-env starts the interpreter that the run names, which only your own runs may; --here"
        )
    if not path or version_of(path) is None:
        raise ReproduceError(f"the Python of the run, {path or 'which it does not name'}, is gone; add --here")
    return path
