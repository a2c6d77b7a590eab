"""Locks on files: one process has them, others can tell, and nothing is left of them when it dies."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest

from autotrack.journal import locks


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_file_is_locked_by_one_at_a_time(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "file"), opened(tmp_path / "file")
    assert locks.lock(first)
    assert not locks.lock(second)
    locks.unlock(first)
    assert locks.lock(second)
    os.close(first)
    os.close(second)


def test_whether_a_file_is_locked_can_be_told_without_locking_it(tmp_path: Path) -> None:
    assert locks.is_locked(tmp_path / "file") is False  # there is none
    fd = opened(tmp_path / "file")
    assert locks.is_locked(tmp_path / "file") is False
    assert locks.lock(fd)
    assert locks.is_locked(tmp_path / "file") is True
    os.close(fd)
    assert locks.is_locked(tmp_path / "file") is False


def test_with_patience_a_lock_is_waited_for(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "file"), opened(tmp_path / "file")
    assert locks.lock(first)
    began = monotonic()
    assert not locks.lock(second, patience_seconds=0.1)
    assert monotonic() - began >= 0.1
    timer = threading.Timer(0.1, locks.unlock, [first])
    timer.start()
    assert locks.lock(second, patience_seconds=60)
    timer.join()
    os.close(first)
    os.close(second)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from autotrack.journal import locks
assert locks.lock(os.open({str(tmp_path / "file")!r}, os.O_RDWR | os.O_CREAT))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert locks.is_locked(tmp_path / "file") is False


def test_where_nothing_can_be_locked_nobody_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_fcntl", None)  # as on Windows
    fd = opened(tmp_path / "file")
    assert locks.lock(fd)
    locks.unlock(fd)
    assert locks.is_locked(tmp_path / "file") is None
    os.close(fd)
