"""What is added to a run from beside it: load that knows its epoch, checksums, durability, how it ended."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time
from typing import Any

import pytest

import autotrack
from autotrack.journal.records import AnyRecord, Artifact, Environment, Notice, RunFinished, SystemStats
from autotrack.protocol import Follow
from autotrack.sidecar.exit_status import ExitStatus
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sinks import build
from autotrack.sinks.folder import FolderSink

Read = Callable[..., list[AnyRecord]]


@pytest.fixture
def run(store: Path) -> Iterator[autotrack.Run]:
    """A run that is going on."""
    with autotrack.start_run("mine", to=store, experiment="tests") as started:
        yield started


@pytest.fixture
def follow(run: autotrack.Run) -> Iterator[Callable[..., FollowedRun]]:
    """Follow that run; what it holds is let go at the end."""
    followed: list[FollowedRun] = []

    def make(**about: Any) -> FollowedRun:
        followed.append(FollowedRun(Follow(folder=str(run.folder), **about)))
        followed[-1].update()
        return followed[-1]

    yield make
    for one in followed:
        one.close()


def of_kind(kind: type[AnyRecord], found: list[AnyRecord]) -> list[Any]:
    return [record for record in found if isinstance(record, kind)]


# The load


def epochs_of_load(run: autotrack.Run, read_journal: Read) -> dict[float, int | None]:
    found = of_kind(SystemStats, read_journal(run.folder, "sidecar"))
    return {record.values["sample"]: record.epoch for record in found}


def test_a_sample_fell_in_the_epoch_whose_metrics_come_next(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow()
    for number, epoch in enumerate((0, 0, 1, 2)):
        followed.put_load({"sample": number})
        run.log({"loss": 0.5}, step=number, epoch=epoch)
        followed.update()
    assert epochs_of_load(run, read_journal) == {0: 0, 1: 0, 2: 1, 3: 2}


def test_what_follows_the_end_of_an_epoch_is_the_next_one(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow()
    run.log({"loss": 0.5, "epoch_seconds": 3.2}, epoch=4)
    followed.update()
    followed.put_load({"sample": 0})
    followed.put_load({"sample": 1})
    run.log({"loss": 0.5}, epoch=5)
    followed.update()
    followed.put_load({"sample": 2})
    followed.flush()
    assert epochs_of_load(run, read_journal) == {0: 5, 1: 5, 2: 5}


def test_metrics_that_were_logged_before_a_sample_but_read_after_it_say_nothing_of_it(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow()
    run.log({"loss": 0.5, "epoch_seconds": 3.2}, epoch=0)
    followed.put_load({"sample": 0})
    followed.update()
    run.log({"loss": 0.5}, epoch=1)
    followed.update()
    assert epochs_of_load(run, read_journal) == {0: 1}


def test_a_sample_of_a_run_without_epochs_has_none(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow()
    run.log({"loss": 0.5}, step=0)
    followed.put_load({"sample": 0})
    run.log({"loss": 0.5}, step=1)
    followed.flush()
    assert epochs_of_load(run, read_journal) == {0: None}


def test_the_load_of_another_rank_is_told_apart(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow(only_load=True, rank=3)
    assert followed.lifecycle.is_captured
    followed.put_load({"process_memory_bytes": 10**9})
    followed.flush()
    (sample,) = of_kind(SystemStats, read_journal(run.folder, "rank3-sidecar"))
    assert (sample.rank, sample.host) == (3, os.uname().nodename)
    assert "rank3/process_memory_bytes" in autotrack.load(run.folder).system
    assert not (run.folder / "run.json").exists()  # it is another sidecar's to make
    assert not followed.is_left_by(os.getpid())


# Durability


def test_journals_that_grew_are_taken_to_the_disk_and_only_those(
    run: autotrack.Run, follow: Callable[..., FollowedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noting(fd: int) -> None:
        synced.append(Path(f"/dev/fd/{fd}").resolve().name)
        fsync(fd)

    monkeypatch.setattr("autotrack.sidecar.followed_run.os.fsync", noting)
    followed = follow()
    followed.make_durable()
    assert synced == ["main.jsonl"]
    followed.make_durable()
    assert synced == ["main.jsonl"]
    followed.notice("a", "b")
    followed.make_durable()
    assert synced[1:] == ["sidecar.jsonl"]
    run.log({"loss": 0.5})
    followed.make_durable()
    assert synced[2:] == ["main.jsonl"]


# Checksums


def test_a_file_gets_its_checksum_again_when_it_is_another_one(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read, tmp_path: Path
) -> None:
    followed = follow()
    for content in (b"weights", b"better weights"):
        (tmp_path / "weights.bin").write_bytes(content)
        run.log_artifact(tmp_path / "weights.bin", kind="model")
        for _ in range(2):
            followed.update()
            followed.add_checksums()
    found = of_kind(Artifact, read_journal(run.folder, "sidecar"))
    assert [(one.bytes, one.sha256, one.kind) for one in found] == [
        (7, hashlib.sha256(b"weights").hexdigest(), "model"),
        (14, hashlib.sha256(b"better weights").hexdigest(), "model"),
    ]


# Notices


def test_a_trouble_that_comes_back_is_noted_once_and_without_its_secrets(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow(secrets={"DEPLOY_TOKEN": "x8Kq-71zz-0pLm"})
    for _ in range(3):
        followed.notice("sinks", "no way to https://x8Kq-71zz-0pLm@host")
    (notice,) = of_kind(Notice, read_journal(run.folder, "sidecar"))
    assert notice.message == "no way to https://[redacted]@host"


def test_a_sink_that_fails_is_a_notice_and_the_others_go_on(
    run: autotrack.Run, follow: Callable[..., FollowedRun], monkeypatch: pytest.MonkeyPatch, read_journal: Read
) -> None:
    class Full(FolderSink):
        place = "a full disk"

        def open(self, folder: Path) -> dict[str, int]:
            raise OSError("no room")

    make = build.local_sinks
    monkeypatch.setattr("autotrack.sinks.build.local_sinks", lambda *wanted, **how: [Full(), *make(*wanted, **how)])
    follow().flush()
    (notice,) = of_kind(Notice, read_journal(run.folder, "sidecar"))
    assert (notice.about, notice.message) == ("sinks", "a full disk: OSError: no room")
    assert (run.folder / "run.json").exists()


# One journal, several threads and sessions


def test_threads_add_to_one_journal(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow()
    together = threading.Barrier(8)

    def add(number: int) -> None:
        together.wait()
        followed.put([Environment(time=time(), kind=f"{number}", values={})])

    threads = [threading.Thread(target=add, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_journal(run.folder, "sidecar")) == 8
    assert sorted(path.name for path in (run.folder / "journal").iterdir()) == ["main.jsonl", "sidecar.jsonl"]


def test_a_sidecar_of_an_earlier_session_that_is_still_at_work_is_in_nobodys_way(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    earlier, later = follow(), follow()
    earlier.notice("a", "earlier")
    later.notice("a", "later")
    journals = sorted(path.stem for path in (run.folder / "journal").iterdir())
    assert journals == ["main", "sidecar", f"sidecar-{os.getpid()}"]
    assert {notice.message for notice in autotrack.load(run.folder).notices} == {"earlier", "later"}


def test_a_run_that_is_resumed_is_followed_anew_with_what_is_known_of_it(
    run: autotrack.Run, follow: Callable[..., FollowedRun]
) -> None:
    followed = follow()
    followed.lifecycle.mark_captured()
    followed.lifecycle.finalize()
    followed.resume(Follow(folder=str(run.folder), rank=0, secrets={"A_TOKEN": "x8Kq-71zz-0pLm"}))
    assert not followed.lifecycle.is_captured
    assert not followed.lifecycle.is_finalized
    assert followed.is_left_by(os.getpid())


# How it ended


KILLED = ExitStatus("killed", "terminated by SIGTERM", 'File "train.py", line 3 in fit')


def test_only_the_process_that_records_a_run_leaves_it_behind(
    run: autotrack.Run, follow: Callable[..., FollowedRun]
) -> None:
    followed = follow()
    assert followed.is_left_by(os.getpid())
    assert not followed.is_left_by(os.getpid() + 1)
    run.finish()
    followed.update()
    assert not followed.is_left_by(os.getpid())


def test_how_a_run_ended_is_said_in_the_place_of_its_process(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    follow().record_exit(KILLED)
    (end,) = of_kind(RunFinished, read_journal(run.folder, "sidecar"))
    assert (end.status, end.error, end.traceback) == (KILLED.status, KILLED.error, KILLED.traceback)


FAILED = ExitStatus("failed", "the process ended with exit code 7", is_certain=True)
WELL = ExitStatus("finished", is_certain=True)


@pytest.mark.parametrize(
    ("said", "known", "status"),
    [
        (None, FAILED, "failed"),  # raise SystemExit(7)
        (None, WELL, "finished"),
        (SystemExit(2), WELL, "finished"),  # it was caught
        (SystemExit(2), FAILED, "failed"),
        (ValueError("bad"), FAILED, "failed"),
        (ValueError("bad"), WELL, "failed"),  # a handler at exit chose another exit code
        (KeyboardInterrupt(), FAILED, "interrupted"),
    ],
)
def test_the_exit_code_corrects_what_was_said_at_exit(
    run: autotrack.Run,
    follow: Callable[..., FollowedRun],
    said: BaseException | None,
    known: ExitStatus,
    status: str,
) -> None:
    followed = follow()
    run.__exit__(type(said) if said else None, said, None)
    followed.update()
    followed.correct_exit(known)
    assert autotrack.load(run.folder).status == status
