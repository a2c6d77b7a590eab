"""Thousands of journals may be open in a process that may open few files, and none of their runs counts as killed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import autotrack
from autotrack.journal import writer
from autotrack.journal.descriptors import Descriptors, mark
from autotrack.journal.reader import is_being_written
from autotrack.journal.records import AnyRecord, Metrics

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")


@pytest.fixture(autouse=True)
def most(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many journals are open at the same time."""
    few = Descriptors()
    few._most = 4
    monkeypatch.setattr(writer, "descriptors", few)
    return 4


@pytest.fixture
def runs(store: Path) -> Iterator[list[autotrack.Run]]:
    """More runs than that, all of them going on."""
    started = [autotrack.start_run(f"run {number}", to=store, experiment="tests") for number in range(10)]
    yield started
    for run in started:
        run.finish()


def open_journals(runs: list[autotrack.Run]) -> list[str]:
    links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]  # noqa: PTH208
    journals = {os.path.realpath(run.folder / "journal" / "main.jsonl") for run in runs}
    return [link for link in links if link in journals]


def test_few_journals_are_open_and_nothing_is_lost(
    runs: list[autotrack.Run], most: int, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    for step in range(3):
        for run in runs:
            run.log({"loss": step}, step=step)
            assert len(open_journals(runs)) <= most
    for run in runs:
        logged = [record.step for record in read_journal(run.folder) if isinstance(record, Metrics)]
        assert logged == [0, 1, 2]


def test_runs_whose_journal_is_not_open_are_still_running(runs: list[autotrack.Run]) -> None:
    assert {autotrack.load(run.folder).status for run in runs} == {"running"}
    for run in runs:
        run.finish()
    assert {autotrack.load(run.folder).status for run in runs} == {"finished"}
    assert not any(list(run.folder.rglob("*.held")) for run in runs)


def test_no_other_process_takes_a_journal_that_is_not_open(runs: list[autotrack.Run]) -> None:
    code = "import autotrack, sys\nfrom autotrack.training.start import resume_run\nfrom pathlib import Path\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}resume_run(Path(sys.argv[1]))", str(runs[0].folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "is being written by another process" in done.stderr


def test_a_process_that_is_gone_holds_nothing(store: Path) -> None:
    run = autotrack.start_run("killed", to=store, experiment="tests")
    path = run.folder / "journal" / "main.jsonl"
    mark(path)
    held = path.with_name("main.jsonl.held")
    host, pid, _ = held.read_text().split()
    held.write_text(f"{host} {pid} 1")  # an earlier process had the same number
    run._journal.close()
    assert is_being_written(path) is False
    held.write_text("somewhere-else 1 1")
    assert is_being_written(path) is None
    held.write_text("x")
    assert is_being_written(path) is False


def test_a_forked_child_leaves_the_journals_of_its_parent_open(
    runs: list[autotrack.Run], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    child = os.fork()
    if child == 0:
        try:
            for run in runs:
                run.log({"inner": 1.0})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert {autotrack.load(run.folder).status for run in runs} == {"running"}
    for run in runs:
        run.log({"loss": 0.5})
        assert any(isinstance(record, Metrics) for record in read_journal(run.folder))
