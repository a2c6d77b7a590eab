"""What is recorded again when training goes back to a checkpoint."""

from pathlib import Path

import pytest

from autotrack.journal import records
from autotrack.journal.records import AnyRecord, Metrics, RunStarted
from autotrack.journal.rewinds import Rewind, Rewinds, read_rewinds


def start(time: float, step: int | None = None, *, rank: int = 0) -> RunStarted:
    return RunStarted(time=time, id="a", name="a", experiment="a", resumed_at_step=step, rank=rank)


def metrics(time: float, step: int | None) -> Metrics:
    return Metrics(time=time, values={"loss": 0.1}, step=step)


def write(folder: Path, *written: AnyRecord) -> list[int]:
    """Write a main journal; return where each of its lines ends."""
    (folder / "journal").mkdir()
    lines = [records.encode(record) + b"\n" for record in written]
    (folder / "journal" / "main.jsonl").write_bytes(b"".join(lines))
    return [len(b"".join(lines[: count + 1])) for count in range(len(lines))]


def test_metrics_at_the_step_or_behind_it_are_recorded_again_if_the_rewind_is_still_ahead() -> None:
    rewinds = Rewinds([start(1.0), start(10.0, 5)])
    rewinds.note(start(1.0))
    assert rewinds.supersede(metrics(99.0, 5)), "whatever the clock said"
    assert rewinds.supersede(metrics(9.0, 6))
    assert not rewinds.supersede(metrics(9.0, 4))
    assert not rewinds.supersede(metrics(9.0, None))  # nobody knows
    rewinds.note(start(10.0, 5))
    assert not rewinds.supersede(metrics(1.0, 5)), "this is the second time"


def test_without_a_rewind_nothing_is_recorded_again() -> None:
    assert not Rewinds([start(1.0)]).supersede(metrics(0.5, 3))


def test_of_several_rewinds_each_counts() -> None:
    rewinds = Rewinds([start(10.0, 5), start(20.0, 8)])
    assert rewinds.steps == [5, 8]
    assert rewinds.supersede(metrics(9.0, 6))
    rewinds.note(start(10.0, 5))
    assert rewinds.supersede(metrics(15.0, 8))
    assert not rewinds.supersede(metrics(15.0, 6))
    assert rewinds.steps == [5, 8]


def test_a_rewind_is_news_once_and_other_ranks_tell_none() -> None:
    rewinds = Rewinds()
    assert rewinds.note(start(1.0)) is None
    assert rewinds.note(start(10.0, 5, rank=1)) is None
    assert rewinds.note(start(10.0, 5)) == Rewind(10.0, 5)
    assert rewinds.note(start(10.0, 5)) is None


def test_the_rewinds_of_a_folder_are_those_up_to_an_offset(tmp_path: Path) -> None:
    ends = write(tmp_path, start(1.0), metrics(2.0, 1), start(3.0, 1), metrics(4.0, 1), start(5.0, 0))
    assert read_rewinds(tmp_path).steps == [1, 0]
    assert read_rewinds(tmp_path, until=ends[2]).steps == [1]
    assert read_rewinds(tmp_path, until=ends[2] - 1).steps == []


def test_a_folder_without_a_main_journal_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_rewinds(tmp_path)
