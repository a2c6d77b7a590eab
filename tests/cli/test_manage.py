"""`autotrack rm`, `du` and `export`, as a person calls them."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from tests.support.tables import tabbed


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("first", "second", "third"):
        with autotrack.start_run(name, to=tmp_path / "runs", experiment="digits", params={"lr": len(name)}) as run:
            for step in range(2):
                run.log({"loss": 1 / (step + len(name))}, step=step)
            (tmp_path / "weights.bin").write_bytes(bytes(50_000))
            run.log_artifact(tmp_path / "weights.bin", kind="checkpoint")
    return tmp_path / "runs"


def call(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == exit_code, result.output + repr(result.exception)
    return result.output


def call_fails(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is not None
    return str(result.exception)


def names(store: Path) -> list[str]:
    return sorted(run.name for run in autotrack.runs(store))


def test_a_removed_run_is_gone_from_all_lists_and_comes_back(runs: Path) -> None:
    folder = autotrack.load("second", runs).folder
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "moved to" in call("rm", "second", "--yes")
    assert names(runs) == ["first", "third"]
    assert "second" not in call("ls")
    assert call("rm", "second", "--restore") == f"restored {Path('runs', 'digits', folder.name)}\n"
    assert names(runs) == ["first", "second", "third"]
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_removing_says_how_to_bring_it_back(runs: Path) -> None:
    folder = autotrack.load("second", runs).folder
    last = call("rm", "second", "--yes", "--store", str(runs)).splitlines()[-1]
    assert last == f"autotrack restore second --store {runs} brings it back"
    assert call("restore", "--store", str(runs)) == f"{folder.name}\n"
    assert folder.name in call_fails("restore", "secnd", "--store", str(runs))
    assert call("restore", folder.name, "--store", str(runs)).startswith("restored ")
    assert names(runs) == ["first", "second", "third"]
    assert "is empty" in call("restore", "--store", str(runs))


def test_runs_are_chosen_by_a_condition_and_purged_for_good(runs: Path) -> None:
    call("rm", "--where", "lr == 5", "--purge", "--yes")
    assert names(runs) == ["second"]
    call("rm", "second", "--yes")
    assert call("rm", "--purge", "--yes") == "deleted 1 runs\n"
    assert "is empty" in call("rm", "--purge", "--yes")


def test_where_nobody_can_be_asked_nothing_is_removed(runs: Path) -> None:
    result = CliRunner().invoke(app, ["rm", "second"])
    assert result.exit_code == 1
    assert "add --yes" in str(result.exception)
    assert len(names(runs)) == 3


def test_a_run_that_is_being_recorded_is_not_removed(runs: Path) -> None:
    with autotrack.start_run("now", to=runs, experiment="digits"):
        result = CliRunner().invoke(app, ["rm", "now", "--yes"])
        assert "is being recorded" in str(result.exception)
    assert "now" in names(runs)


def test_nothing_is_moved_through_a_link(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (runs / "digits" / ".trash").symlink_to(tmp_path / "outside")
    result = CliRunner().invoke(app, ["rm", "first", "--yes"])
    assert "is a link" in str(result.exception)
    assert not any((tmp_path / "outside").iterdir())


def test_checkpoints_alone_are_freed(runs: Path) -> None:
    run = autotrack.load("first", runs)
    checkpoint = run.folder / run.artifacts[0].path
    if checkpoint.is_relative_to(run.folder / "checkpoints"):
        assert "freed 50.0 kB" in call("rm", "first", "--checkpoints", "--yes")
        assert not checkpoint.exists()
    else:  # logged by hand, it is an artifact
        assert "freed 0 B" in call("rm", "first", "--checkpoints", "--yes")
    assert len(autotrack.load("first", runs).history("loss")) == 2


def test_du_counts_what_is_linked_once(runs: Path) -> None:
    folder = autotrack.load("first", runs).folder
    before = json.loads(call("du", "--json"))
    (folder / "artifacts").mkdir(exist_ok=True)
    (folder / "artifacts" / "large.bin").write_bytes(bytes(200_000))
    os.link(folder / "artifacts" / "large.bin", folder / "artifacts" / "again.bin")
    after = json.loads(call("du", "--json"))
    assert 200_000 <= after["bytes"] - before["bytes"] < 250_000
    assert after["runs"][0]["folder"].endswith(folder.name)
    printed = call("du")
    assert "artifacts" in printed
    assert "first\tdigits" in tabbed(printed)


def test_a_param_of_somebody_else_is_no_formula_in_a_spreadsheet(runs: Path, tmp_path: Path) -> None:
    hostile = {"tool": "=cmd|'/C calc'!A1", "add": "+1+1", "at": "@SUM(1)", "tab": "\t=1", "flag": "--fast"}
    harmless = {"lr": -0.5, "text": "-1.5e-3", "plus": "+3", "low": "-inf", "name": "a=b"}
    with autotrack.start_run("=1+1", to=runs) as run:
        run.log_params({**hostile, **harmless})
    call("export", "runs.csv")
    for content in (
        (tmp_path / "runs.csv").read_text(),
        call("export"),
        call("ls", "--csv", "--columns", "name,tool,flag"),
    ):
        row = next(row for row in csv.DictReader(io.StringIO(content)) if "'=1+1" in row.values())
        values = {name.removeprefix("params."): value for name, value in row.items()}
        assert values["tool"] == "'=cmd|'/C calc'!A1"
        assert values["flag"] == "'--fast"
        assert not [value for value in values.values() if value.startswith(("=", "@", "\t", "+1", "--"))]
        if "lr" in values:
            assert {name: values[name] for name in harmless} == {name: str(one) for name, one in harmless.items()}


def test_runs_are_exported_to_each_kind_of_table(runs: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call("export"))))
    assert [row["name"] for row in rows] == ["third", "second", "first"]
    assert [row["params.lr"] for row in rows] == ["5", "6", "5"]
    call("export", "runs.csv", "--where", "lr == 6")
    assert [row["name"] for row in csv.DictReader((tmp_path / "runs.csv").read_text().splitlines())] == ["second"]
    call("export", "loss.json", "--history", "loss")
    assert len(json.loads((tmp_path / "loss.json").read_text())) == 6
    call("export", "runs.parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.read_table(tmp_path / "runs.parquet")["name"].to_pylist() == ["third", "second", "first"]


def test_another_kind_of_table_is_a_mistake(runs: Path) -> None:
    result = CliRunner().invoke(app, ["export", "runs.xls"])
    assert "expected one of .csv, .json, .parquet" in str(result.exception)
