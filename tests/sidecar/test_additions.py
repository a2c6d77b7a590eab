"""What a sidecar adds to a run: load that knows its epoch, notices once, in a journal that any thread may write to."""

import os
import threading
from collections.abc import Callable
from time import time
from typing import Any

import autotrack
from autotrack.journal.records import AnyRecord, Environment, Notice, SystemStats
from autotrack.sidecar.followed_run import FollowedRun

Read = Callable[..., list[AnyRecord]]


def of_kind(kind: type[AnyRecord], read: list[AnyRecord]) -> list[Any]:
    return [record for record in read if isinstance(record, kind)]


# The load


def epochs_of_load(run: autotrack.Run, read_journal: Read) -> dict[float, int | None]:
    samples = of_kind(SystemStats, read_journal(run.folder, "sidecar"))
    return {record.values["sample"]: record.epoch for record in samples}


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
    assert followed.stages.is_captured
    followed.put_load({"process_memory_bytes": 10**9})
    followed.flush()
    (sample,) = of_kind(SystemStats, read_journal(run.folder, "rank3-sidecar"))
    assert (sample.rank, sample.host) == (3, os.uname().nodename)
    assert "rank3/process_memory_bytes" in autotrack.load(run.folder).system
    assert not (run.folder / "run.json").exists()  # it is another sidecar's to make
    assert not followed.is_left_by(os.getpid())


# Notices


def test_a_trouble_that_comes_back_is_noted_once_and_without_its_secrets(
    run: autotrack.Run, follow: Callable[..., FollowedRun], read_journal: Read
) -> None:
    followed = follow(secrets={"DEPLOY_TOKEN": "x8Kq-71zz-0pLm"})
    for _ in range(3):
        followed.notice("sinks", "no way to https://x8Kq-71zz-0pLm@host")
    (notice,) = of_kind(Notice, read_journal(run.folder, "sidecar"))
    assert notice.message == "no way to https://[redacted]@host"


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
