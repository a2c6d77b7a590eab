"""Waiting until what is done beside training is done: summaries, event files, servers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import SettingsError
from autotrack.journal import summary
from autotrack.sinks.tensorboard.event_file import own_files
from tests.support.event_files import scalars


def test_without_a_process_beside_training_the_files_are_brought_up_to_date_at_once(store: Path) -> None:
    with autotrack.start_run("mine", to=[str(store), "tensorboard"]) as run:
        for step in range(3):
            run.log({"loss": 0.5 + step}, step=step)
            assert run.wait() == []
            found = summary.read(run.folder)
            assert (found.status, found.metrics["loss"].last.value) == ("running", 0.5 + step)
        run.log({"loss": 9.0}, step=3)
        assert run.wait(None) == run.wait(float("inf")) == []
        assert summary.read(run.folder).metrics["loss"].count == 4
    assert run.wait() == []
    assert summary.read(run.folder).status == "finished"
    assert [(0, 0.5), (1, 1.5), (2, 2.5), (3, 9.0)] in scalars(run.folder).values()


def test_what_a_server_has_not_taken_is_said(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_EXIT_TIMEOUT", "0")
    with autotrack.start_run("mine", to=[str(store), "http://127.0.0.1:9"]) as run:
        (said,) = run.wait(timeout=0.2)
    assert said.startswith(f"{run.folder.name} at http://127.0.0.1:9: ")


_BESIDE = """
import json
import autotrack
from autotrack.journal import summary

assert autotrack.flush(0.0) == [], "there is no run"
run = autotrack.start_run("mine", to=["runs", "tensorboard"], experiment="tests")
found = []
for step in range(2):
    run.log({"loss": 0.5}, step=step)
    lacking = run.wait(60)
    found.append([lacking, summary.read(run.folder).metrics["loss"].count, len(list(run.folder.glob("*tfevents*")))])
other = autotrack.start_run("other", to=["runs", "http://127.0.0.1:9"], experiment="tests")
at_once = other.wait(0.0)
run.log({"loss": 0.25}, step=2)
for _ in range(20):  # on a busy machine, other things are not done yet
    all_of_them = autotrack.flush(5.0)
    if any("at http" in said for said in all_of_them):
        break
count = summary.read(run.folder).metrics["loss"].count
other.finish()
run.finish()
after = [run.wait(60), summary.read(run.folder).status, "changes" in summary.read(run.folder).texts]
print(json.dumps([found, at_once, all_of_them, count, after]))
"""


@pytest.mark.usefixtures("everything")
def test_the_process_beside_training_is_waited_for(
    run_script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_EXIT_TIMEOUT", "0")
    found, at_once, all_of_them, count, after = json.loads(run_script(_BESIDE).splitlines()[-1])
    assert found == [[[], 1, 1], [[], 2, 1]]
    assert len(at_once) == 1
    assert [said for said in all_of_them if "other at http://127.0.0.1:9: " in said]
    assert count == 3
    assert after == [[], "finished", False]


def test_sync_says_what_became_of_each_run(store: Path) -> None:
    folders = []
    for name in ("one", "two"):
        with autotrack.start_run(name, to=store) as run:
            run.log({"loss": 0.5})
        folders.append(run.folder)
        (run.folder / "run.json").unlink()
    assert [(one.folder, one.state, one.is_done) for one in autotrack.sync(store)] == [
        (folder, "complete", True) for folder in sorted(folders)
    ]
    (outcome,) = autotrack.sync(folders[0], to="tensorboard")
    assert outcome.is_done
    assert len(own_files(folders[0])) == 1
    assert summary.read(folders[0]).metrics["loss"].count == 1
    with pytest.raises(SettingsError, match="neither the URL"):
        autotrack.sync(store, to="somewhere")
