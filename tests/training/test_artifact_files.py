"""Large files that are logged cost training nothing, and are kept as they were when they were logged."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.journal import copies
from autotrack.journal.copies import Copy
from autotrack.journal.records import Artifact
from tests.support.disks import small_disk

_LARGE = 2**25
_LOGS = f"""
import os, shutil, signal, sys
from pathlib import Path
import autotrack
source, store = Path(sys.argv[1]), sys.argv[2]
source.mkdir(exist_ok=True)
large = source / "large.bin"
large.write_bytes(b"1" * {_LARGE})
run = autotrack.start_run("logs", to=store)
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk, where links to the store are impossible."""
    with small_disk(tmp_path / "elsewhere", megabytes=100) as disk:
        yield disk.path


@pytest.fixture(params=["same disk", "another disk"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder for files to be logged."""
    return tmp_path / "source" if request.param == "same disk" else Path(request.getfixturevalue("elsewhere"))


def log(script: str, source: Path) -> tuple[autotrack.RecordedRun, str]:
    """Run a script that logs, and wait until its sidecar is gone; return the run and what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", _LOGS + textwrap.dedent(script), str(source), "runs"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = autotrack.runs("runs")
    return run, done.stderr


def artifact(run: autotrack.RecordedRun, name: str = "large.bin") -> Artifact:
    return next(found for found in run.summary.artifacts if found.path == f"artifacts/{name}")


@pytest.mark.usefixtures("everything")
def test_a_large_file_is_a_copy_of_its_own_when_the_script_has_ended(source: Path) -> None:
    run, said = log('run.log_artifact(large)\nrun.log({"loss": 1.0})\n', source)
    kept = run.folder / "artifacts" / "large.bin"
    assert kept.read_bytes() == b"1" * _LARGE
    assert artifact(run).bytes == _LARGE
    assert kept.stat().st_nlink == 1 or (source / "large.bin").stat().st_ino == kept.stat().st_ino
    assert "Warning" not in said


@pytest.mark.usefixtures("everything")
def test_a_large_file_may_be_deleted_as_soon_as_it_is_logged(source: Path) -> None:
    run, said = log("run.log_artifact(large)\nlarge.unlink()\n", source)
    assert (run.folder / "artifacts" / "large.bin").read_bytes() == b"1" * _LARGE
    assert "Warning" not in said


@pytest.mark.usefixtures("everything")
def test_a_large_file_may_be_replaced_as_soon_as_it_is_logged(source: Path) -> None:
    script = f"""
    run.log_artifact(large)
    new = large.with_name("new")
    new.write_bytes(b"2" * {_LARGE})
    os.replace(new, large)
    run.log_artifact(large, "second.bin")
    """
    run, _ = log(script, source)
    assert (run.folder / "artifacts" / "large.bin").read_bytes() == b"1" * _LARGE
    assert (run.folder / "artifacts" / "second.bin").read_bytes() == b"2" * _LARGE


@pytest.mark.usefixtures("everything")
def test_a_large_file_is_kept_when_the_sidecar_is_killed(source: Path) -> None:
    script = """
    import psutil
    for child in psutil.Process().children(recursive=True):
        child.send_signal(signal.SIGSTOP)
    run.log_artifact(large)
    for child in psutil.Process().children(recursive=True):
        child.kill()
        child.wait()
    large.unlink()
    """
    run, _ = log(script, source)
    assert (run.folder / "artifacts" / "large.bin").read_bytes() == b"1" * _LARGE


def test_without_a_sidecar_it_is_copied_at_once(source: Path, tmp_path: Path) -> None:
    source.mkdir(exist_ok=True)
    large = source / "large.bin"
    large.write_bytes(b"1" * _LARGE)
    with autotrack.start_run(to=tmp_path / "runs") as run:
        run.log_artifact(large)
        kept = run.folder / "artifacts" / "large.bin"
        assert kept.read_bytes() == b"1" * _LARGE
        assert kept.stat().st_ino != large.stat().st_ino


@pytest.mark.usefixtures("everything")
def test_a_large_folder_is_kept_with_everything_in_it(source: Path) -> None:
    run, _ = log("run.log_artifact(source, 'folder')\nshutil.rmtree(source, ignore_errors=True)\n", source)
    assert (run.folder / "artifacts" / "folder" / "large.bin").read_bytes() == b"1" * _LARGE


# ---- one copy


def a_link(tmp_path: Path) -> tuple[Path, Copy]:
    large, target = tmp_path / "large.bin", tmp_path / "kept" / "large.bin"
    large.write_bytes(b"1" * 1000)
    identity = copies.identity_of(large)
    copies.link(large, target)
    return large, Copy(source=str(target), target=str(target), identity=identity, inode=target.stat().st_ino)


def test_what_was_written_in_place_before_the_copy_was_made_is_named(tmp_path: Path) -> None:
    large, copy = a_link(tmp_path)
    large.write_bytes(b"2" * 1001)
    assert "large.bin was changed before it could be copied" in (copy.make() or "")


def test_what_is_written_in_place_after_the_copy_was_made_does_not_reach_it(tmp_path: Path) -> None:
    large, copy = a_link(tmp_path)
    assert not copy.is_made
    assert copy.make() is None
    assert copy.is_made
    large.write_bytes(b"2" * 1001)
    assert Path(copy.target).read_bytes() == b"1" * 1000


def test_a_copy_whose_place_was_taken_by_something_newer_is_not_made(tmp_path: Path) -> None:
    _, copy = a_link(tmp_path)
    newer = tmp_path / "newer"
    newer.write_bytes(b"3")
    shutil.move(newer, copy.target)
    assert copy.make() is None
    assert Path(copy.target).read_bytes() == b"3"


def test_a_file_that_is_gone_is_read_from_whoever_holds_it_open(tmp_path: Path) -> None:
    large, target = tmp_path / "large.bin", tmp_path / "kept.bin"
    large.write_bytes(b"1" * 1000)
    with large.open("rb") as held:
        identity = copies.identity_of(large)
        copy = Copy(source=str(large), target=str(target), identity=identity, pid=os.getpid(), fd=held.fileno())
        large.unlink()
        assert copy.make() is None
    assert target.read_bytes() == b"1" * 1000


def test_a_copy_does_not_need_whoever_held_the_file_open_at_first(tmp_path: Path) -> None:
    """Training waits for a while only, and a copy of gigabytes takes longer."""
    large, target = tmp_path / "large.bin", tmp_path / "kept.bin"
    large.write_bytes(b"1" * 1000)
    with large.open("rb") as file:
        identity = copies.identity_of(large)
        copy = Copy(source=str(large), target=str(target), identity=identity, pid=os.getpid(), fd=file.fileno())
        held = copy.held()
        large.unlink()
    assert held.make() is None
    held.let_go()
    assert target.read_bytes() == b"1" * 1000
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held.fd)


def test_a_copy_goes_on_when_the_holder_ends_in_the_middle_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, target = tmp_path / "large.bin", tmp_path / "kept.bin"
    large.write_bytes(b"1" * 1000)
    file = large.open("rb")
    copy = Copy(
        source=str(large), target=str(target), identity=copies.identity_of(large), pid=os.getpid(), fd=file.fileno()
    )
    large.unlink()
    copy_file = shutil.copyfile

    def copies_while_the_holder_ends(source: Path, draft: Path) -> None:
        file.close()
        copy_file(source, draft)

    monkeypatch.setattr(shutil, "copyfile", copies_while_the_holder_ends)
    monkeypatch.setattr(copies, "clone", lambda *_: False)
    assert copy.make() is None
    assert target.read_bytes() == b"1" * 1000


# ---- a full disk


def test_a_file_that_the_disk_has_no_room_for_is_a_warning(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"1" * 2**22)
    with small_disk(tmp_path / "disk") as disk, autotrack.start_run(to=disk.path) as run:
        with pytest.warns(AutotrackWarning, match=r"source\.bin is not kept: No space left on device"):
            run.log_artifact(source)
        assert not list(run.folder.glob("artifacts/*"))


def test_what_cannot_be_copied_of_a_folder_costs_itself_only(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "scores.txt").write_text("0.5")
    (folder / "latest").symlink_to("inner")
    (folder / "gone").symlink_to("is not there")
    (folder / "inner" / "up").symlink_to("..")
    os.mkfifo(folder / "inner" / "pipe")
    with autotrack.start_run(to=store) as run, pytest.warns(AutotrackWarning, match="results is kept without"):
        run.log_artifact(folder)
    kept = run.folder / "artifacts" / "results"
    files = {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()}
    assert files == {"inner/scores.txt", "latest/scores.txt"}
    (notice,) = autotrack.load(run.folder).notices
    assert all(name in notice.message for name in ("gone", "inner/pipe", "inner/up"))


@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_what_is_neither_a_file_nor_a_folder_is_refused(store: Path, tmp_path: Path, kind: str) -> None:
    """A device such as /dev/zero would fill the disk."""
    path = Path("/dev/zero") if kind == "device" else tmp_path / "pipe"
    if kind == "pipe":
        os.mkfifo(path)
    with autotrack.start_run(to=store) as run, pytest.raises(autotrack.AutotrackError, match="neither a file nor"):
        run.log_artifact(path)
    assert not (run.folder / "artifacts").exists()
