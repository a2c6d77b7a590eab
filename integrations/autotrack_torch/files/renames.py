"""Finds the name that a script has given to a file after it was saved, as those do that never write in place."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MOST_ENTRIES = 2000


def new_name(source: Path, kept: Path) -> Path | None:
    """Return where a file is now that was saved at `source` and is linked at `kept`; None if it was not found.

    It is looked for beside its old name, and, if its whole folder was renamed, beside that.
    """
    try:
        inode = kept.stat().st_ino
        found = _names_of(inode, source, is_folder=kept.is_dir())
        return next((path for path in found if _is_one(path, kept)), None)
    except OSError:
        return None


def _names_of(inode: int, source: Path, *, is_folder: bool) -> Iterator[Path]:
    folder = source.parent
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in islice(entries, _MOST_ENTRIES):
                if entry.is_dir(follow_symlinks=False) if is_folder else entry.inode() == inode:
                    yield Path(entry.path)
    elif folder.parent.is_dir():
        with os.scandir(folder.parent) as entries:
            for entry in islice(entries, _MOST_ENTRIES):
                if entry.is_dir(follow_symlinks=False):
                    yield Path(entry.path) / source.name


def _is_one(path: Path, kept: Path) -> bool:
    """Whether two paths are one file, or folders of files that are."""
    if path == kept or not path.exists():
        return False
    if not kept.is_dir():
        return path.samefile(kept)
    inner = next((one.relative_to(kept) for one in kept.rglob("*") if one.is_file()), None)
    return inner is not None and (path / inner).exists() and (path / inner).samefile(kept / inner)
