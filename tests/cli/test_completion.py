"""What a shell is told at a press of the tab key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import autotrack
from autotrack.cli.app import app
from autotrack.cli.completion import SWITCHES, completions

MODULE = [sys.executable, "-m", "autotrack"]


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("fleet-lemur", "fleet-otter", "$(touch gone)", "שלום"):
        with autotrack.start_run(name, to=tmp_path / "runs", params={"lr": 0.1, "optimizer.beta": 2}) as run:
            run.log({"val_loss": 0.5, "val/acc": 0.9})


def test_runs_are_completed_where_runs_are_expected() -> None:
    assert completions(["show"], "fleet") == ["fleet-lemur", "fleet-otter"]
    assert completions(["tag"], "fleet-l") == ["fleet-lemur"]
    assert completions(["compare", "fleet-otter"], "fleet-l") == ["fleet-lemur"]
    assert completions(["show", "--json"], "של") == ["שלום"]
    assert completions(["show"], "la") == ["latest"]
    assert completions(["tag", "fleet-otter"], "fl") is None
    assert completions([], "sh") == ["show"]
    assert completions(["ls"], "fl") is None
    assert completions(["show", "--store", "nowhere"], "fl") == []


def test_names_are_completed_in_conditions_and_columns() -> None:
    assert completions(["ls", "--sort"], "best.v") == ["best.val_loss"]
    assert completions(["ls", "--columns"], "name,optim") == ["name,optimizer.beta"]
    assert completions(["ls", "--where"], "lr > 1 and val_l") == ["lr > 1 and val_loss"]
    assert completions(["ls", "-g"], "params.l") == ["params.lr"]
    assert completions(["best"], "val") == ["val/acc", "val_loss"]
    assert completions(["ls", "--metric"], "val_") == ["val_loss"]


def test_runs_in_the_trash_are_completed_where_they_are_brought_back() -> None:
    folder = autotrack.load("fleet-lemur", "runs").folder
    autotrack.load(folder).remove()
    assert completions(["restore"], "2") == completions(["rm", "--restore"], "2") == [folder.name]
    assert completions(["show"], "fleet") == ["fleet-otter"]


def test_every_command_and_switch_is_known_to_completion() -> None:
    """Completion does not import the commands, so it has lists of its own."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    options = [(name, option) for name, command in group.commands.items() for option in command.params]
    switches = {
        word
        for name, option in options
        if name != "run" and getattr(option, "is_flag", False)
        for word in (*option.opts, *option.secondary_opts)
    }
    assert switches == SWITCHES
    takes_runs = {name for name, option in options if "RUN" in (option.metavar or "").replace("]", " ").split("|")[-1]}
    for name in takes_runs:
        assert completions([name], "") is not None, name


def test_nothing_that_a_shell_could_run_is_offered() -> None:
    found = completions(["show"], "")
    assert found is not None
    assert not [name for name in found if "$" in name or "(" in name]
    assert len(found) == 5, "the run is offered by its folder"


@pytest.mark.parametrize(
    ("shell", "asked", "said"),
    [
        ("bash", {"COMP_WORDS": "autotrack show fleet-l", "COMP_CWORD": "2"}, "fleet-lemur\n"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "autotrack show fleet-l"}, "_arguments '*: :((\"fleet-lemur\"))'"),
        (
            "fish",
            {"_TYPER_COMPLETE_ARGS": "autotrack show fleet-l", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
            "fleet-lemur\n",
        ),
    ],
)
def test_each_shell_is_answered_as_it_asks(shell: str, asked: dict[str, str], said: str) -> None:
    environment = {**os.environ, **asked, "_AUTOTRACK_COMPLETE": f"complete_{shell}"}
    done = subprocess.run(MODULE, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert (done.stdout, done.stderr) == (said, "")


def test_what_has_nothing_to_do_with_runs_is_left_to_typer() -> None:
    environment = {
        **os.environ,
        "_AUTOTRACK_COMPLETE": "complete_bash",
        "COMP_WORDS": "autotrack show --js",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-c", "import sys; sys.argv = ['autotrack']; from autotrack.cli import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["--json"]


def test_completing_runs_imports_no_commands() -> None:
    script = (
        "import sys; from autotrack.cli.completion import completions; completions(['show'], 'f'); "
        "print([name for name in ('typer', 'rich', 'requests', 'psutil', 'autotrack.cli.app') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True).stdout
        == "[]\n"
    )
