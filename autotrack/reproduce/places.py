"""Looks at places that a run names, which may be where the user may not look."""

import os
from pathlib import PurePath


def is_folder(path: str | PurePath) -> bool:
    """Whether there is a folder. `Path.is_dir` raises where a folder above may not be read."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | PurePath) -> bool:
    """Whether there is a file. `Path.is_file` raises where a folder above may not be read, and for a long name."""
    return os.path.isfile(path)  # noqa: PTH113


def exists(path: str | PurePath) -> bool:
    """Whether there is something. `Path.exists` raises where a folder above may not be read."""
    return os.path.exists(path)  # noqa: PTH110
