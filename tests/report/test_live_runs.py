"""What the tab is told of runs that come, go on, end, and go."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import autotrack
from autotrack.report.live_runs import LiveRuns
from tests.report.test_document import column

UNFINISHED = """
import sys, autotrack
run = autotrack.start_run("unfinished", to=sys.argv[1], experiment="digits")
print(run.id, flush=True)
sys.stdin.read()
"""


def record(store: Path, name: str, **params: Any) -> autotrack.Run:
    with autotrack.start_run(name, to=store, experiment="digits", params=params) as run:
        run.log({"val_loss": 0.5}, step=0)
    return run


def test_each_of_two_browsers_is_told_what_has_changed_since_it_asked(store: Path) -> None:
    record(store, "first")
    runs = LiveRuns([store])
    one, other = runs.table()["version"], runs.table()["version"]
    for name in ("second", "third"):
        run = record(store, name)
        answers = runs.table(one), runs.table(other)
        assert [answer["changed"]["keys"] for answer in answers] == [[run.id]] * 2
        one, other = (answer["version"] for answer in answers)
    late = runs.table()
    assert len(late["table"]["keys"]) == 3
    assert late["version"] == one == other
    assert "changed" not in runs.table(one)
    assert "table" in runs.table("what another server has said")


def test_a_run_whose_processes_were_all_killed_is_no_longer_running(store: Path) -> None:
    record(store, "first")
    command = [sys.executable, "-c", UNFINISHED, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            key = process.stdout.readline().strip()
            runs = LiveRuns([store])
            found = runs.table()
            assert column(found["table"], "", "status") == ["running", "finished"]
            assert "changed" not in runs.table(found["version"])
        finally:
            process.kill()
    later = runs.table(found["version"])
    assert later["changed"]["keys"] == [key]
    assert column(later["changed"], "", "status") == ["killed"]
    assert "changed" not in runs.table(later["version"])


def test_a_copy_of_a_run_keeps_its_key_when_the_page_is_opened_once_more(store: Path) -> None:
    run = record(store, "first")
    runs = LiveRuns([store])
    version = runs.table()["version"]
    shutil.copytree(run.folder, run.folder.with_name("copy"))
    assert runs.table(version)["changed"]["keys"] == [f"{run.id}-2"]
    assert set(runs.table()["table"]["keys"]) == {run.id, f"{run.id}-2"}
    assert runs.details(f"{run.id}-2")["folder"].endswith("copy")
    shutil.rmtree(run.folder.with_name("copy"))
    assert runs.table()["table"]["keys"] == [run.id]


def test_runs_are_compared_while_another_one_has_only_just_begun(store: Path) -> None:
    before, after = record(store, "first", lr=0.1), record(store, "second", lr=0.2)
    (store / "digits" / "begun" / "journal").mkdir(parents=True)
    runs = LiveRuns([store])
    assert len(runs.table()["table"]["keys"]) == 2
    assert runs.comparison(before.id, after.id)["causes"][0]["cause"] == "lr 0.1 → 0.2"
