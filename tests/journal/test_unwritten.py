"""What a disk refuses waits on another one, survives the process, and comes home."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.errors import AutotrackWarning
from autotrack.journal import records, unwritten
from autotrack.journal.reader import JournalReader
from autotrack.journal.records import Metrics, RunStarted
from autotrack.journal.writer import Journal
from autotrack.sidecar.sync import Outcome, RunSync
from tests.support.disks import SmallDisk, failing_disk, read_only, small_disk
from tests.support.processes import wait_until

_FILLS = """
import os, signal, sys
import autotrack
from pathlib import Path
from tests.support.disks import SmallDisk
disk = SmallDisk(Path(sys.argv[1]))
run = autotrack.start_run("full", to=disk.path)
run.log({"loss": 1.0}, step=0)
disk.fill()
for step in range(1, 500):
    run.log({"loss": 1.0}, step=step)
print(run.folder, flush=True)
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as small:
        yield small


def waiting_files() -> list[Path]:
    return list(Path(os.environ["XDG_STATE_HOME"]).rglob("*.jsonl"))


def sync(folder: Path) -> Outcome:
    return RunSync(on_problem=lambda _folder, _problem: None).sync(folder)


def steps(folder: Path) -> list[int | None]:
    return [point.step for point in autotrack.load(folder).history("loss")]


def fill(disk: SmallDisk, ending: str) -> tuple[Path, str]:
    """Record a run whose disk fills up; return its folder and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", _FILLS, disk.path, ending], capture_output=True, text=True, check=False, timeout=60,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == (-signal.SIGKILL if ending == "kill" else 0), done.stderr
    return Path(done.stdout.strip()), done.stderr


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("ending", ["exit", "kill"])
def test_a_run_on_a_disk_that_stays_full_comes_home_by_sync(
    disk: SmallDisk, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOTRACK_QUIET")
    folder, said = fill(disk, ending)
    assert "Traceback" not in said
    assert "No space left on device" in said
    (waiting,) = [path for path in waiting_files() if "-main-" in path.name]
    assert str(waiting) in said
    outcome = sync(folder)
    assert outcome.state == "incomplete"
    assert "No space left on device" in (outcome.error or "")
    disk.make_room()
    assert sync(folder).state == "complete"
    assert steps(folder) == list(range(500))
    assert autotrack.load(folder).status == ("killed" if ending == "kill" else "finished")
    # The process beside training may still have had something to keep when the run was sent home the first time.
    wait_until(lambda: not waiting_files() or (sync(folder).state == "complete" and not waiting_files()))


def test_sync_says_that_a_summary_could_not_be_written(disk: SmallDisk) -> None:
    run = autotrack.start_run(to=disk.path)
    run.log({"loss": 1.0})
    run.finish()
    (run.folder / "run.json").unlink()
    disk.fill()
    outcome = sync(run.folder)
    assert outcome.state == "incomplete"
    assert (outcome.error or "").startswith("run.json: OSError: ")


@pytest.mark.usefixtures("everything")
def test_a_disk_that_becomes_read_only_takes_the_rest_once_it_is_repaired(tmp_path: Path) -> None:
    """As a file system is set to be on which the system finds an error."""
    script = """
import sys
import autotrack
from pathlib import Path
from tests.support.disks import let_fail
run = autotrack.start_run("failing", to=Path(sys.argv[1]))
for step in range(500):
    run.log({"loss": 1.0}, step=step)
    if step == 200:
        let_fail(Path(sys.argv[1]))
