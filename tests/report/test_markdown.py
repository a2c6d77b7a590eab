"""Runs as Markdown, for a pull request: what stands in it, and that no text of a run becomes markup."""

import math
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app


def record(store: Path, name: str, loss: float | None, **params: Any) -> None:
    with autotrack.start_run(name, to=store, experiment="digits", params=params) as run:
        if loss is not None:
            run.log({"val_loss": loss}, step=0)


def report(store: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["report", "--markdown", *arguments, "--store", str(store)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_best_run_is_first_and_the_newest_is_explained(store: Path) -> None:
    record(store, "first", 0.2, lr=0.1, seed=1, verbose=False)
    record(store, "second", 0.5, lr=0.9, seed=2, verbose=True)
    record(store, "broken", math.nan, lr=0.5)
    record(store, "empty", None, lr=0.5)
    lines = report(store).splitlines()
    assert lines[0] == "## digits"
    assert lines[2] == r"Of 4 runs, **first** has the lowest val\_loss: **0.2**."
    assert lines[4].startswith(r"| run | status | took | val\_loss | lr |")
    assert [line.split("|")[1].strip() for line in lines[6:8]] == ["first", "second"]
    record(store, "third", 0.9, lr=0.3)
    assert "**Likely causes of the difference between first and third**" in report(store)
    assert r"| lr 0.1 → 0.3 |" in report(store)


def test_it_is_written_into_a_file_and_no_text_becomes_markup(store: Path) -> None:
    record(store, "<b>*x*</b> | y", 0.2, lr="<img src=x>")
    record(store, "plain", 0.3, lr="[a](javascript:alert(1))")
    assert report(store, "-o", "summary.md", "--title", "# <i>").startswith("2 runs in summary.md")
    text = Path("summary.md").read_text()
    for markup in ("<b>", "<img", "<i>", "[a]("):
        assert markup not in text
    assert "plain" in text


def test_a_file_is_what_its_name_says(store: Path, tmp_path: Path) -> None:
    record(store, "first", 0.2)
    report(store)
    done = CliRunner().invoke(app, ["report", "-o", str(tmp_path / "x.md"), "--store", str(store)])
    assert "1 run in" in done.output
    assert (tmp_path / "x.md").read_text().startswith("## digits")
    for name, why in (("x.txt", "expected .html, or .md"), ("gone/x.html", "there is no folder")):
        done = CliRunner().invoke(app, ["report", "-o", str(tmp_path / name), "--store", str(store)])
        assert why in str(done.exception)
