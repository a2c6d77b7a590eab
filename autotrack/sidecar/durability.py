"""Has the disk take what the operating system still holds of many journals: one call for all of them."""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any


def sync_file_system(folder: Path) -> bool:
    """Write out everything that is waiting for the disk of `folder`; return whether that is possible here (Linux).

    To call `fsync` for each of hundreds of small journals a second would keep a disk busy with nothing else.
    """
    syncfs = _syncfs()
    if syncfs is None:
        return False
    fd = os.open(folder, os.O_RDONLY)
    try:
        return bool(syncfs(fd) == 0)
    finally:
        os.close(fd)


@cache
def _syncfs() -> Any:
    try:
        return ctypes.CDLL(None).syncfs
    except (OSError, AttributeError, TypeError):
        return None
