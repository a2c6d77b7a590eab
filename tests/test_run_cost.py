"""What a run costs apart from its steps, as counts: files, bytes, system calls, memory, how often journals are read.

Each bound is about a third above what was counted when it was written: a change that needs more has to say why, and to
raise it.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack.journal.reader import JournalReader, journal_sizes
from autotrack.protocol import Follow
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.sync import RunSync
from tests.support import journals

BytesRead = Callable[[], int]


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> BytesRead:
    """How many bytes of journals have been read since it was asked last."""
    found: list[int] = []
    read_lines = JournalReader._read_lines

    def noting(*args: object) -> bytes:
        block: bytes = read_lines(*args)  # type: ignore[arg-type]  # whatever it takes
        found.append(len(block))
        return block

    def since_then() -> int:
        total = sum(found)
        found.clear()
        return total

    monkeypatch.setattr(JournalReader, "_read_lines", staticmethod(noting))
    return since_then


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "digits" / "run"
    journals.add(folder, [journals.start(), *journals.steps(0, 2000, names=["loss", "accuracy"])])
    return folder


def size(folder: Path) -> int:
    return sum(journal_sizes(folder).values())


def files_of(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_beside_training_a_byte_of_a_journal_is_read_once(long_run: Path, bytes_read: BytesRead) -> None:
    followed = FollowedRun(Follow(folder=str(long_run), destinations=["tensorboard"], environment=False))
    followed.update()
    bytes_read()
    for step in range(2000, 4000, 500):
        before = size(long_run)
        journals.add(long_run, journals.steps(step, step + 500, names=["loss", "accuracy"]))
        followed.update()
        assert bytes_read() == size(long_run) - before
    before = size(long_run)
    journals.add(long_run, [journals.end()])
    followed.flush()
    assert bytes_read() == size(long_run) - before
    followed.close()


def test_to_bring_a_run_up_to_date_later_reads_it_once_and_looks_for_its_starts(
    long_run: Path, bytes_read: BytesRead
) -> None:
    journals.add(long_run, [journals.end()])
    RunSync(to=["tensorboard"], on_problem=lambda *_: None).sync(long_run)
    assert bytes_read() <= 3 * size(long_run)
    RunSync(to=["tensorboard"], on_problem=lambda *_: None).sync(long_run)
    assert bytes_read() <= 3 * size(long_run)


def test_points_of_several_metrics_are_read_at_a_time(long_run: Path, bytes_read: BytesRead) -> None:
    run = RecordedRun(long_run)
    run.histories(["loss", "accuracy"])
    assert bytes_read() == size(long_run)
    assert run.summary.metrics["loss"].count == 2000
    assert bytes_read() == size(long_run)
    journals.add(long_run, [journals.end()])
    RunSync(on_problem=lambda *_: None).sync(long_run)
    bytes_read()
    for _ in range(3):
        assert RecordedRun(long_run).summary.metrics["loss"].count == 2000
    assert bytes_read() == 0, "run.json tells"


def test_a_short_run_is_two_small_files() -> None:
    with autotrack.start_run("mine", to="runs", params={"lr": 0.1}) as run:
        run.log({"loss": 0.5}, step=0)
    found = files_of(run.folder)
    assert set(found) == {"journal/main.jsonl", "run.json"}
    assert found["journal/main.jsonl"] <= 1800
    assert found["run.json"] <= 3500


def test_a_lone_number_takes_few_bytes() -> None:
    with autotrack.start_run("mine", to=["runs", "tensorboard"]) as run:
        run.log({"loss": 0.5}, step=0)
        assert run.wait() == []
        before = files_of(run.folder)
        for step in range(1, 101):
            run.log({"loss": 1 / step}, step=step)
        assert run.wait() == []
        after = files_of(run.folder)
    journal = after["journal/main.jsonl"] - before["journal/main.jsonl"]
    events = sum(size for name, size in after.items() if "tfevents" in name)
    events -= sum(size for name, size in before.items() if "tfevents" in name)
    assert journal <= 100 * 105
    assert events <= 100 * 75


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_call_of_log_is_one_system_call_and_leaves_nothing_in_memory() -> None:
    def calls() -> int:
        lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(lines["syscw"])

    with autotrack.start_run("mine", to="runs") as run:
        for step in range(100):
            run.log({"loss": 0.5, "accuracy": 0.25}, step=step)
        before, blocks = calls(), sys.getallocatedblocks()
        for step in range(100, 1100):
            run.log({"loss": 0.5, "accuracy": 0.25}, step=step)
        blocks = sys.getallocatedblocks() - blocks
        assert 1000 <= calls() - before <= 1010
        assert blocks <= 100
