"""Data that the code names is described as it was before the run, and what the run writes is not taken for data."""

import hashlib
import os
from pathlib import Path
from time import time

import pytest

from autotrack.journal.records import Environment, RunStarted
from autotrack.journal.summary import Summary
from autotrack.readers.code.usage import Usage
from autotrack.readers.compare.candidates import candidates
from autotrack.redaction import Redactor
from autotrack.reproduce.data_check import changed_data, is_still
from autotrack.reproduce.workspace import Workspace
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.named_data import named_data, named_paths
from tests.support.repositories import put

SCRIPT = """
import glob, numpy, package
ROOT = "data"
for path in sorted(glob.glob("extra/*.npy")) + [f"split/{name}/x.bin" for name in ROOT]:
    numpy.load(path)
open("weights.npy"), open("made.npy", "w"), open("results/last.json", "w"), "package", "written", ".", "/", "~"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose script names data, and places that it writes to."""
    names = "data/a.csv data/b/c.csv data/.hidden data/load.py extra/1.npy split/x/x.bin weights.npy made.npy"
    others = "results/last.json package/__init__.py package/table.csv written/old.txt written/new.txt other/d.csv"
    root = put(tmp_path / "project", {"train.py": SCRIPT, **dict.fromkeys(f"{names} {others}".split(), "1")})
    for name in ("made.npy", "written/new.txt"):
        os.utime(root / name, (time() + 9, time() + 9))
    return root


def summary_of(root: Path) -> Summary:
    started = RunStarted(time=time() + 1, id="1", name="n", experiment="e", cwd=str(root), argv=["train.py"],
                         entry_point=str(root / "train.py"))  # fmt: skip
    subject = Subject(root / "runs" / "e" / "n", started, Redactor({}))
    found = named_data(subject, named_paths(subject))
    environment = Environment(time=1.0, kind="reads", values={"files": found})
    return Summary(cwd=str(root), environment={environment.kind: environment.values})


def test_folders_count_with_what_is_in_them_and_files_unless_the_run_writes_them(project: Path) -> None:
    expected = "data data/a.csv data/b/c.csv extra extra/1.npy split split/x/x.bin weights.npy"
    assert Usage(summary_of(project)).reads.keys() == set(expected.split())


def test_of_many_files_names_and_sizes_are_kept(project: Path) -> None:
    put(project, {f"data/{number}.csv": "1" for number in range(60)})
    reads = Usage(summary_of(project)).reads
    assert reads["data"]["files"] == 62
    assert "data/a.csv" not in reads


def test_changed_data_is_found_before_a_repetition_and_named_as_a_cause(project: Path) -> None:
    before = summary_of(project)
    space = Workspace(project, project, project, project, ())
    assert list(changed_data(before, space)) == []
    put(project, {"data/b/c.csv": "22", "extra/2.npy": "1"})
    (project / "weights.npy").unlink()
    missing = {Path(one.what).name for one in changed_data(before, space)}
    assert missing == {"c.csv", "extra", "weights.npy"}
    causes = {Path(one.cause.removesuffix(" changed")).name for one in candidates(summary_of(project), before)}
    assert causes == {"c.csv", "extra"}


def test_a_configuration_that_the_code_names_is_looked_at_as_well_and_a_copy_of_it_is_the_same(tmp_path: Path) -> None:
    root = put(tmp_path, {"conf.yaml": "a"})
    files = {str(root / name): hashlib.sha256(b"a").hexdigest() for name in ("conf.yaml", "gone.csv")}
    summary = Summary(cwd=str(root), environment={"used": {"files": files}})
    space = Workspace(root, root, root, root, ())
    assert [one.why for one in changed_data(summary, space)] == ["its code names it, and it is not here"]
    assert is_still(Usage(summary), "conf.yaml", root / "conf.yaml")
    put(root, {"conf.yaml": "b"})
    assert not is_still(Usage(summary), "conf.yaml", root / "conf.yaml")
    assert not is_still(Usage(summary), "other.csv", root / "conf.yaml")


def test_data_in_a_folder_that_a_variable_names_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"project/train.py": "os.environ['CORPUS'], os.getenv('MODEL_HOME')", "corpus/a.txt": "1"})
    put(tmp_path, {"models/b.txt": "1"})
    monkeypatch.setenv("CORPUS", str(tmp_path / "corpus"))
    monkeypatch.setenv("MODEL_HOME", str(tmp_path / "models"))
    assert {Path(name).name for name in Usage(summary_of(tmp_path / "project")).reads} == {"corpus", "a.txt"}


def test_what_takes_the_place_of_a_file_and_never_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.npy")
    reads = {"files": {str(tmp_path / "data.npy"): {"sha256": "1"}}}
    summary = Summary(cwd=str(tmp_path), environment={"reads": reads})
    space = Workspace(tmp_path, tmp_path, tmp_path, tmp_path, ())
    assert [one.why for one in changed_data(summary, space)] == ["the run has read it, and it has other content now"]
