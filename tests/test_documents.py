"""What README and the examples show is run as it stands there."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


PARAMS = {
    "lightning": {"max_epochs", "batch_size", "lr", "optimizer", "parameters"},
    "keras": {"epochs", "batch_size", "learning_rate", "optimizer", "parameters"},
    "sklearn": {"verbose"},
    "tensorboard": {"lr", "width", "batch_size"},
}
"""What every run of an example has among its params, by the framework it is about."""


def execute(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended


@pytest.mark.slow
def test_the_snippets_of_the_readme_work_one_after_another(tmp_path: Path) -> None:
    """They are pasted into one script, as a reader would who goes through the README from top to bottom."""
    assert len(SNIPPETS) >= 4
    script = tmp_path / "readme.py"
    script.write_text("\n".join(SNIPPETS), encoding="utf-8")
    execute(str(script), cwd=tmp_path)
    assert len(autotrack.runs(tmp_path / "runs")) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_records_a_complete_run(example: Path, tmp_path: Path) -> None:
    execute(str(example), cwd=tmp_path)
    runs = autotrack.runs(tmp_path / "runs")
    assert runs
    for run in runs:
        assert run.status == "finished"
        assert PARAMS[example.stem.partition("_")[0]] <= set(run.params)
        assert run.metrics
        assert all(metric.count for metric in run.metrics.values())
        if example.stem != "tensorboard_autolog":  # a plain loop does not tell which data it trains on
            assert {"train"} <= {data.role for data in run.datasets if data.fingerprint}
        assert {"git", "hardware", "packages", "process"} <= set(run.environment)
        if example.stem.startswith("lightning"):  # the others print nothing while they train
            assert (run.folder / "output.log").stat().st_size
        assert run.system
        assert not [notice for notice in run.notices if notice.about != "git"]  # the examples may just be written
        assert not run.left_out
    if example.stem.startswith(("keras", "lightning")):
        (run,) = runs
        assert len(run.epochs) >= 2
        assert {"best", "last"} <= {role for artifact in run.artifacts for role in artifact.roles}


@pytest.mark.slow
def test_the_demo_stops_early_and_learns_the_digits(tmp_path: Path) -> None:
    execute(str(ROOT / "examples" / "lightning_autolog.py"), cwd=tmp_path)
    (run,) = autotrack.runs(tmp_path / "runs")
    assert run.experiment == "digits"
    assert run.metrics["val_acc"].best.value > 0.95
    assert run.metrics["test_acc"].last.value > 0.95
    assert run.params["EarlyStopping.patience"] == 3
    assert "early_stopping" in run.tags


def test_examples_are_short() -> None:
    for example in EXAMPLES:
        assert len(example.read_text().splitlines()) <= 60, example.name


def test_commands_of_the_readme_exist() -> None:
    consoles = "\n".join(re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL))
    shown = set(re.findall(r"^autotrack ([a-z]+)", consoles, flags=re.MULTILINE))
    help_text = execute("-m", "autotrack", "--help", cwd=ROOT).stdout
    assert shown
    for command in shown:
        assert command in help_text


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


MODULES_WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "autotrack").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES_WITH_EXAMPLES)
def test_docstring_examples_are_true(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed
