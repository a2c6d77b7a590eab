"""What a training uses: the files that it has imported and named, its packages, the variables that it reads."""

import hashlib
import os
from pathlib import Path
from time import time
from typing import Any

import pytest

from autotrack.journal.records import Environment, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import used
from autotrack.sidecar.capture.base import Subject
from tests.support.repositories import put

SCRIPT = """
import os, helper
open("conf.yaml"); open("data/rows.csv"); open("absent.csv"); open("model.pt"); open(".env"); open("later.csv")
os.environ["SCALE"], os.getenv("NOT_SET"), os.environ.get("API_TOKEN")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "conf.yaml": "a: 1",
        "data/rows.csv": "1,2",
        "model.pt": "m",
        ".env": "K=v",
        "unused.yaml": "b",
        "a.json": "",
    }
    return put(tmp_path / "project", {"train.py": SCRIPT, "helper.py": "", **files})


def used_by(root: Path, *arguments: str, packages: tuple[str, ...] = ()) -> dict[str, Any]:
    entry_point, argv = str(root / "train.py"), ["train.py", *arguments]
    started = RunStarted(
        time=time() + 1, id="1", name="n", experiment="e", cwd=str(root), argv=argv, entry_point=entry_point
    )
    os.utime(put(root, {"later.csv": "r"}) / "later.csv", (time() + 9, time() + 9))
    found = used.capture(Subject(root, started, Redactor({}), modules=[root / "helper.py"], packages=packages))
    assert isinstance(found[0], Environment)
    return found[0].values


def test_of_files_those_count_that_the_code_or_the_command_line_names(project: Path) -> None:
    files = used_by(project, "--conf", "a.json")["files"]
    expected = ["a.json", "conf.yaml", "data/rows.csv"]
    assert files == {
        str(project / name): hashlib.sha256((project / name).read_bytes()).hexdigest() for name in expected
    }


def test_of_modules_those_count_that_were_imported(project: Path) -> None:
    paths = [project / "train.py", project / "helper.py"]
    expected = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert used_by(project)["modules"] == expected


def test_of_variables_those_count_that_the_code_reads(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALE", "2")
    monkeypatch.setenv("API_TOKEN", "x8Kq-71zz-0pLm")
    monkeypatch.setenv("UNUSED", "1")
    assert used_by(project)["variables"] == {"SCALE": "2"}
    monkeypatch.setenv("SCALE", "postgres://me:x8Kq-71zz@db/x")
    marks = [used_by(project)["variables"]["SCALE"]]
    monkeypatch.setenv("SCALE", "postgres://me:x8Kq-71zy@db/x")
    marks.append(used_by(project)["variables"]["SCALE"])
    assert marks[0] != marks[1]
    assert all(len(mark) == 7 and mark.startswith("#") for mark in marks)


def test_packages_are_found_by_what_is_imported_from_them(project: Path) -> None:
    assert used_by(project, packages=("dateutil", "msgspec", "no_such"))["packages"] == ["msgspec", "python-dateutil"]
