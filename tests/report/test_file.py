"""The file that `autotrack report` writes, as far as it can be told without a browser."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.report import bundle


def record(store: Path, name: str, **params: Any) -> None:
    with autotrack.start_run(name, to=store, experiment="digits", params=params) as run:
        run.log({"val_loss": 0.5}, step=0)


def data_of(page: str) -> Any:
    found = re.search(r'id="runs">([^<]+)<', page)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["report", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_takes_names_or_a_condition_and_says_what_it_wrote(store: Path, tmp_path: Path) -> None:
    for name, lr in (("first", 0.1), ("second", 0.2), ("third", 0.3)):
        record(store, name, lr=lr)
    assert invoke("--store", str(store)).startswith("3 runs in report.html (")
    assert data_of(Path("report.html").read_text())["title"] == "digits"
    invoke("--where", "lr > 0.15", "--last", "1", "--store", str(store), "-o", "some.html", "--title", "mine")
    chosen = data_of(Path("some.html").read_text())
    assert (chosen["title"], len(chosen["table"]["keys"])) == ("mine", 1)
    assert invoke("first", "second", "--store", str(store), "-o", "two.html").startswith("2 runs in two.html")
    done = CliRunner().invoke(app, ["report", "--where", "lr > 9", "--store", str(store)])
    assert str(done.exception) == "there are no runs for which that holds"


def test_runs_have_a_report_which_a_notebook_shows_in_a_frame(store: Path, tmp_path: Path) -> None:
    record(store, "first")
    report = autotrack.runs(store).report()
    assert report.path is None
    assert not list(tmp_path.glob("*.html"))
    shown = report._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts allow-downloads"')
    assert "<script>" not in shown, "it is escaped, so that it is the frame's"
    assert repr(autotrack.runs(store).report(tmp_path / "r.html")).startswith("<Report of 1 run in ")


def test_an_empty_report_is_small_and_so_is_each_curve(store: Path) -> None:
    record(store, "first")
    assert len(autotrack.runs(store).report().write("r.html").read_bytes()) < 400_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('import x from "./dom.js";', "import x"),
        ("export default 1;", "export default"),
        ('const x = "</script>";', "</script"),
        ('import { a } from "./other.js";', "circle"),
    ],
)
def test_a_module_that_cannot_be_bundled_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    monkeypatch.setattr(bundle, "text_of", lambda name: text)
    with pytest.raises(ValueError, match=reason):
        bundle.script("other")
