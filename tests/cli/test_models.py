"""`autotrack models` and `autotrack register`, as they are typed."""

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.models.registry import Registry


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with two runs that kept a model."""
    for value in (0.5, 0.9):
        with autotrack.start_run(f"run-{value}", to=tmp_path / "runs") as run:
            file = run.folder / "model" / "model.joblib"
            file.parent.mkdir()
            file.write_bytes(f"a model of {value}".encode())
            run._record_artifact(file, kind="model")
            run.log({"val_acc": value}, stage="validate")
            run.log_dataset("validate", [1.0, 2.0])
    return tmp_path / "runs"


def run(*arguments: object, fails: bool = False) -> str:
    """Run a command of autotrack; return what it printed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert bool(result.exit_code) is fails, (result.output, result.exception)
    return str(result.exception) if fails else result.output


def test_models_are_registered_listed_shown_aliased_promoted_and_removed(store: Path) -> None:
    options = ("--store", store)
    assert "no registered models" in run("models", *options)
    assert "digits/1 is the model of run-0.5" in run("register", "run-0.5", "digits", "-d", "a try", *options)
    run("models", "register", "run-0.9", "digits", "-t", "why=paper", *options)
    assert "digits" in run("models", *options)
    assert "@champion of digits is version 1" in run("models", "alias", "digits", "champion", 1, *options)
    said = run("models", "promote", "digits", "best val_acc, if better than @champion on the same data", *options)
    assert "@champion of digits is version 2: val_acc 0.9 of version 2, 0.5 of version 1, on the same data" in said
    assert "nothing is promoted" in run("models", "promote", "digits", "best val_acc", *options)
    shown = run("models", "show", "digits", *options)
    assert "by the rule" in " ".join(shown.split())
    one = run("models", "show", "digits@champion", *options)
    assert "run-0.9" in one
    assert "the checksums of its files are right" in one
    assert "is version 1 again; it was version 2" in run("models", "undo", "digits", *options)
    content = json.loads(run("models", "show", "digits/2", "--json", *options))
    assert (content["tags"], content["aliases"]) == ({"why": "paper"}, [])
    assert "points to version 1" in run("models", "rm", "digits/1", "--yes", *options, fails=True)
    run("models", "rm", "digits/2", "--yes", *options)
    run("models", "rm", "digits", "--yes", *options)
    assert Registry(store).names() == []
    assert len(autotrack.runs(store)) == 2


def test_what_is_not_there_is_said_with_what_is(store: Path) -> None:
    run("register", "run-0.5", "digits", "--store", store)
    assert "there is digits" in run("models", "show", "digit", "--store", store, fails=True)
    assert "has no alias @live" in run("models", "show", "digits@live", "--store", store, fails=True)
    assert "has no version 7; it has 1" in run("models", "show", "digits/7", "--store", store, fails=True)


def test_without_a_rule_the_metric_counts_that_all_versions_are_judged_by(store: Path) -> None:
    options = ("--store", store)
    for name in ("run-0.5", "run-0.9"):
        run("register", name, "digits", *options)
    rule = "best val_acc, if better than @champion on the same data"
    said = run("models", "promote", "digits", *options)
    assert f"by the metric that its versions are judged by: '{rule}'" in said
    assert "@champion of digits is version 2" in said
    assert Registry(store).model("digits").moves("champion")[-1].rule == rule


def test_without_a_rule_that_goes_without_saying_the_commands_to_copy_are_shown(store: Path) -> None:
    options = ("--store", store)
    with autotrack.start_run("by loss", to=store) as other:
        file = other.folder / "model" / "model.joblib"
        file.parent.mkdir()
        file.write_bytes(b"a model")
        other._record_artifact(file, kind="model")
        other.log({"val_loss": 0.1}, stage="validate")
    run("register", "run-0.5", "digits", *options)
    run("register", other.name, "digits", *options)
    said = run("models", "promote", "digits", *options, fails=True)
    commands = [line.strip() for line in said.splitlines() if line.startswith("  autotrack")]
    assert commands == [
        "autotrack models promote digits 'best val_loss, if better than @champion on the same data'",
        "autotrack models promote digits 'best val_acc, if better than @champion on the same data'",
    ]
    assert "@champion of digits is version 1" in run(*shlex.split(commands[1])[1:], *options)
    assert "there is no registered model" in run("models", "promote", "digit", *options, fails=True)


@pytest.mark.parametrize("typed", [("digits", "1", "live"), ("digits", "v1", "@live"), ("digits/1", "live")])
def test_an_alias_in_the_place_of_the_version_is_told_the_right_order(store: Path, typed: tuple[str, ...]) -> None:
    run("register", "run-0.5", "digits", "--store", store)
    said = run("models", "alias", *typed, "--store", store, fails=True)
    assert "did you mean `autotrack models alias digits live 1`?" in said
    assert "@live" not in run("models", "--store", store)


def test_the_table_of_models_has_a_line_for_each_in_80_columns(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run("register", "run-0.5", "digits-of-the-paper", "--store", store)
    run("register", "run-0.9", "digits", "--store", store)
    said = run("models", "--store", store)
    assert len(said.splitlines()) == 3
    assert "description" not in said


def test_the_help_has_examples() -> None:
    said = run("models", "--help")
    assert "autotrack models promote digits" in said


def test_texts_of_a_model_cannot_steer_the_terminal(store: Path) -> None:
    run("register", "run-0.5", "digits", "-d", "\x1b]0;title\x07", "--store", store)
    for arguments in (("models",), ("models", "show", "digits"), ("models", "show", "digits/1")):
        assert "\x1b]0" not in run(*arguments, "--store", store)


def test_in_a_narrow_terminal_columns_that_matter_less_are_left_out(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is not broken into pieces, as dates and values were."""
    options = ("--store", store)
    run("register", "run-0.5", "digits-classifier", "-d", "a first try with few epochs", *options)
    run("models", "alias", "digits-classifier", "previous-champion", 1, *options)
    monkeypatch.setenv("COLUMNS", "80")
    for shown in (run("models", *options), run("models", "show", "digits-classifier", *options)):
        assert all(len(line) <= 80 for line in shown.splitlines())
        assert any("val_acc 0.5" in line and "today" in line for line in shown.splitlines())
    assert "no room for weights, by, description: --json has all" in shown
    monkeypatch.setenv("COLUMNS", "160")
    assert "no room" not in run("models", "show", "digits-classifier", *options)
