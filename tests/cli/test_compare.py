"""`autotrack compare` and `autotrack best`, as a person calls them."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal.records import RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import source, used
from autotrack.sidecar.capture.base import Subject
from tests.support.repositories import put
from tests.support.tables import tabbed


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, lr in (("first", 0.1), ("second", 0.01), ("third", 1.0)):
        with autotrack.start_run(
            name, to=tmp_path / "runs", experiment="digits", params={"lr": lr, "depth": 3}
        ) as run:
            for epoch in range(4):
                run.log({"val_loss": lr + 1 / (epoch + 1), "cost": lr}, step=epoch, epoch=epoch)
    return tmp_path / "runs"


def call(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == exit_code, result.output
    return result.output


def test_compare_shows_the_likely_cause_first_and_only_what_differs(runs: Path) -> None:
    printed = tabbed(call("compare", "first", "second"))
    assert printed.startswith("val_loss: first 0.35, second 0.26\n")
    lines = printed.splitlines()
    cause = lines[lines.index("likely causes of the difference, the likeliest first") + 2]
    assert cause.startswith("lr 0.1 → 0.01\tparams\tlikely")
    assert "lr\t0.1\t0.01" in lines
    assert "depth" not in printed
    assert "█" in printed


def test_without_names_the_last_two_runs_are_compared(runs: Path) -> None:
    assert call("compare").startswith("val_loss: second 0.26, third 1.25\n")


def test_what_differs_is_no_cause_where_the_metric_is_the_same(tmp_path: Path) -> None:
    for name, lr in (("one", 0.1), ("other", 0.2)):
        with autotrack.start_run(name, to=tmp_path, params={"lr": lr}) as run:
            run.log({"val_loss": 0.5})
    printed = call("compare", "one", "other", "--store", str(tmp_path))
    assert "what differs, though the result is the same, the likeliest first" in printed
    assert "likely causes" not in printed


def test_of_runs_that_are_the_same_nothing_is_said_to_be_a_cause(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with autotrack.start_run(name, to=tmp_path, params={"lr": 0.1}) as run:
            run.log({"val_loss": 0.5})
    printed = call("compare", "one", "other", "--store", str(tmp_path))
    assert "nothing that was recorded differs\n" in printed
    assert json.loads(call("compare", "one", "other", "--store", str(tmp_path), "--json"))["causes"] == []


def test_runs_are_chosen_by_a_condition(runs: Path) -> None:
    printed = json.loads(call("compare", "--where", "lr <= 0.1", "--json"))
    assert {run["name"] for run in printed["runs"]} == {"first", "second"}
    assert (printed["metric"], printed["better"]) == ("val_loss", "min")
    assert printed["causes"][0]["kind"] == "params"
    assert set(printed["causes"][0]) == {"cause", "kind", "evidence", "confidence"}


def test_the_difference_of_the_code_is_shown_and_is_a_cause(runs: Path, tmp_path: Path) -> None:
    recorded = [autotrack.load(name, runs) for name in ("first", "second")]
    for number, run in enumerate(recorded):
        script = put(tmp_path / "project", {"train.py": f"WIDTH = {number}\n", "notes.py": f"{number}\n"}) / "train.py"
        folder, entry_point = str(script.parent), str(script)
        started = RunStarted(time=2e9, id="", name="", experiment="", cwd=folder, entry_point=entry_point)
        subject = Subject(run.folder, started, Redactor({}), modules=[script])
        records = [record for capture in (source, used) for record in capture.capture(subject)]
        with (run.folder / "journal" / "main.jsonl").open("ab") as journal:
            journal.writelines(msgspec.json.encode(record) + b"\n" for record in records)
    printed = call("compare", "first", "second", "--code")
    assert printed.startswith(
        "# project/train.py: imported\n--- a/project/train.py\n+++ b/project/train.py\n"
        "@@ -1 +1 @@\n-WIDTH = 0\n+WIDTH = 1\n"
    )
    assert json.loads(call("compare", "first", "second", "--code", "--json"))["code"]["files"][0]["use"] == "imported"
    causes = tabbed(call("compare", "first", "second"))
    assert "train.py changed\tcode\tlikely (0.85)\timported by the training" in causes
    assert "the code of third was not recorded" in call("compare", "first", "third", "--code")


def test_one_run_cannot_be_compared() -> None:
    result = CliRunner().invoke(app, ["compare", "nothing"])
    assert result.exit_code == 1


def test_best_shows_the_run_and_how_it_differs_from_the_median(runs: Path) -> None:
    printed = call("best", "val_loss")
    assert printed.startswith("second  val_loss 0.26\n")
    assert "lr\t1\t0.01" in tabbed(printed) or "lr\t0.1\t0.01" in tabbed(printed)
    assert call("best", "max cost").startswith("third  cost 1\n")
    found = json.loads(call("best", "max cost", "--json"))
    assert found["name"] == "third"
    assert found["folder"].endswith("third")
