"""The first few runs of an experiment are announced; the rest of the short ones are one line at the end."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack.training.announcements import Announcements


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Return what is said at the end of a process with runs of these kinds, of which nothing was said before."""

    def say(*kinds: str) -> str:
        announcements = Announcements()
        for number, kind in enumerate(kinds):
            announcements.leave_out(kind, tmp_path / "runs" / "digits" / str(number))
        announcements._say_rest()
        return capsys.readouterr().err

    return say


@pytest.mark.parametrize(
    ("kinds", "line"),
    [
        (["fit of LinearDiscriminantAnalysis"] * 2847, "2,847 more fits of LinearDiscriminantAnalysis"),
        (["fit of Ridge"], "1 more fit of Ridge"),
        (["run", "run"], "2 more runs"),
        (["fit of Ridge", "fit of Lasso", "fit of Ridge"], "3 more runs: 2 fits of Ridge, 1 fit of Lasso"),
        (["fit of A"] * 4 + ["fit of B"] * 3 + ["fit of C", "fit of C", "run"],
         "10 more runs: 4 fits of A, 3 fits of B, 2 fits of C, …"),
    ],
)  # fmt: skip
def test_runs_that_were_not_announced_are_counted_by_what_they_are(
    kinds: list[str], line: str, said: Callable[..., str]
) -> None:
    assert said(*kinds) == f"autotrack: … and {line} in runs/digits\n"


def test_nothing_is_said_where_all_were_announced(said: Callable[..., str]) -> None:
    assert said() == ""


def test_the_first_three_of_an_experiment_and_an_integration_are_not_some_of_many(tmp_path: Path) -> None:
    announcements = Announcements()
    run, other = tmp_path / "digits" / "run", tmp_path / "wine" / "run"
    assert [announcements.begin(run, "sklearn") for _ in range(5)] == [False, False, False, True, True]
    assert not announcements.begin(run, "keras")
    assert not announcements.begin(other, "sklearn")


def test_a_script_of_many_runs_says_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTRACK_QUIET")
    code = (
        "import autotrack\n"
        "for number in range(8):\n"
        "    with autotrack.start_run(f'run {number}', to='runs', experiment='tests') as run:\n"
        "        run.log({'loss': 0.5})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count(" started in ") == 3
    assert done.stderr.count(" finished after ") == 3
    assert done.stderr.splitlines()[-1] == "autotrack: … and 5 more runs in runs/tests"
    assert len(autotrack.runs("runs")) == 8
