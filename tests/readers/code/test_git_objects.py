"""Objects of a repository are read without running anything that the repository names."""

import os
from pathlib import Path

import pytest

from autotrack.readers.code.git_objects import GitObjects
from autotrack.reproduce.checkout import check_out
from autotrack.reproduce.git_commands import has_commit
from tests.support.repositories import new, run_git

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes a program")


def test_what_a_repository_lacks_is_not_fetched_by_its_program(tmp_path: Path) -> None:
    """A store may hold a repository whose settings name a program that brings objects from elsewhere."""
    root, program = new(tmp_path / "repository"), tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'it ran'!s}\nexit 1\n".replace("it ran", "ran"))
    program.chmod(0o755)
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(tmp_path / "elsewhere"),
        "remote.origin.uploadpack": str(program),
    }.items():
        run_git(root, "config", name, value)
    new(tmp_path / "elsewhere")
    commit = run_git(root, "rev-parse", "HEAD")
    assert GitObjects(root).has(commit)
    assert has_commit(root, commit)
    lacking = "1" * 40
    assert not GitObjects(root).has(lacking)
    assert GitObjects(root).read(lacking, "train.py", limit_bytes=100) is None
    assert not has_commit(root, lacking)
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="gives a folder to another user")
def test_a_repository_of_another_user_is_read_and_cloned(tmp_path: Path) -> None:
    root = new(tmp_path / "repository")
    commit = run_git(root, "rev-parse", "HEAD")
    for path in (root, *root.rglob("*")):
        os.chown(path, 12345, 12345)
    assert GitObjects(root).has(commit)
    check_out({"commit": commit, "root": str(root)}, tmp_path / "clone")
    assert (tmp_path / "clone" / "train.py").read_text() == "import model\n"
