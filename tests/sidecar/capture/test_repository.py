"""Looking at a repository writes nothing into it, runs nothing that it configures, and never waits."""

import os
import subprocess
from pathlib import Path

import pytest

from autotrack.journal.records import Notice
from autotrack.sidecar.capture import git
from tests.support.repositories import capture, commit, put, run_git, subject_of


def inside(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in sorted(folder.rglob("*"))}  # fmt: skip


def test_nothing_is_written_into_git(outer: Path) -> None:
    put(outer, {"model.py": "changed\n", "new.py": "n"})
    put(outer / "libs" / "mid dle", {"lib.py": "changed\n", "new.py": "n"})
    os.utime(outer / "train.py")  # git would note in its index that the content is the same
    before = inside(outer / ".git")
    captured = capture(outer)
    assert inside(outer / ".git") == before
    assert "train.py" not in captured.values["changed"]


HOSTILE = """
[diff]
    noprefix = true
    mnemonicPrefix = true
    external = touch {mark}
    submodule = log
    renames = copies
    context = 0
    orderFile = /does/not/exist
    suppressBlankEmpty = true
    ignoreSubmodules = all
    wsErrorHighlight = all
    colorMoved = zebra
[diff "odd"]
    textconv = touch {mark}
    command = touch {mark}
[filter "odd"]
    clean = touch {mark}
    smudge = touch {mark}
    process = touch {mark}
    required = true
[core]
    quotePath = true
    fsmonitor = touch {mark}
    hooksPath = {hooks}
    pager = touch {mark}
[color]
    ui = always
    status = always
[status]
    showUntrackedFiles = no
    relativePaths = true
    short = true
[log]
    showSignature = true
[interactive]
    diffFilter = touch {mark}
"""


def test_no_setting_changes_what_is_kept_or_gets_anything_run(outer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(outer, {".gitattributes": "*.odd diff=odd filter=odd\n", "é.odd": "a\n\nb\n", "moved.py": "m\n" * 20})
    put(outer, {"é.odd": "a\n\nc\n", "new.py": "n", "libs/mid dle/lib.py": "changed\n"})
    (outer / "moved.py").rename(outer / "moved to.py")
    run_git(outer, "add", "moved.py", "moved to.py")
    calm = capture(outer)
    mark, hooks = outer.parent / "mark", outer.parent / "hooks"
    for hook in ("post-index-change", "fsmonitor-watchman"):
        put(hooks, {hook: f"#!/bin/sh\ntouch '{mark}'\n"})
        (hooks / hook).chmod(0o755)
    with (outer / ".git" / "config").open("a") as config:
        config.write(HOSTILE.format(mark=mark, hooks=hooks))
    for name, value in {
        "GIT_EXTERNAL_DIFF": f"touch {mark}",
        "GIT_PAGER": f"touch {mark}",
        "GIT_DIFF_OPTS": "-u0",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_DIR": "/does/not/exist",
        "GIT_WORK_TREE": "/does/not/exist",
        "GIT_INDEX_FILE": "/does/not/exist",
        "LC_ALL": "C",
    }.items():
        monkeypatch.setenv(name, value)
    captured = capture(outer, outer.parent / "runs" / "e" / "hostile")
    assert not mark.exists()
    assert captured.patch == calm.patch
    assert captured.values | {"describe": ""} == calm.values | {"describe": ""}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_repository_of_somebody_else_is_looked_at(repo: Path) -> None:
    put(repo, {"model.py": "changed\n"})
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 12345, 12345)
    assert subprocess.run(["git", "status"], cwd=repo, capture_output=True, check=False).returncode != 0
    assert capture(repo).values["changed"] == ["model.py"]


def test_a_git_that_hangs_is_given_up(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo.parent / "bin", {"git": "#!/bin/sh\nexec sleep 60\n"})
    (repo.parent / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(repo.parent / "bin"), prepend=os.pathsep)
    monkeypatch.setattr("autotrack.sidecar.capture.repository._COMMAND_SECONDS", 0.1)
    (notice,) = git.capture(subject_of(repo, repo.parent / "run"))
    assert isinstance(notice, Notice)
    assert "took longer than 0.1 s" in notice.message


def test_a_filter_that_cannot_be_switched_off_is_not_run(repo: Path) -> None:
    run_git(repo, "config", "filter.a=b.clean", f"touch {repo.parent}/mark; cat")
    commit(repo, {".gitattributes": "*.py filter=a=b\n"})
    put(repo, {"model.py": "changed\n"})
    (repo.parent / "mark").unlink(missing_ok=True)
    (notice,) = git.capture(subject_of(repo, repo.parent / "run"))
    assert isinstance(notice, Notice)
    assert "cannot be switched off" in notice.message
    assert not (repo.parent / "mark").exists()


def test_there_is_a_limit_to_all_commands_together(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.sidecar.capture.git._SECONDS", 0.0)
    (notice,) = git.capture(subject_of(repo, repo.parent / "run"))
    assert isinstance(notice, Notice)
    assert "git took too long" in notice.message


def test_a_git_that_is_gone_is_a_notice(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo))
    (notice,) = git.capture(subject_of(repo, repo.parent / "run"))
    assert isinstance(notice, Notice)
    assert notice.message == "the state of the code is not known: git is not installed"
