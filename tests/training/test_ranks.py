"""Ranks find the run of their own job, by what they have in common with rank 0, and no other."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest

import autotrack
from autotrack.journal import records
from autotrack.journal.records import Metrics, RunStarted
from autotrack.training.ranks import find_run, find_runs, rank_from_environment


@pytest.mark.parametrize(
    ("environ", "rank"),
    [
        ({}, 0),
        ({"RANK": "3"}, 3),
        ({"RANK": "0", "LOCAL_RANK": "1"}, 0),
        ({"RANK": "5", "LOCAL_RANK": "1", "SLURM_PROCID": "2", "SLURM_NTASKS": "8"}, 5),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "8", "LOCAL_RANK": "1"}, 2),
        ({"SLURM_PROCID": "2"}, 0),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "LOCAL_RANK": "1"}, 1),
        ({"LOCAL_RANK": "2"}, 2),
        ({"RANK": ""}, 0),
        ({"RANK": "all"}, 0),
        ({"RANK": "-1"}, 0),
        ({"RANK": "", "LOCAL_RANK": "4"}, 4),
        ({"WORLD_SIZE": "8"}, 0),
    ],
    ids=str,
)
def test_the_rank_is_what_the_launcher_announces(environ: dict[str, str], rank: int) -> None:
    assert rank_from_environment(environ) == rank


def test_the_rank_is_read_from_this_process_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "6")
    assert rank_from_environment() == 6


def write_run(experiment: Path, name: str, *, modified: float | None = None, **about: Any) -> Path:
    """Write the journal of a run that some process opened; by default one that has nothing to do with this one."""
    somebody = {"time": time(), "pid": 999_999_998, "parent_pid": 999_999_999, "host": socket.gethostname()}
    record = RunStarted(id=name, name=name, experiment=experiment.name, **{**somebody, **about})
    path = experiment / name / "journal" / "main.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(records.encode(record) + b"\n")
    if modified is not None:
        os.utime(path, (modified, modified))
    return experiment / name


def test_where_there_is_nothing_nothing_is_found(tmp_path: Path) -> None:
    assert find_run(tmp_path / "missing") is None
    write_run(tmp_path / "digits", "unrelated")
    assert find_run(tmp_path / "digits") is None
    assert find_run(tmp_path / "digits", group="host:1") is None


def test_the_run_of_the_process_that_launched_this_one_is_found(store: Path, run_script: Callable[..., str]) -> None:
    """As when rank 0 starts the other ranks itself."""
    old = write_run(store / "digits", "old")
    run = autotrack.start_run("rank 0", to=store, experiment="digits")
    found = run_script(
        """
        import sys
        from pathlib import Path
        from autotrack.training.ranks import find_run
        print(find_run(Path(sys.argv[1])))
        """,
        str(store / "digits"),
    )
    assert found == str(run.folder)
    assert found != str(old)


def test_the_run_of_a_sibling_is_found(store: Path, run_script: Callable[..., str]) -> None:
    """As when a launcher, or a process that spawns, starts all ranks."""
    sibling = """
        import autotrack
        autotrack.start_run("rank 0", to="runs", experiment="digits")
    """
    run_script(sibling)
    (run,) = autotrack.runs(store)
    write_run(store / "digits", "unrelated")
    rank = """
        from pathlib import Path
        from autotrack.training.ranks import find_run
        print(find_run(Path("runs/digits").absolute()))
    """
    assert run_script(rank) == str(run.folder)


def test_a_run_of_another_host_is_not_of_this_job(tmp_path: Path) -> None:
    write_run(tmp_path, "a", host="elsewhere", pid=os.getppid(), parent_pid=os.getppid())
    assert find_run(tmp_path) is None


def test_a_run_of_the_same_group_is_found_on_any_host(tmp_path: Path) -> None:
    write_run(tmp_path, "other", group="node:29501")
    run = write_run(tmp_path, "mine", group="node:29500", host="node17")
    write_run(tmp_path, "none")
    assert find_run(tmp_path, group="node:29500") == run


def test_an_earlier_job_at_the_same_address_is_not_this_one(tmp_path: Path) -> None:
    write_run(tmp_path, "yesterday", group="node:29500", time=time() - 86_400)
    assert find_run(tmp_path, group="node:29500") is None


@pytest.mark.parametrize("ahead", [-86_400, 86_400])
def test_it_does_not_matter_how_far_the_clock_of_another_host_is_off(tmp_path: Path, ahead: float) -> None:
    before = write_run(tmp_path, "before", group="node:29500", host="node17", time=time() + ahead)
    os.utime(before / "journal" / "main.jsonl", (time() - 3600,) * 2)
    assert find_run(tmp_path, group="node:29500") is None
    run = write_run(tmp_path, "mine", group="node:29500", host="node17", time=time() + ahead + 3600)
    assert find_run(tmp_path, group="node:29500") == run
    assert {path.name for path in tmp_path.iterdir()} == {"before", "mine"}


def test_an_earlier_run_of_the_same_shell_is_not_of_this_job(tmp_path: Path) -> None:
    write_run(tmp_path, "yesterday", parent_pid=os.getppid(), time=time() - 86_400)
    assert find_run(tmp_path) is None


def test_the_parent_may_have_opened_its_run_long_ago(tmp_path: Path) -> None:
    run = write_run(tmp_path, "parent", pid=os.getppid(), time=time() - 86_400)
    assert find_run(tmp_path) == run


def test_a_run_of_another_group_is_not_of_this_job_even_with_the_same_parent(tmp_path: Path) -> None:
    write_run(tmp_path, "other", group="node:29501", parent_pid=os.getppid())
    assert find_run(tmp_path, group="node:29500") is None


def test_of_several_runs_of_this_job_the_one_opened_last_is_meant(tmp_path: Path) -> None:
    now = time()
    for name, started in (("b", now - 20), ("c", now - 10), ("a", now - 30)):
        write_run(tmp_path, name, time=started, parent_pid=os.getppid())
    assert find_run(tmp_path) == tmp_path / "c"
    assert [folder.name for _, folder in find_runs(tmp_path)] == ["a", "b", "c"]


def test_a_run_that_goes_on_counts_from_there(tmp_path: Path) -> None:
    """Rank 0 opens a run that was begun long ago by another process."""
    run = write_run(tmp_path, "resumed", time=time() - 86_400)
    assert find_run(tmp_path) is None
    again = RunStarted(
        time=time(), id="a", name="b", experiment="c", host=socket.gethostname(), parent_pid=os.getppid()
    )
    with (run / "journal" / "main.jsonl").open("ab") as file:
        file.write(records.encode(Metrics(time=time(), values={"loss": 0.5})) + b"\n")
        file.write(records.encode(again) + b"\n")
    assert find_run(tmp_path) == run


def test_a_journal_that_is_half_written_or_none_stops_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mine", parent_pid=os.getppid())
    for name, content in (("torn", b'{"record":"RunStarted","time":1'), ("odd", b"\xff\n"), ("empty", b"")):
        (tmp_path / name / "journal").mkdir(parents=True)
        (tmp_path / name / "journal" / "main.jsonl").write_bytes(content)
    assert find_run(tmp_path) == run


def test_only_runs_that_were_written_to_lately_are_looked_at(tmp_path: Path) -> None:
    now = time()
    write_run(tmp_path, "old", parent_pid=os.getppid(), modified=now - 1000)
    for number in range(20):
        write_run(tmp_path, f"unrelated{number}", modified=now)
    assert find_run(tmp_path) is None


def test_a_script_is_a_child_of_this_process(run_script: Callable[..., str]) -> None:
    """What the tests above with scripts take for granted."""
    assert run_script("import os; print(os.getppid())") == str(os.getpid())
    assert sys.executable
