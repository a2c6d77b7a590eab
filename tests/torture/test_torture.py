"""Small versions of what `python -m tests.torture` tries at length."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.disks import small_disk
from tests.torture import clocks, crowds, disks, kills
from tests.torture.acknowledged import Tried

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kill", [kills.kill_training, kills.kill_sidecar, kills.kill_both])
def test_kill_9_loses_nothing_that_was_logged(kill: Callable[[Path, int], Tried], tmp_path: Path) -> None:
    assert kill(tmp_path, 3).lost == ""


def test_a_disk_that_gets_full_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        assert disks.fill(disk, 2).lost == ""


def test_when_every_disk_gets_full_it_is_said_what_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        assert disks.fill_every(disk, 1).lost == ""


def test_a_journal_that_becomes_read_only_loses_nothing(tmp_path: Path) -> None:
    if not disks.can_forbid(tmp_path):
        pytest.skip("no file can be made immutable here")
    assert disks.forbid(tmp_path, 1).lost == ""


@pytest.mark.parametrize("harm", [disks.slow_down, disks.vanish, clocks.jump])
def test_slow_disks_vanishing_folders_and_jumping_clocks_lose_nothing(
    harm: Callable[[Path, int], Tried], tmp_path: Path
) -> None:
    assert harm(tmp_path, 1).lost == ""


def test_many_processes_and_threads_can_record_into_one_store(tmp_path: Path) -> None:
    assert crowds.crowd(tmp_path, 4, 4, steps=50).lost == ""
