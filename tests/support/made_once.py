"""What takes long to make and is only read is made once, for all workers that run tests side by side."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of this name that `make` has filled, in this worker or in another one of these tests.

    The folder is where it stays from the start, for environments and stores of runs may not be moved.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # each worker has a folder below it
    return made_once_in(shared, name, make)


def made_once_in(shared: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of this name in `shared` that `make` has filled, in this process or in another one."""
    folder, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker has left that failed
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
