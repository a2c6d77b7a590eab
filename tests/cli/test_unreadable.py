"""Runs that cannot be read are left out of lists, reports, archives and tables, and named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes pipes and links")


@pytest.fixture
def damaged(store: Path, tmp_path: Path) -> Path:
    with autotrack.start_run("good", to=store, experiment="e") as run:
        run.log({"loss": 0.5}, step=0)
    journals = {name: store / "e" / name / "journal" for name in ("pipe", "link", "garbage", "folder", "begun")}
    for journal in journals.values():
        journal.mkdir(parents=True)
    os.mkfifo(journals["pipe"] / "main.jsonl")
    (tmp_path / "secret").write_text("of the reader")
    (journals["link"] / "main.jsonl").symlink_to(tmp_path / "secret")
    (journals["garbage"] / "main.jsonl").write_bytes(bytes(range(256)) * 9)
    (journals["folder"] / "main.jsonl").mkdir()
    (journals["begun"] / "main.jsonl").touch()  # its training has only just made it
    return store


@pytest.mark.parametrize(
    "command", [["ls"], ["ls", "--json"], ["report", "-o", "r.html"], ["archive", "all.zip"], ["export"]]
)
def test_runs_that_cannot_be_read_are_named(damaged: Path, command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--store", str(damaged)])
    assert done.exit_code == 0, repr(done.exception)
    for name in ("folder", "garbage", "link"):
        assert f"left out {damaged / 'e' / name}: " in done.output
    assert "left out 1 more that cannot be read; `autotrack sync` names them" in done.output
    assert "begun" not in done.output
    assert "of the reader" not in done.output


def test_whatever_is_in_the_place_of_a_summary_the_journal_tells(damaged: Path, tmp_path: Path) -> None:
    summary = autotrack.load("good", damaged).folder / "run.json"
    kinds: list[Callable[[], object]] = [
        lambda: os.mkfifo(summary),
        lambda: summary.symlink_to(tmp_path / "secret"),
        summary.mkdir,
    ]
    for put in kinds:
        summary.unlink()
        put()
        assert autotrack.load("good", damaged).metrics["loss"].count == 1
    summary.rmdir()
    with summary.open("wb") as file:
        file.truncate(2**40)  # it holds nothing but zeros
    assert autotrack.load("good", damaged).metrics["loss"].count == 1
