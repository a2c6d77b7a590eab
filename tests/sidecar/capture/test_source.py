"""Source code that git does not hold is copied, and no other."""

import hashlib
from pathlib import Path
from time import time
from typing import Any

import pytest

from autotrack.journal.records import Environment, Notice, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import source
from autotrack.sidecar.capture.base import Subject
from tests.support.repositories import TOKEN, commit, new, put, run_git


def subject(root: Path, *modules: str, script: str | None = "train.py", **more: Any) -> Subject:
    entry_point = str(root / script) if script else None
    started = RunStarted(time=time(), id="1", name="n", experiment="e", cwd=str(root), entry_point=entry_point)
    return Subject(root.parent / "run", started, Redactor({}), modules=[root / name for name in modules], **more)


def values(found: list[Any]) -> dict[str, Any]:
    assert isinstance(found[0], Environment)
    assert found[0].kind == "source"
    return found[0].values


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Code in no repository."""
    return put(
        tmp_path / "project", {"train.py": "import pkg\n", "pkg/net.py": b"caf\xe9\r\n", "other.py": "not imported"}
    )


def test_a_script_outside_any_repository_is_copied_with_what_it_imported(project: Path) -> None:
    (found,) = source.capture(subject(project, "pkg/net.py", "train.py"))
    assert isinstance(found, Environment)
    checksums = {
        name: hashlib.sha256((project / name).read_bytes()).hexdigest() for name in ("train.py", "pkg/net.py")
    }
    assert found.values == {"root": str(project), "files": checksums, "left_out": {}}
    assert found.files == ["environment/source/train.py", "environment/source/pkg/net.py"]
    copies = project.parent / "run" / "environment" / "source"
    assert {name: (copies / name).read_bytes() for name in checksums} == {
        name: (project / name).read_bytes() for name in checksums
    }
    assert not (copies / "other.py").exists()


def test_what_git_has_or_its_patch_and_archive_is_not_copied(repo: Path) -> None:
    put(repo, {"model.py": "changed\n", "untracked.py": "u"})
    assert source.capture(subject(repo, "model.py", "untracked.py")) == []
    assert not (repo.parent / "run").exists()


def test_what_git_ignores_is_copied(repo: Path) -> None:
    commit(repo, {".gitignore": "scratch/\n"})
    put(repo, {"scratch/try.py": "t", "scratch/help er.py": "h"})
    assert sorted(values(source.capture(subject(repo, "model.py", "scratch/help er.py")))["files"]) == [
        "scratch/help er.py"
    ]
    found = values(source.capture(subject(repo, "scratch/help er.py", script="scratch/try.py")))
    assert (found["root"], list(found["files"])) == (str(repo / "scratch"), ["try.py", "help er.py"])


def test_submodules_are_held_by_git_and_strange_repositories_are_not(outer: Path) -> None:
    new(outer / "cloned", {"third.py": "t"})
    found = source.capture(subject(outer, "libs/mid dle/lib.py", "libs/mid dle/inner/inner.py", "cloned/third.py"))
    assert list(values(found)["files"]) == ["cloned/third.py"]


def test_a_program_elsewhere_is_copied_beside_a_repository(repo: Path) -> None:
    put(repo.parent / "bin", {"tool": "#!/usr/bin/python\n"})
    one = subject(repo, "model.py", script="../bin/tool")
    assert list(values(source.capture(one))["files"]) == ["tool"]


def test_without_a_script_there_are_the_modules(project: Path) -> None:
    assert list(values(source.capture(subject(project, "pkg/net.py", script=None)))["files"]) == ["pkg/net.py"]
    assert source.capture(subject(project, script=None)) == []
    assert source.capture(subject(project, "gone.py", script="<stdin>")) == []


def test_installed_packages_are_no_source(project: Path) -> None:
    put(project, {".venv/lib/python3.11/site-packages/torch.py": "t"})
    found = source.capture(subject(project, ".venv/lib/python3.11/site-packages/torch.py"))
    assert list(values(found)["files"]) == ["train.py"]


def test_secrets_and_large_files_are_not_copied(project: Path) -> None:
    put(
        project,
        {
            "train.py": f"KEY = '{TOKEN}'\n",
            "big.py": "#" * 1_000_001,
            "credentials.py": "x",
            "b.py": "b" * 600,
            "c.py": "c" * 600,
        },
    )
    found = source.capture(subject(project, "big.py", "credentials.py", "b.py", "c.py", budget_bytes=1000))
    assert list(values(found)["files"]) == ["train.py", "b.py"]
    assert values(found)["left_out"] == {
        "big.py": "over 1 MB",
        "credentials.py": "may be a secret, by its name",
        "c.py": "beyond the limit for a run",
    }
    assert (project.parent / "run" / "environment" / "source" / "train.py").read_text() == "KEY = '[redacted]'\n"
    left_out, redacted = [notice.message for notice in found if isinstance(notice, Notice)]
    assert left_out.startswith("not kept: big.py (over 1 MB); credentials.py (may be a secret, by its name); c.py (")
    assert redacted == "kept without the secrets in them: train.py"


def test_a_linked_script_is_copied_and_not_the_link(project: Path) -> None:
    (project / "alias.py").symlink_to("train.py")
    source.capture(subject(project, script="alias.py"))
    copy = project.parent / "run" / "environment" / "source" / "alias.py"
    assert not copy.is_symlink()
    assert copy.read_text() == "import pkg\n"


def test_a_damaged_repository_holds_nothing(repo: Path) -> None:
    run_git(repo, "status")
    (repo / ".git" / "index").write_bytes(b"nonsense")
    assert list(values(source.capture(subject(repo, "model.py")))["files"]) == ["train.py", "model.py"]
