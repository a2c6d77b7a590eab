"""The pyproject.toml of a project, as it is found from a folder upward."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from autotrack.errors import SettingsError


def find(folder: Path | None = None) -> tuple[Path, Mapping[str, Any]] | None:
    """Return the pyproject.toml that counts in a folder, by default the working directory, and what is in it."""
    path = find_upward("pyproject.toml", folder)
    return None if path is None else (path, _read(path, *_version(path)))


def find_upward(name: str, folder: Path | None = None) -> Path | None:
    """Return the first path of this name in a folder, by default the working directory, or above it."""
    for parent in _folders_above(str(folder or os.getcwd())):  # noqa: PTH109  creating a Path takes longer than asking the disk
        path = os.path.join(parent, name)  # noqa: PTH118
        if os.path.exists(path):  # noqa: PTH110
            return Path(path)
    return None


@lru_cache(maxsize=8)
def _folders_above(folder: str) -> list[str]:
    return [folder, *map(str, Path(folder).parents)]


def _version(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # it has just been removed
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)  # every run needs it, and parsing a long file takes longer than a short fit
def _read(path: Path, _modified: int, _size: int) -> dict[str, Any]:
    import tomllib  # here, because most processes have no pyproject.toml

    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if isinstance(error, tomllib.TOMLDecodeError) and "tool.autotrack" in text:
            raise SettingsError(f"{path} cannot be read: {error}") from error
        return {}  # the file is not about us
