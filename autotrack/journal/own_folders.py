"""Folders of this user for what cannot be written into a run folder, or does not belong there."""

import os
import stat
from pathlib import Path


def own_folders(purpose: str) -> list[str]:
    """Return the folders for a purpose, the best one first. They need not exist, and may belong to somebody else."""
    return _folders(purpose, "XDG_STATE_HOME", ".local/state")


def cache_folders(purpose: str) -> list[str]:
    """Return the folders for what can be made again at any time, as `own_folders` does."""
    return _folders(purpose, "XDG_CACHE_HOME", ".cache")


def _folders(purpose: str, variable: str, below_home: str) -> list[str]:
    home, chosen = os.environ.get("HOME"), os.environ.get(variable)
    chosen = chosen or (home and f"{home}/{below_home}")
    temporary = os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp"  # noqa: S108  used only if it is private
    user = os.getuid() if hasattr(os, "getuid") else "me"
    return [*filter(None, [chosen and f"{chosen}/autotrack/{purpose}"]), f"{temporary}/autotrack-{purpose}-{user}"]


def home() -> Path | None:
    """Return the home of this user; None for a user without one, as in containers that run as any number."""
    try:
        return Path.home()
    except RuntimeError:
        return None


LINKS = "autotrack-tensorboard-"
"""How the names of temporary folders begin that hold links to the runs that TensorBoard shows."""


def is_private(folder: Path) -> bool:
    """Return whether a folder belongs to this user and nobody else can write to it: anybody may put one into /tmp."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
