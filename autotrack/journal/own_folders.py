"""Folders of this user for what cannot be written into a run folder: on a full disk, or in a read-only store."""

import os
import stat
from pathlib import Path


def own_folders(purpose: str) -> list[str]:
    """Return the folders for a purpose, the best one first. They need not exist, and may belong to somebody else."""
    home, state = os.environ.get("HOME"), os.environ.get("XDG_STATE_HOME")
    state = state or (home and f"{home}/.local/state")
    temporary = os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp"  # noqa: S108  used only if it is private
    user = os.getuid() if hasattr(os, "getuid") else "me"
    return [*filter(None, [state and f"{state}/autotrack/{purpose}"]), f"{temporary}/autotrack-{purpose}-{user}"]


def is_private(folder: Path) -> bool:
    """Return whether a folder belongs to this user and nobody else can write to it: anybody may put one into /tmp."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