print(run.folder, flush=True)
"""
    with failing_disk(tmp_path / "failing") as disk:
        done = subprocess.run(
            [sys.executable, "-c", script, disk.path], capture_output=True, text=True, check=False, timeout=60,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "Read-only file system" in done.stderr
        folder = Path(done.stdout.strip())
        assert sync(folder).state in {"incomplete", "read-only"}
        disk.repair()
        assert sync(folder).state == "complete"
        assert steps(folder) == list(range(500))
        assert autotrack.load(folder).status == "finished"


def test_a_run_that_goes_on_brings_home_what_its_last_process_could_not_write(disk: SmallDisk) -> None:
    folder, _ = fill(disk, "kill")
    disk.make_room()
    from autotrack.training.start import resume_run

    with resume_run(folder) as run:
        run.log({"loss": 1.0}, step=500)
    assert steps(folder) == list(range(501))
    assert not waiting_files()


def test_what_is_logged_after_the_end_of_a_run_comes_home_with_the_rest(disk: SmallDisk) -> None:
    run = autotrack.start_run("full", to=disk.path)
    disk.fill()
    with pytest.warns(AutotrackWarning, match="No space left"):  # noqa: PT031  it comes with one of them
        for step in range(500):
            run.log({"loss": 1.0}, step=step)
    run.finish()
    assert waiting_files()
    run.log({"loss": 1.0}, step=500)
    disk.make_room()
    run.log({"loss": 1.0}, step=501)
    assert steps(run.folder) == list(range(502))
    assert not [path for path in waiting_files() if "-main-" in path.name]


def test_a_run_that_was_moved_meanwhile_gets_what_is_its(disk: SmallDisk, tmp_path: Path) -> None:
    folder, _ = fill(disk, "kill")
    other = autotrack.start_run(to=tmp_path / "other")
    other.finish()
    moved = Path(shutil.move(folder, tmp_path / "moved"))
    assert sync(other.folder).state == "complete"
    assert waiting_files()
    assert sync(moved).state == "complete"
    assert steps(moved) == list(range(500))
    assert not waiting_files()


def test_a_journal_of_which_the_disk_took_nothing_finds_its_run_when_that_was_moved(
    disk: SmallDisk, tmp_path: Path
) -> None:
    """As that of a sidecar, whose first record does not tell which run it is of."""
    run = autotrack.start_run(to=disk.path / "runs")
    run.finish()
    disk.fill()
    journal = Journal(run.folder / "journal" / "sidecar.jsonl", on_problem=lambda _: None)
    journal.append(Metrics(time=1.0, values={"loss": 0.5}, step=7))
    journal.close()
    moved = Path(shutil.move(run.folder, tmp_path / "moved"))
    assert sync(moved).state == "complete"
    assert steps(moved) == [7]
    assert not waiting_files()


def test_a_journal_that_a_disk_does_not_even_let_be_made_comes_home(tmp_path: Path) -> None:
    """As that of a sidecar, once a quota is used up or a disk has become read-only."""
    run = autotrack.start_run(to=tmp_path / "runs")
    run.finish()
    said: list[str] = []
    with read_only(run.folder):
        journal = Journal(run.folder / "journal" / "sidecar-7.jsonl", on_problem=said.append, may_wait=True)
        for step in range(3):
            journal.append(Metrics(time=1.0, values={"loss": 0.5}, step=step))
        journal.close()
        assert not journal.lost_records
    assert "Read-only file system" in said[0]
    assert sync(run.folder).state == "complete"
    assert steps(run.folder) == [0, 1, 2]
    assert not waiting_files()


def test_a_full_disk_raises_nothing_when_the_journal_is_a_long_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "large", megabytes=24) as disk:
        with autotrack.start_run(to=disk.path / "runs") as run:
            for number in range(20):
                run.log_text(f"text {number}", "x" * 950_000)
            disk.fill()
            with pytest.warns(AutotrackWarning, match="No space left"):  # noqa: PT031  it comes with one of them
                for step in range(200):
                    run.log({"loss": 1.0}, step=step)
            assert waiting_files()
            disk.make_room()
        assert steps(run.folder) == list(range(200))


@pytest.mark.parametrize("ending", ["kill", "finish"])
def test_a_run_that_looks_killed_says_that_records_wait_until_they_are_home(disk: SmallDisk, ending: str) -> None:
    folder, _ = fill(disk, ending)
    for command in (["ls", str(disk.path)], ["show", str(folder)]):
        said = CliRunner().invoke(app, command).output
        assert f"records of run {folder.name} wait elsewhere" in said, said
    disk.make_room()
    assert sync(folder).state == "complete"
    for command in (["ls", str(disk.path)], ["show", str(folder)]):
        assert "wait elsewhere" not in CliRunner().invoke(app, command).output


def test_what_has_come_home_already_does_not_come_twice(disk: SmallDisk) -> None:
    folder, _ = fill(disk, "kill")
    disk.make_room()
    (waiting,) = waiting_files()
    kept = waiting.read_bytes()
    arriving = kept.partition(b"\n")[2]
    half = arriving.index(b"\n", len(arriving) // 2) + 20  # whoever brought them was killed in the middle of a line
    journal = folder / "journal" / "main.jsonl"
    whole = journal.read_bytes()[: journal.read_bytes().rfind(b"\n") + 1]
    journal.write_bytes(whole + arriving[:half])
    assert sync(folder).state == "complete"
    assert steps(folder) == list(range(500))


def test_lines_that_no_disk_takes_wait_in_memory_in_their_order(
    disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(disk.path / "state"))
    monkeypatch.setenv("TMPDIR", str(disk.path))
    path = disk.path / "run" / "journal" / "main.jsonl"
    said: list[str] = []
    journal = Journal(path, on_problem=said.append)
    journal.append(RunStarted(time=0.0, id="a", name="a", experiment="a"))
    disk.fill()
    for step in range(500):
        journal.append(Metrics(time=1.0, values={"loss": 1.0}, step=step))
    assert journal.lost_records > 400
    assert len(said) == 1
    disk.make_room()
    journal.append(Metrics(time=1.0, values={"loss": 1.0}, step=500))
    assert journal.lost_records == 0
    journal.close()
    found = [record for record in JournalReader(path).read() if isinstance(record, Metrics)]
    assert [record.step for record in found] == list(range(501))


def test_a_folder_that_others_can_write_to_is_not_used(
    disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can put a folder into /tmp, and lines into that, which would end up in the runs of somebody else."""
    run = autotrack.start_run(to=tmp_path / "runs")
    run.finish()
    planted = tmp_path / "state" / "autotrack" / "unwritten"
    planted.mkdir(parents=True)
    header = unwritten.Header(str(run.folder / "journal" / "main.jsonl"), run.id, f"{0:020}")
    metrics = records.encode(Metrics(time=0.0, values={"loss": 7.0}))
    (planted / "x.jsonl").write_bytes(records.encode(header) + b"\n" + metrics + b"\n")
    planted.chmod(0o777)
    size = (run.folder / "journal" / "main.jsonl").stat().st_size
    assert sync(run.folder).state == "complete"
    assert (run.folder / "journal" / "main.jsonl").stat().st_size == size


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("seconds", [0.0, 1.2])
def test_a_run_whose_folder_is_deleted_ends_without_a_traceback(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOTRACK_QUIET")
    script = f"""
import shutil, time
import autotrack
run = autotrack.start_run("gone", to="runs")
run.log({{"loss": 1.0}}, step=0)
time.sleep({seconds})
shutil.rmtree("runs")
run.log({{"loss": 1.0}}, step=1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "AutotrackWarning" in done.stderr
