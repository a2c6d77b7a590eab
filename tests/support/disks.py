"""A disk of a few megabytes that tests may fill, for those who may mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import wait_until


class SmallDisk:
    """A file system of its own, at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Leave no room at all."""
        fd = os.open(self.path / "filler", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(fd, bytes(4096))
        except OSError:
            pass
        finally:
            os.close(fd)

    def make_room(self) -> None:
        """Undo `fill`."""
        (self.path / "filler").unlink()


@contextmanager
def small_disk(path: Path, megabytes: int = 2) -> Iterator[SmallDisk]:
    """Mount a disk at `path` for a while; skips the test where that is not allowed."""
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


class FailingDisk:
    """A disk on which the system finds an error after a while, and lets nobody write to it until it is repaired."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._image = path.with_suffix(".image")
        with self._image.open("wb") as file:
            file.truncate(16 * 2**20)
        subprocess.run(["mkfs.ext4", "-q", self._image], check=True)

    def mount(self) -> bool:
        """Mount it; returns whether that is allowed."""
        command = ["mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.path)]
        return not subprocess.run(command, capture_output=True, check=False).returncode

    def repair(self) -> None:
        """Repair it, once nobody uses it any more."""
        wait_until(lambda: not subprocess.run(["umount", self.path], capture_output=True, check=False).returncode)
        subprocess.run(["e2fsck", "-fy", self._image], capture_output=True, check=False)
        assert self.mount()


def let_fail(path: Path) -> None:
    """Have the system find an error on a `FailingDisk`, once everything is on it that was written so far."""
    os.sync()
    device = path.stat().st_dev
    name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
    Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test")


@contextmanager
def failing_disk(path: Path) -> Iterator[FailingDisk]:
    """Mount a disk at `path` that may fail; skips the test where that is not allowed."""
    if not shutil.which("mkfs.ext4") or not os.access("/dev/loop-control", os.W_OK):
        pytest.skip("nothing can be mounted here")
    path.mkdir()
    disk = FailingDisk(path)
    if not disk.mount():
        pytest.skip("nothing can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder one that may only be read, even for root; skips the test where that is not allowed."""
    mounted = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
