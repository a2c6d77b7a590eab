"""A misspelt variable or table is no error, and whoever wrote it hears of it once."""

from pathlib import Path
from typing import Any

import pytest

from autotrack.training.ignored_settings import ignored_settings


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_spelt_well_is_not_ignored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pyproject.toml").write_text("[tool.autotrack]\nmetric = 'val_acc'\n[tool.ruff]\n[tool.black]\n")
    monkeypatch.setenv("AUTOTRACK_METRIC", "val_loss")
    monkeypatch.setenv("AUTOTRACK_ALLOW_INSECURE", "1")
    assert ignored_settings() == []


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("AUTOTRACK_EXPERIMNT", "AUTOTRACK_EXPERIMENT"), ("autotrack_to", "AUTOTRACK_TO"),
     ("AUTOTRACK_TAG", "AUTOTRACK_TAGS")],
)  # fmt: skip
def test_a_variable_without_effect_is_said_with_the_nearest(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")
    assert ignored_settings() == [f"the environment variable {variable} has no effect; did you mean {meant}?"]


@pytest.mark.parametrize("table", ["tool.autotrak", "tool.Autotrack", "autotrack"])
def test_a_table_in_the_wrong_place_is_said(table: str, project: Path) -> None:
    path = project / "pyproject.toml"
    path.write_text(f"[{table}]\nexperiment = 'digits'\n")
    assert ignored_settings() == [f"[{table}] in {path} has no effect; did you mean [tool.autotrack]?"]


def test_it_is_said_once_by_scripts_and_by_commands(run_script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_EXPERIMNT", "digits")
    monkeypatch.setenv("AUTOTRACK_QUIET", "0")
    said = run_script(
        """
        import subprocess, sys
        sys.stderr = sys.stdout
        import autotrack
        autotrack.autolog()
        autotrack.start_run().finish()
        print("command:", flush=True)
        command = [sys.executable, "-m", "autotrack", "ls"]
        subprocess.run(command, stderr=sys.stdout.fileno(), stdout=subprocess.DEVNULL)
        """
    )
    script, command = said.split("command:")
    sentence = (
        "autotrack: the environment variable AUTOTRACK_EXPERIMNT has no effect; did you mean AUTOTRACK_EXPERIMENT?"
    )
    assert script.count(sentence) == command.count(sentence) == 1
