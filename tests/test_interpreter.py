"""Another Python process finds what this one finds, and never takes a file of the user for a module of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from autotrack import interpreter


def run(command: list[str], *, folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that only this process finds, because of its `sys.path`."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "only_here.py").write_text(
        "import queue\nimport autotrack\n\ndef main(*arguments):\n    print(arguments, queue.__file__)\n"
    )
    (folder / "queue.py").touch()
    monkeypatch.setattr(sys, "path", ["", str(folder), *sys.path])
    return "only_here"


def test_it_finds_modules_where_this_process_does_but_not_instead_of_pythons_own(module: str, tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("raise RuntimeError('not to be imported')\n")
    arguments = ("a 'quoted' text", 'and a "second"\n')
    said = run(interpreter.command(module, *arguments), folder=tmp_path)
    assert said.startswith(f"{arguments} {sys.base_prefix}")


def test_or_it_finds_exactly_what_this_process_finds(module: str, tmp_path: Path) -> None:
    said = run(interpreter.command(module, keeps_order=True), folder=tmp_path)
    assert said == f"() {tmp_path / 'modules' / 'queue.py'}\n"


@pytest.mark.parametrize(("attribute", "value"), [("executable", ""), ("executable", None), ("frozen", True)])
def test_a_process_without_an_interpreter_is_told_apart(
    attribute: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert interpreter.is_available()
    monkeypatch.setattr(sys, attribute, value, raising=False)
    assert not interpreter.is_available()
