"""Code that differs: what was added and removed is told by more than colour, the code is coloured, and stays text."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

import autotrack
from tests.report.conftest import Watched
from tests.support.repositories import new, put

CODE = '''import torch

def rate(epoch):
    """The rate,
    by epoch."""
    return 0.1  # slow

NAME = "<img src=x onerror=alert(1)>"
'''
NOW = CODE.replace("0.1", "0.2").replace("by epoch.", "by step.")


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    settings_file = tmp_path / "gitconfig"
    settings_file.write_text("[user]\nname = A\nemail = a@example.com\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings_file))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("AUTOTRACK_ENVIRONMENT")
    root = new(tmp_path / "project", {"train.py": CODE, "query.sql": "-- one\nselect 1\n", ".gitignore": "runs\n"})
    monkeypatch.chdir(root)
    return root


def record(name: str, loss: float) -> autotrack.Run:
    with autotrack.start_run(name) as run:
        run.log({"val_loss": loss}, step=0)
    return run


def texts(lines: Locator) -> list[str]:
    return lines.all_text_contents()


def test_a_patch_is_told_by_signs_places_and_colours_and_stays_text(watched: Watched, repository: Path) -> None:
    page = watched.page
    first = record("first", 0.5)
    put(repository, {"train.py": NOW, "query.sql": "select 1\n"})
    run = record("second", 0.4)
    address = autotrack.runs().report().write("report.html").absolute().as_uri()
    page.goto(f"{address}#run/{run.id}")
    diff = page.locator("#environment .diff")
    diff.scroll_into_view_if_needed()
    expect(diff.locator("ins")).to_have_text(['+    by step."""', "+    return 0.2  # slow"])
    expect(diff.locator("del")).to_have_text(["--- one", '-    by epoch."""', "-    return 0.1  # slow"])
    assert diff.locator("ins").last.get_attribute("data-at") == "6"
    expect(diff.locator("ins .code-string")).to_have_text('    by step."""')
    expect(diff.locator("del .code-keyword")).to_have_text("return")
    expect(diff.locator("del .code-comment")).to_have_text("# slow")
    patch = subprocess.run(["git", "diff"], capture_output=True, text=True, check=True).stdout
    shown = texts(diff.locator("xpath=./span | ./div/*"))
    assert [line for line in shown if line.startswith(("+", "-"))] == [
        line for line in patch.splitlines() if line.startswith(("+", "-"))
    ]
    page.goto(f"{address}#compare?runs={first.id},{run.id}")
    code = page.locator("#code .diff").filter(has_text="train.py")
    code.first.scroll_into_view_if_needed()
    expect(code.first.locator(".code-name").first).to_have_text("rate")
    expect(code.first).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#page img").count() == 0
