"""Runs share an environment that is kept once beside them, and nobody can slip another one in."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest

import autotrack
from autotrack.errors import UnsafeFileError
from autotrack.journal import records, summary
from autotrack.journal.records import AnyRecord, Environment
from autotrack.journal.run_folder import file_status, open_file, read_bytes
from autotrack.journal.shared_files import environment_of, own_name, publish, shared_name
from autotrack.sinks.folder import FolderSink
from autotrack.sinks.shipment import Shipment

VERSIONS = {f"package-{number}": "1.0" for number in range(500)}


def shared(run: Path) -> str:
    """Keep an environment beside a run; return its digest."""
    packages = Environment(
        time=0.0, kind="packages", values={"versions": VERSIONS}, files=["environment/packages.json"]
    )
    code = Environment(time=0.0, kind="git", values={"commit": "abc"})
    return publish(run, {"environment/packages.json": b"{}"}, [packages, code])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that has ended, and that shares an environment."""
    with autotrack.start_run("short", to=tmp_path / "runs", experiment="tests") as started:
        started.log({"loss": 0.5})
    line = records.encode(Environment(time=time(), kind="shared", shared=shared(started.folder)))
    (started.folder / "journal" / "sidecar.jsonl").write_bytes(line + b"\n")
    return started.folder


def digest_of(run: Path) -> str:
    (folder,) = (run.parent / ".environments").iterdir()
    return folder.name


def summarised(run: Path) -> summary.Summary:
    Shipment(run, FolderSink(), on_problem=pytest.fail).carry(flush=True)
    return summary.read(run)


def loaded(run: Path) -> summary.Summary:
    return autotrack.load(run).summary


def test_a_run_that_shares_an_environment_reads_as_if_it_had_its_own(run: Path) -> None:
    for read in (loaded, summarised):
        found = read(run)
        assert found.environment == {"packages": {"versions": VERSIONS}, "git": {"commit": "abc"}}
        (name,) = found.environment_files
        assert own_name(name) == "environment/packages.json"
        assert read_bytes(run, name, limit_bytes=10) == b"{}"
        assert found.left_out == []


def test_it_takes_next_to_no_room_in_the_run(run: Path) -> None:
    summarised(run)
    assert "package-1" not in (run / "run.json").read_text()
    assert (run / "journal" / "sidecar.jsonl").stat().st_size < 200


def test_the_same_environment_is_kept_once(run: Path) -> None:
    before = digest_of(run)
    assert shared(run.parent / "another") == before
    assert digest_of(run) == before


def test_a_run_that_is_moved_alone_says_what_it_lacks(run: Path, tmp_path: Path) -> None:
    summarised(run)
    digest = digest_of(run)
    moved = tmp_path / "elsewhere" / run.name
    shutil.move(run, moved)
    for read in (summary.read, loaded, summarised):
        found = read(moved)
        assert found.metrics["loss"].count == 1
        assert "packages" not in found.environment
        assert [digest in sentence for sentence in found.left_out] == [True]
    shutil.copytree(run.parent / ".environments", moved.parent / ".environments")
    assert summarised(moved).environment["git"] == {"commit": "abc"}


def change_a_file(folder: Path) -> None:
    (folder / "environment" / "packages.json").write_bytes(b"[]")


def change_the_records(folder: Path) -> None:
    (folder / "environment.json").write_bytes(b"[]")


def add_a_file(folder: Path) -> None:
    (folder / "environment" / "more.json").write_bytes(b"{}")


def make_it_a_link(folder: Path) -> None:
    folder.rename(folder.parent / "real")
    folder.symlink_to(folder.parent / "real")


def make_them_all_a_link(folder: Path) -> None:
    folder.parent.rename(folder.parent.parent / "real")
    folder.parent.symlink_to(folder.parent.parent / "real")


@pytest.mark.parametrize("harm", [change_a_file, change_the_records, add_a_file, make_it_a_link, make_them_all_a_link])
def test_one_that_is_not_what_its_name_says_is_not_read(run: Path, harm: Callable[[Path], None]) -> None:
    digest = digest_of(run)
    harm(run.parent / ".environments" / digest)
    with pytest.raises(UnsafeFileError):
        environment_of(run, digest)
    assert autotrack.load(run).environment == {}


@pytest.mark.parametrize("name", [".environments/x/y", ".environments/../../y", f".environments/{'A' * 64}/y"])
def test_a_name_that_is_no_digest_opens_nothing(run: Path, name: str) -> None:
    for act in (lambda: open_file(run, name), lambda: file_status(run, name)):
        with pytest.raises(autotrack.AutotrackError):
            act()


@pytest.mark.parametrize("forged", ["../../x", "..", ".", "a/../b", "/etc", "x\0y", "x", "A" * 64, "a" * 64 + "\n"])
def test_a_run_that_names_no_digest_lacks_its_environment_and_hides_no_other_run(run: Path, forged: str) -> None:
    store = run.parent.parent
    with autotrack.start_run("other", to=store, experiment="tests"):
        pass
    line = records.encode(Environment(time=time(), kind="shared", shared=forged))
    (run / "journal" / "sidecar.jsonl").write_bytes(line + b"\n")
    (run / "run.json").unlink(missing_ok=True)
    for read in (loaded, summarised, summary.read):  # from the journal, then from the `run.json` that this makes
        found = read(run)
        assert found.metrics["loss"].count == 1
        assert ["no digest" in sentence for sentence in found.left_out] == [True]
    assert sorted(each.summary.name for each in autotrack.runs(store)) == ["other", "short"]


def test_shared_files_are_never_written_by_way_of_a_run(run: Path) -> None:
    name = shared_name(digest_of(run), "environment/packages.json")
    with pytest.raises(UnsafeFileError, match="share"):
        open_file(run, name, os.O_RDWR)


def test_nothing_is_written_through_a_link_in_their_place(tmp_path: Path) -> None:
    experiment, elsewhere = tmp_path / "runs" / "tests", tmp_path / "elsewhere"
    experiment.mkdir(parents=True)
    elsewhere.mkdir()
    (experiment / ".environments").symlink_to(elsewhere)
    with pytest.raises(UnsafeFileError, match="link"):
        shared(experiment / "run")
    assert list(elsewhere.iterdir()) == []


def test_only_a_record_of_a_sidecar_names_one(run: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    (record,) = read_journal(run, "sidecar")
    assert isinstance(record, Environment)
    assert (record.kind, record.values, record.files) == ("shared", {}, [])
