"""What people type before they have read anything: it is accepted where it can mean one thing, or the way is shown."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.readers import catalog


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of three runs, one of them renamed, and a registered model."""
    folder = tmp_path_factory.mktemp("project")
    for name, accuracy in (("train-brave-otter", 0.5), ("train-calm-lynx", 0.9), ("wide", 0.7)):
        with autotrack.start_run(name, to=folder / "runs", params={"optimizer": "Adam", "lr": 0.1}) as run:
            file = run.folder / "model" / "model.joblib"
            file.parent.mkdir()
            file.write_bytes(name.encode())
            run._record_artifact(file, kind="model")
            run.log({"val_acc": accuracy}, stage="validate")
    catalog.find("wide", folder / "runs").rename("chosen")
    catalog.find("chosen", folder / "runs").register("digits")
    return folder


@pytest.fixture(autouse=True)
def _there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def call(*arguments: str, exit_code: int | None = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    if exit_code is not None:
        assert result.exit_code == exit_code, result.output
    return result.output + (str(result.exception) if result.exception else "")


@pytest.mark.parametrize(
    ("reference", "taken"),
    [("brave-otter", "train-brave-otter"), ("lynx", "train-calm-lynx"), ("wide", "chosen")],
)
def test_the_end_of_a_name_and_an_old_name_are_enough_and_what_was_taken_is_said(reference: str, taken: str) -> None:
    said = call("show", reference)
    assert f"'{reference}' is taken for the run {taken}\n" in said
    assert autotrack.load(reference, "runs").name == taken
    assert autotrack.runs("runs")[reference].name == taken
    assert "is taken for" not in call("show", taken)


def test_an_end_that_two_names_have_or_that_is_no_whole_word_is_not_taken(tmp_path: Path) -> None:
    for name in ("one-brave-otter", "other-brave-otter"):
        autotrack.start_run(name, to=tmp_path).finish()
    said = call("show", "brave-otter", "--store", str(tmp_path), exit_code=1)
    assert "2 runs end in 'brave-otter'" in said
    assert "no run 'otte'" in call("show", "otte", exit_code=1)
    with autotrack.start_run("brave-otter", to=tmp_path):
        pass
    assert "is taken for" not in call("show", "brave-otter", "--store", str(tmp_path))  # its own name comes first


def test_best_takes_the_metric_as_an_option_too() -> None:
    assert call("best", "--metric", "val_acc") == call("best", "val_acc")
    assert "give one of them" in call("best", "val_acc", "--metric", "lr", exit_code=1)


def test_a_model_is_shown_by_its_name_alone_and_list_lists() -> None:
    assert call("models", "digits") == call("models", "show", "digits")
    assert call("models", "list") == call("models", "ls") == call("models")
    assert call("models", "list", "--json") == call("models", "--json")
    assert "Did you mean 'alias'" in call("models", "aliass", exit_code=2)


@pytest.mark.parametrize(
    ("word", "meant"), [("promote", "models promote"), ("list", "ls"), ("diff", "compare"), ("delete", "rm")]
)
def test_a_command_that_is_called_otherwise_here_is_named(word: str, meant: str) -> None:
    assert f"Did you mean 'autotrack {meant}'?" in call(word, exit_code=2)


def test_a_run_where_a_store_is_expected_is_told_from_one() -> None:
    assert "'chosen' is a run and no store; `autotrack show chosen` shows it" in call("ls", "chosen", exit_code=1)
    assert "does not exist" in call("ls", "nowhere", exit_code=1)


def test_the_folder_of_an_exported_project_may_be_an_option(tmp_path: Path) -> None:
    assert "write autotrack export-project chosen DIR" in call("export-project", "chosen", exit_code=1)
    (tmp_path / "there").touch()
    assert "is there already" in call("export-project", "chosen", "-o", str(tmp_path), exit_code=1)


def test_how_a_run_ended_needs_no_quotes_and_other_texts_are_told_to_need_them() -> None:
    assert len(autotrack.runs("runs").where("status == finished")) == 3
    assert len(autotrack.runs("runs").where("status in [failed, Killed] or finished == status")) == 3
    assert "quote it: optimizer == 'Adam'" in call("ls", "--where", "optimizer == Adam", exit_code=1)
    assert "quote it: params.optimizer in ['SGD']" in call("ls", "-w", "params.optimizer in [SGD]", exit_code=1)
    assert "quote" not in call("ls", "--columns", "nonsense", exit_code=1)


def test_the_name_stays_where_people_choose_columns_and_programs_get_what_they_ask_for() -> None:
    assert call("ls", "--columns", "params.lr").splitlines()[0].split() == ["run", "params.lr"]
    assert call("ls", "--columns", "lr, name").splitlines()[0].split() == ["lr", "name"]
    assert call("ls", "--columns", "params.lr", "--csv").splitlines()[0] == "params.lr"


def test_a_column_of_best_values_is_called_so_and_a_condition_says_that_it_means_the_last(tmp_path: Path) -> None:
    for name, values in (("fading", (0.9, 0.97, 0.95)), ("rising", (0.9, 0.95, 0.98))):
        with autotrack.start_run(name, to=tmp_path) as run:
            for step, value in enumerate(values):
                run.log({"val_acc": value, "other": 0.5}, step=step)
    everything = call("ls", "--store", str(tmp_path))
    assert "best val_acc ↑" in everything.splitlines()[0]
    assert "best other" not in everything
    printed = call("ls", "--store", str(tmp_path), "--where", "val_acc > 0.96")
    assert "fading" not in printed
    assert "val_acc in a condition is the last value; best.val_acc is the best one" in printed
    for clear in ("metrics.val_acc > 0.96", "best.val_acc > 0.96", "other > 0.1"):
        assert "in a condition" not in call("ls", "--store", str(tmp_path), "--where", clear)
    compared = call("compare", "fading", "rising", "-m", "val_acc", "--store", str(tmp_path))
    assert compared.startswith("best val_acc: fading 0.97, rising 0.98")
    assert "\nother " in compared
    assert "| best val\\_acc |" in call("report", "--markdown", "--store", str(tmp_path))
