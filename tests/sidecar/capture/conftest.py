"""Repositories made with no setting of this machine, and a machine whose /proc stands still."""

from pathlib import Path

import psutil
import pytest

from tests.sidecar.capture.frozen_load.machine import Machine
from tests.support.repositories import BINARY, commit, new, run_git


@pytest.fixture
def git_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Git has the settings that tests need, and no others."""
    settings_file = tmp_path / "gitconfig"
    settings_file.write_text("[user]\nname = A\nemail = a@example.com\n[init]\ndefaultBranch = main\n"
                             "[protocol \"file\"]\nallow = always\n")  # fmt: skip
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings_file))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repo(git_alone: None, tmp_path: Path) -> Path:
    """A repository with one commit."""
    return new(tmp_path / "repo")


@pytest.fixture
def outer(repo: Path) -> Path:
    """A repository with a submodule that has a submodule."""
    inner = new(repo.parent / "inner", {"inner.py": "i\n"})
    middle = new(repo.parent / "middle", {"lib.py": "1\n2\n3\n", "sub.bin": BINARY})
    run_git(middle, "submodule", "--quiet", "add", str(inner), "inner")
    commit(middle)
    run_git(repo, "submodule", "--quiet", "add", str(middle), "libs/mid dle")
    run_git(repo, "submodule", "--quiet", "update", "--init", "--recursive")
    commit(repo)
    return repo


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that psutil sees instead of the real one."""
    frozen = Machine(tmp_path)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(frozen.proc))
    monkeypatch.setattr(psutil, "getloadavg", lambda: (1.257, 3.0, 4.0))  # the C library reads it from the real one
    return frozen
