"""Runs that somebody has removed: they wait in a hidden folder beside the others until they are restored or purged."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from autotrack.errors import RunNotFoundError, UnsafeFileError
from autotrack.journal.reader import is_being_written
from autotrack.journal.run_folder import check_structure
from autotrack.readers.query.names import proposed

TRASH = ".trash"
_CHECKPOINTS = ("checkpoints", "model", "best_model")
_MOST_NAMED = 5


def check_is_over(folder: Path) -> None:
    """Raise `RunNotFoundError` for a run that is being recorded: it would be written to a folder that is gone."""
    if is_being_written(folder / "journal" / "main.jsonl"):
        raise RunNotFoundError(
            f"run {folder.name} is being recorded; end its training first ({folder})", reference=folder.name
        )


def remove(folder: Path) -> Path:
    """Move a run into the trash beside it; return where it is now. Raises `RunNotFoundError` and `OSError`."""
    check_is_over(folder)
    folder = folder.absolute()
    trash = folder.parent if folder.parent.name == TRASH else folder.parent / TRASH
    if trash.is_symlink():
        raise UnsafeFileError(f"{trash} is a link; nothing is moved there")
    trash.mkdir(exist_ok=True)
    place = _unused(trash / folder.name)
    folder.rename(place)
    return place


def restore(name: str, store: Path) -> Path:
    """Move a run back out of the trash, by the name of its folder or the end of it; return where it is now.

    Raises `RunNotFoundError`.
    """
    found = [folder for folder in in_trash(store) if folder.name == name or folder.name.endswith(f"-{name}")]
    if len(found) != 1:
        if found:
            folders = ", ".join(folder.name for folder in found[:_MOST_NAMED])
            raise RunNotFoundError(f"{len(found)} runs {name!r} in the trash of {store}: {folders}", reference=name)
        there = proposed(name, [folder.name for folder in in_trash(store)])
        raise RunNotFoundError(f"no run {name!r} in the trash of {store}; {there}", reference=name)
    place = _unused(found[0].parent.parent / found[0].name)
    found[0].rename(place)
    return place


def in_trash(store: Path) -> Iterator[Path]:
    """Yield the folders of the runs in the trash of a store."""
    for pattern in (f"{TRASH}/*/journal", f"*/{TRASH}/*/journal"):
        for journal in sorted(store.glob(pattern)):
            if not any(place.is_symlink() for place in (journal, *journal.parents[:2])):
                yield journal.parent


def purge(folder: Path) -> None:
    """Delete a run for good. Links in it are removed, what they lead to is not touched. Raises `OSError`."""
    shutil.rmtree(folder)


def free_checkpoints(folder: Path) -> int:
    """Delete the checkpoints and the model of a run, and keep everything else; return how many bytes that were.

    The records of the files stay, so it is still known what there was.
    """
    check_is_over(folder)
    check_structure(folder)
    freed = 0
    for place in (folder / name for name in _CHECKPOINTS):
        if place.is_dir() and not place.is_symlink():
            freed += sum(path.lstat().st_size for path in place.rglob("*") if path.is_file())
            shutil.rmtree(place)
    return freed


def _unused(place: Path) -> Path:
    return next(
        tried
        for tried in (place, *(place.with_name(f"{place.name}-{number}") for number in range(2, 10_000)))
        if not tried.exists()
    )
