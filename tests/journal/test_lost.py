"""What no disk takes is lost, and that is said: by the process, in the run, and by those who show or sync it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal.lost import losses_in
from autotrack.training.start import resume_run
from tests.support.disks import SmallDisk, small_disk
from tests.support.processes import sidecars_of, wait_until

_FILLS_EVERY_DISK = """
import os, signal, sys
import autotrack
from pathlib import Path
from tests.support.disks import SmallDisk
disk = SmallDisk(Path(sys.argv[1]))
run = autotrack.start_run("full", to=disk.path / "runs")
run.log({"loss": 1.0}, step=0)
disk.fill()
for step in range(1, 500):
    run.log({"loss": 1.0}, step=step)
print(run.folder, flush=True)
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "fail":
    raise ValueError("after the disk")
if sys.argv[2] == "room":
    run.finish()
    disk.make_room()
"""


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """A disk that holds everything: the store, the home of the user, temporary files."""
    monkeypatch.delenv("AUTOTRACK_SIDECAR")
    with small_disk(tmp_path / "disk") as small:
        for variable, folder in (("XDG_STATE_HOME", "state"), ("TMPDIR", "temporary"), ("XDG_CACHE_HOME", "cache")):
            (small.path / folder).mkdir()
            monkeypatch.setenv(variable, str(small.path / folder))
        yield small


def record(disk: SmallDisk, ending: str) -> tuple[Path, list[str]]:
    """Record a run while every disk fills up; return its folder and what was said at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", _FILLS_EVERY_DISK, disk.path, ending], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    out, error = process.communicate(timeout=60)
    wait_until(lambda: not sidecars_of(process.pid))
    assert process.returncode == {"kill": -signal.SIGKILL, "fail": 1}.get(ending, 0), error
    return Path(out.strip()), [line for line in error.splitlines() if " lost" in line]


def said(*command: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(part) for part in command])
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(("ending", "status"), [("exit", "finished"), ("fail", "failed"), ("kill", "killed")])
def test_what_is_lost_is_said_and_noted_in_the_run(disk: SmallDisk, ending: str, status: str) -> None:
    folder, lines = record(disk, ending)
    if ending == "kill":
        assert not lines
    else:
        (line,) = lines
        assert (count := re.fullmatch(r"autotrack: records of full are lost, (\d+) of them: no disk took them", line))
        assert int(count[1]) > 400
    assert f"records of run {folder.name} are lost" in said("ls", disk.path / "runs")[1]
    assert re.search(r"lost: at least \d+ records of main\.jsonl, which no disk took", said("show", folder)[1])

    exit_code, output = said("sync", disk.path / "runs")
    assert exit_code == 1
    assert "1 run incomplete" in output

    disk.make_room()
    exit_code, output = said("sync", disk.path / "runs")
    assert exit_code == 1
    assert "now this is noted in the run" in output
    assert autotrack.load(folder).status == status
    assert any(notice.message.startswith("lost: at least ") for notice in autotrack.load(folder).summary.notices)
    assert not list(losses_in(folder))
    assert said("sync", disk.path / "runs")[0] == 0
    assert "are lost" not in said("ls", disk.path / "runs")[1]


def test_what_there_is_room_for_when_the_process_ends_is_not_lost(disk: SmallDisk) -> None:
    folder, lines = record(disk, "room")
    assert not lines
    assert [point.step for point in autotrack.load(folder).history("loss")] == list(range(500))
    assert not [loss for loss in losses_in(folder) if loss.journal.name == "main.jsonl"]


def test_a_run_that_goes_on_notes_what_its_last_process_has_lost(disk: SmallDisk) -> None:
    folder, _ = record(disk, "exit")
    disk.make_room()
    with resume_run(folder) as run:
        run.log({"loss": 1.0}, step=500)
        assert autotrack.load(folder).status == "running"
    recorded = autotrack.load(folder)
    assert recorded.status == "finished"
    assert [notice for notice in recorded.summary.notices if "main.jsonl" in notice.message]


def test_a_store_of_somebody_else_may_hold_anything_under_such_names(tmp_path: Path) -> None:
    with autotrack.start_run(to=tmp_path / "runs") as run:
        run.log({"loss": 1.0})
    journals = run.folder / "journal"
    for name in ("\udcff.lost-1", "x.lost-99999999999999", "x.lost-0", "main.lost-1-running-1.0-1.0", "a b.lost-1"):
        (journals / name).touch()
    (journals / "main.lost-2-killed-999999999999.9-999999999999.9").touch()
    (journals / "sidecar.lost-7").mkdir()
    assert said("sync", run.folder)[0] == 1
    assert said("sync", run.folder)[0] == 0
    noted = [notice.message for notice in autotrack.load(run.folder).notices if notice.about == "journal"]
    assert noted == ["lost: at least 2 records of main.jsonl, which no disk took"]


def test_what_is_lost_again_and_again_is_not_counted_twice(disk: SmallDisk) -> None:
    folder, _ = record(disk, "exit")
    first = sorted(losses_in(folder))
    for _ in range(3):
        said("sync", folder)
    assert sorted(losses_in(folder)) == first
