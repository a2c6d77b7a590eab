"""What a sidecar does for one run: checksums, durability, derived files, how it ended."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest

import autotrack
from autotrack.journal.records import AnyRecord, Artifact, Metrics, Notice, RunFinished, RunStarted, encode
from autotrack.protocol import Follow
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.training_exit import ExitStatus
from autotrack.sinks import build
from autotrack.sinks.folder import FolderSink

Read = Callable[..., list[AnyRecord]]


def of_kind(kind: type[AnyRecord], read: list[AnyRecord]) -> list[Any]:
    return [record for record in read if isinstance(record, kind)]


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
            followed.complete_files()
    checked = of_kind(Artifact, read_journal(run.folder, "sidecar"))
    assert [(artifact.bytes, artifact.sha256, artifact.kind) for artifact in checked] == [
        (7, hashlib.sha256(b"weights").hexdigest(), "model"),
        (14, hashlib.sha256(b"better weights").hexdigest(), "model"),
    ]


# Notices


def test_a_sink_that_fails_is_a_notice_and_the_others_go_on(
    run: autotrack.Run, follow: Callable[..., FollowedRun], monkeypatch: pytest.MonkeyPatch, read_journal: Read
) -> None:
    class Full(FolderSink):
        destination = "a full disk"

        def open(self, folder: Path) -> dict[str, int]:
            raise OSError("no room")

    make = build.local_sinks
    monkeypatch.setattr("autotrack.sinks.build.local_sinks", lambda *wanted, **how: [Full(), *make(*wanted, **how)])
    follow().flush()
    (notice,) = of_kind(Notice, read_journal(run.folder, "sidecar"))
    assert (notice.about, notice.message) == ("sinks", "a full disk: OSError: no room")
    assert (run.folder / "run.json").exists()


# Resuming


def test_a_run_that_is_resumed_is_followed_anew_with_what_is_known_of_it(
    run: autotrack.Run, follow: Callable[..., FollowedRun]
) -> None:
    followed = follow()
    followed.stages.mark_captured()
    followed.stages.finalize()
    followed.resume(Follow(folder=str(run.folder), rank=0, secrets={"A_TOKEN": "x8Kq-71zz-0pLm"}))
    assert not followed.stages.is_captured
    assert not followed.stages.is_finalized
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


def test_a_run_that_was_followed_late_has_its_whole_duration_and_no_doubts_about_clocks(
    run: autotrack.Run, follow: Callable[..., FollowedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotrack.sidecar.followed_run.time", lambda: time() + 30)  # half a minute later
    followed = follow()
    followed.record_exit(KILLED)
    followed.flush()
    summary = autotrack.load(run.folder).summary
    assert 30 <= (summary.duration_seconds or 0) < 60
    assert not [notice for notice in summary.notices if notice.about == "clock"]


def test_how_long_a_run_took_is_not_told_by_a_clock_that_was_set_back(store: Path) -> None:
    folder = store / "exp" / "run"
    (folder / "journal").mkdir(parents=True)
    written = [RunStarted(time=1000.0, id="1", name="run", experiment="exp"),
               RunFinished(time=400.0, status="finished", started=1000.0, duration_seconds=3600.0)]  # fmt: skip
    (folder / "journal" / "main.jsonl").write_bytes(b"".join(encode(record) + b"\n" for record in written))
    followed = FollowedRun(Follow(folder=str(folder)))
    followed.read()
    assert not followed.is_short
    followed.close()


def test_how_a_run_ended_is_said_in_the_place_of_its_process(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    follow().record_exit(KILLED)
    (end,) = of_kind(RunFinished, read_journal(run.folder, "sidecar"))
    assert (end.status, end.error, end.traceback) == (KILLED.status, KILLED.error, KILLED.traceback)


FAILED = ExitStatus("failed", "the process ended with exit code 7", is_certain=True)
WELL = ExitStatus("finished", is_certain=True)


@pytest.mark.parametrize(
    ("error", "exit_status", "status"),
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
    error: BaseException | None,
    exit_status: ExitStatus,
    status: str,
) -> None:
    followed = follow()
    run.__exit__(type(error) if error else None, error, None)
    followed.update()
    followed.correct_exit(exit_status)
    assert autotrack.load(run.folder).status == status


# What is printed


@pytest.mark.parametrize(("is_wanted", "found"), [(True, [{"my_cost": 0.5}]), (False, [])])
def test_metrics_in_what_is_printed_are_recorded_unless_nobody_wants_them(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read, is_wanted: bool, found: list[Any]
) -> None:
    run.log({"loss": 0.5}, step=3, epoch=1)
    log = follow(printed_metrics=is_wanted, printed_patterns=[r"cost (?P<my_cost>\S+)"]).open_output()
    log.note_place("[3,1]")
    log.take("stdout", "cost 0.5\nloss: 0.5\n")
    log.close()
    metrics = of_kind(Metrics, read_journal(run.folder, "sidecar"))
    assert [record.values for record in metrics] == found
    assert all((record.step, record.epoch, record.source) == (3, 1, "printed") for record in metrics)
