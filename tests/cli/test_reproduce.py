"""`autotrack reproduce`, as people and their scripts call it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import ReproduceError
from tests.reproduce.planted import MODEL, TRAIN, Planted, environ_of_users

pytestmark = pytest.mark.slow

SEEDED = Planted("", "python train.py 3", committed={"train.py": TRAIN, "model.py": MODEL})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SEEDED.record(tmp_path_factory.mktemp("planted"))


def call(folder: Path, *arguments: str, exit_code: int = 0) -> tuple[str, str]:
    """Call the command; return what it printed, and what on standard error."""
    command = [sys.executable, "-m", "autotrack", "reproduce", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ_of_users(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == exit_code, done.stderr
    assert "Traceback (most recent call last)" not in done.stderr
    return done.stdout, done.stderr


def test_a_run_is_repeated_and_compared(project: Path) -> None:
    said, told = call(project, "latest", "--here", "--json", "--into", "again")
    result = json.loads(said)
    assert result["verdict"] == "identical"
    assert (result["causes"], result["differences"]["metrics"]) == ([], [])
    assert result["run"]["id"] != result["original"]["id"]
    assert "python" in told
    assert "commit" in told
    new = autotrack.load(Path(result["run"]["folder"]))
    assert (new.reproduces, new.folder.parent.parent) == (result["original"]["id"], project / "runs")
    other = ("--", sys.executable, "train.py", "4")
    said, _ = call(project, result["run"]["name"], "--here", "--into", "other", *other, exit_code=4)
    assert "different: loss parts at step 0" in said
    assert "seed 3 → 4" in said


def test_what_would_run_is_said_before_anything_does(project: Path) -> None:
    said, _ = call(project, "latest", "--only-restore", "--json", "--into", "only restored")
    result = json.loads(said)
    assert result["command"][1:] == ["train.py", "3"] or result["command"][1] == "train.py"
    assert Path(result["cwd"], "train.py").read_text() == TRAIN
    assert not Path(result["cwd"], "runs").exists()


def test_a_strangers_run_is_not_run_without_being_asked(project: Path, tmp_path: Path) -> None:
    run = next((project / "runs").glob("*/*"))
    journal = run / "journal" / "main.jsonl"
    copied = tmp_path / "runs" / "project" / run.name
    (copied / "journal").mkdir(parents=True)
    text = journal.read_text().replace(f'"host":"{autotrack.load(run).host}"', '"host":"elsewhere"')
    (copied / "journal" / "main.jsonl").write_text(text)
    (copied / "journal" / "sidecar.jsonl").write_text((run / "journal" / "sidecar.jsonl").read_text())
    _, told = call(project, str(copied), "--here", exit_code=1)
    assert "it was recorded on elsewhere, and nobody is here to be asked" in told
    assert not (tmp_path / "reproduced").exists()


def test_a_run_that_was_copied_here_is_not_taken_for_ones_own(project: Path, tmp_path: Path) -> None:
    """An archive may name the user and the machine of whoever is going to unpack it."""
    run = next((project / "runs").glob("*/*"))
    journal = run / "journal" / "main.jsonl"
    text = re.sub(r'"time":[0-9.]+', lambda found: f'"time":{float(found[0][7:]) - 1e6}', journal.read_text())
    shutil.copytree(run, copied := tmp_path / "runs" / "project" / run.name)
    (copied / "journal" / "main.jsonl").write_text(text)
    (copied / "run.json").unlink()  # it is derived, and says when the run really was
    os.utime(copied / "journal" / "main.jsonl", (0, journal.stat().st_mtime - 1e6))
    _, told = call(project, str(copied), "--here", exit_code=1)
    assert "its journal came here, or was changed, at another time" in told
    assert not (tmp_path / "reproduced").exists()


def test_mistakes_are_said_in_a_line(project: Path) -> None:
    assert "no run 'nosuch'" in call(project, "nosuch", "--here", exit_code=1)[1]
    assert "not an empty folder" in call(project, "latest", "--here", "--into", ".", exit_code=1)[1]
    assert "nothing.git" in call(project, "--here", "--repository", "nothing.git", "latest", exit_code=1)[1]
    assert "cannot be started" in call(project, "latest", "--here", "--", "no-such-program", exit_code=1)[1]
    assert not (project / "reproduced").exists()


def test_a_repetition_that_is_interrupted_is_no_different_result(project: Path, tmp_path: Path) -> None:
    code = "import autotrack\nwith autotrack.start_run():\n    raise KeyboardInterrupt"
    original = autotrack.runs(project / "runs")[-1]
    with pytest.raises(ReproduceError, match="was interrupted, so there is nothing to compare"):
        original.reproduce(environment="here", command=[sys.executable, "-c", code], into=tmp_path / "again")
