"""What is recorded of a repository: where its HEAD is, what is changed, which submodules it has."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import time

import msgspec
import pytest

from autotrack.journal.records import Notice
from autotrack.sidecar.capture import git
from tests.support.repositories import BINARY, TOKEN, assert_put_back, capture, commit, new, put, run_git, subject_of


def test_a_clean_repository_is_its_commit(repo: Path) -> None:
    captured = capture(repo)
    head = run_git(repo, "rev-parse", "HEAD")
    assert captured.values == {
        "root": str(repo),
        "commit": head,
        "branch": "main",
        "tag": None,
        "describe": head[:7],
        "commit_time": int(run_git(repo, "log", "-1", "--format=%ct")),
        "remote": None,
        "worktree": False,
        "dirty": False,
        "changed": [],
        "untracked": [],
        "left_out": {},
        "submodules": {},
        "patch_sha256": None,
        "untracked_sha256": None,
        "untracked_code": [],
        "untracked_code_sha256": None,
        "changed_after_start": [],
    }
    assert captured.notices == []
    assert [path.name for path in (captured.run / "environment").iterdir()] == ["git.json"]
    assert msgspec.json.decode((captured.run / "environment" / "git.json").read_bytes()) == captured.values


def test_caches_of_the_code_are_no_part_of_it(repo: Path) -> None:
    (repo / "nets" / "__pycache__").mkdir(parents=True)
    (repo / "nets" / "__pycache__" / "unet.cpython-311.pyc").write_bytes(b"compiled")
    (repo / "nets" / "unet.py").write_text("width = 3")
    assert capture(repo).values["untracked"] == ["nets/unet.py"]


def test_a_detached_head_with_a_tag_has_no_branch(repo: Path) -> None:
    run_git(repo, "tag", "v1.0")
    run_git(repo, "checkout", "--quiet", "--detach")
    values = capture(repo).values
    assert (values["branch"], values["tag"], values["describe"]) == (None, "v1.0", "v1.0")
    head = commit(repo, {"more.py": "m"})
    values = capture(repo).values
    assert (values["tag"], values["describe"]) == (None, f"v1.0-1-g{head[:7]}")


def test_a_linked_worktree_has_changes_of_its_own(repo: Path) -> None:
    worktree = repo.parent / "other"
    run_git(repo, "worktree", "add", "--quiet", "-b", "topic", str(worktree))
    put(worktree, {"model.py": "changed\n", "new.py": "n"})
    captured = capture(worktree)
    assert (captured.values["worktree"], captured.values["branch"]) == (True, "topic")
    assert captured.values["root"] == str(worktree)
    assert_put_back(worktree, captured)
    assert capture(repo).values["worktree"] is False


def test_a_worktree_of_a_bare_repository(repo: Path) -> None:
    run_git(repo.parent, "clone", "--quiet", "--bare", str(repo), "hub/.git")
    run_git(repo.parent / "hub", "worktree", "add", "--quiet", "main", "main")
    put(repo.parent / "hub" / "main", {"model.py": "changed\n"})
    assert capture(repo.parent / "hub" / "main").values["changed"] == ["model.py"]
    assert git.capture(subject_of(repo.parent / "hub", repo.parent / "run")) == []


def test_a_repository_without_a_commit_is_all_patch_and_archive(git_alone: None, tmp_path: Path) -> None:
    repo = tmp_path / "young"
    repo.mkdir()
    run_git(repo, "init", "--quiet")
    put(repo, {"train.py": "t\n", "staged.py": "s\n", "b.bin": BINARY})
    run_git(repo, "add", "staged.py", "b.bin")
    captured = capture(repo)
    assert (captured.values["commit"], captured.values["commit_time"], captured.values["branch"]) == (
        None,
        None,
        "main",
    )
    assert captured.archived == ["train.py"]
    assert_put_back(repo, captured)


def test_a_merge_conflict_is_kept_as_it_lies_there(repo: Path) -> None:
    run_git(repo, "checkout", "--quiet", "-b", "topic")
    commit(repo, {"model.py": "theirs\n", "train.py": "theirs\n", "new.py": "theirs\n"})
    run_git(repo, "checkout", "--quiet", "main")
    run_git(repo, "rm", "--quiet", "train.py")
    commit(repo, {"model.py": "ours\n", "new.py": "ours\n"})
    subprocess.run(["git", "merge", "topic"], cwd=repo, capture_output=True, check=False)
    captured = capture(repo)
    assert sorted(captured.values["changed"]) == ["model.py", "new.py", "train.py"]
    assert b"<<<<<<<" in captured.patch
    assert_put_back(repo, captured)


# Submodules


def test_submodules_without_a_change_are_their_commits(outer: Path) -> None:
    captured = capture(outer)
    module = outer / "libs" / "mid dle"
    commits = {path: run_git(outer / path, "rev-parse", "HEAD") for path in ("libs/mid dle", "libs/mid dle/inner")}
    assert captured.values["submodules"] == {path: {"commit": id_, "dirty": False} for path, id_ in commits.items()}
    assert not captured.values["dirty"]
    assert capture(outer, script="libs/mid dle/lib.py").values["root"] == str(module)
    assert captured.notices == []
    assert_put_back(outer, captured)


def test_changes_in_submodules_are_put_back_from_the_top(outer: Path) -> None:
    module = outer / "libs" / "mid dle"
    put(module, {"lib.py": "1\nchanged\n3\n", "sub.bin": BINARY[::-1], "new.py": "n"})
    put(module / "inner", {"inner.py": "changed\n", "deep.py": "d"})
    captured = capture(outer)
    assert captured.values["dirty"]
    assert captured.values["submodules"]["libs/mid dle"]["dirty"]
    assert captured.archived == ["libs/mid dle/inner/deep.py", "libs/mid dle/new.py"]
    assert_put_back(outer, captured)


def test_commits_in_a_submodule_that_nobody_else_has_are_part_of_the_patch(outer: Path) -> None:
    module = outer / "libs" / "mid dle"
    made = commit(module, {"lib.py": "1\ncommitted\n3\n", "added.py": "a\n"})
    put(module, {"lib.py": "1\ncommitted\nchanged\n"})
    captured = capture(outer)
    assert captured.values["submodules"]["libs/mid dle"] == {"commit": made, "dirty": True}
    assert_put_back(outer, captured)


def test_a_submodule_that_is_new_is_part_of_the_patch(repo: Path) -> None:
    inner = new(repo.parent / "inner", {"inner.py": "i\n"})
    run_git(repo, "submodule", "--quiet", "add", str(inner), "lib")
    put(repo / "lib", {"inner.py": "changed\n"})
    captured = capture(repo)
    assert_put_back(repo, captured)


def test_submodules_that_are_not_there_are_said(outer: Path) -> None:
    run_git(outer.parent, "clone", "--quiet", str(outer), "shallow")
    assert capture(outer.parent / "shallow").values["submodules"] == {"libs/mid dle": {"commit": None, "dirty": False}}
    run_git(outer, "rm", "--quiet", "-r", "libs/mid dle")
    captured = capture(outer)
    assert captured.values["left_out"] == {"libs/mid dle": "a submodule that is gone"}
    assert captured.notices == ["not kept: libs/mid dle (a submodule that is gone)"]


# Where the repository is


def test_a_script_outside_any_repository_has_that_of_the_working_folder_or_none(repo: Path, tmp_path: Path) -> None:
    put(tmp_path / "bin", {"tool": ""})
    about = {"cwd": str(repo), "entry_point": str(tmp_path / "bin" / "tool")}
    assert capture(repo, started=about).values["root"] == str(repo)
    assert git.capture(subject_of(tmp_path / "bin", tmp_path / "run")) == []
    assert git.capture(subject_of(tmp_path / "bin" / "deleted since", tmp_path / "run")) == []
    assert not (tmp_path / "run").exists()


def test_a_repository_in_an_ignored_folder_is_on_its_own(repo: Path) -> None:
    commit(repo, {".gitignore": "nested/\n"})
    nested = new(repo / "nested")
    put(nested, {"model.py": "changed\n"})
    assert capture(repo).values["dirty"] is False
    assert capture(nested).values["changed"] == ["model.py"]


def test_a_repository_that_is_no_submodule_is_named_and_not_kept(repo: Path) -> None:
    new(repo / "nested")
    captured = capture(repo)
    assert captured.values["left_out"] == {"nested/": "a repository of its own"}
    assert captured.archived == []


@pytest.mark.parametrize("damage", ["empty", "file", "index", "objects"])
def test_a_damaged_repository_is_a_notice(repo: Path, damage: str) -> None:
    dot_git = repo / ".git"
    if damage == "index":
        (dot_git / "index").write_bytes(b"nonsense")
    elif damage == "objects":
        for path in (dot_git / "objects").rglob("*"):
            if path.is_file():
                path.unlink()
    else:
        dot_git.rename(repo.parent / "moved")
        if damage == "empty":
            dot_git.mkdir()
        else:
            dot_git.write_text("gitdir: /does/not/exist\n")
    (notice,) = git.capture(subject_of(repo, repo.parent / "run"))
    assert isinstance(notice, Notice)
    assert notice.about == "git"
    assert notice.message.startswith("the state of the code is not known: git ")
    assert not (repo.parent / "run").exists()


def test_without_git_a_notice_says_so(repo: Path, run_script: Callable[..., str]) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from autotrack.sidecar.capture import git
        from autotrack.sidecar.capture.base import Subject
        from autotrack.journal.records import RunStarted
        from autotrack.redaction import Redactor
        started = RunStarted(time=0.0, id="1", name="n", experiment="e", cwd=sys.argv[1])
        os.environ["PATH"] = "/nowhere"
        print([one.message for one in git.capture(Subject(Path("run"), started, Redactor()))])
    """
    said = "['the state of the code is not known: git is not installed']"
    assert run_script(script, str(repo)) == said
    assert run_script(script, str(repo.parent)) == "[]"


# Checksums and times


def test_checksums_change_with_the_content_and_with_nothing_else(repo: Path) -> None:
    def checksums(**files: str | bytes) -> tuple[str | None, str | None]:
        put(repo, {name.replace("_", "."): content for name, content in files.items()})
        values = capture(repo).values
        return values["patch_sha256"], values["untracked_sha256"]

    seen = [checksums(), checksums(model_py="1"), checksums(new_py="1")]
    assert seen[0] == (None, None)
    assert seen[2] == checksums(new_py="1")
    seen += [checksums(new_py="2"), checksums(large_bin=BINARY * 200), checksums(large_bin=BINARY[::-1] * 200)]
    run_git(repo, "add", "large.bin")
    seen += [checksums(), checksums(large_bin=BINARY * 200)]
    assert len(set(seen)) == len(seen)


def test_what_was_written_after_the_start_is_said(repo: Path) -> None:
    put(repo, {"old.py": "o", "model.py": "changed\n", "late.py": "l", "log.txt": "by the run"})
    for name in ("old.py", "model.py"):
        os.utime(repo / name, (1_000_000_000, 1_000_000_000))
    captured = capture(repo, started={"time": time() - 3600})
    assert captured.values["changed_after_start"] == ["late.py", "log.txt"]
    assert captured.notices == [
        "written after the start of the run, and kept as they are now: late.py",
        "there was a commit or a checkout after the start of the run; what is recorded is the state after it",
    ]
    assert capture(repo).notices == []


# The remote


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (f"https://user:{TOKEN}@github.com/me/it.git", "https://github.com/me/it.git"),
        (f"https://{TOKEN}@github.com/me/it.git", "https://github.com/me/it.git"),
        ("https://user:p@ss@github.com/me/it.git", "https://github.com/me/it.git"),
        ("git@github.com:me/it.git", "git@github.com:me/it.git"),
        ("ssh://git@host:2222/me/it.git", "ssh://git@host:2222/me/it.git"),
        ("ssh://git:hunter2@host:2222/me/it.git", "ssh://git@host:2222/me/it.git"),
        ("/srv/git/it.git", "/srv/git/it.git"),
        ("https://github.com/me/it@2.git", "https://github.com/me/it@2.git"),
        ("https://host/it.git?private_token=abcdef123456", "https://host/it.git?private_token=[redacted]"),
    ],
)
def test_credentials_in_the_remote_are_not_kept(repo: Path, url: str, kept: str) -> None:
    run_git(repo, "remote", "add", "zorigin", url)
    captured = capture(repo)
    assert captured.values["remote"] == kept
    assert not any(word in captured.everything() for word in (TOKEN.encode(), b"hunter2", b"p@ss"))


def test_the_remote_is_that_of_the_branch(repo: Path) -> None:
    run_git(repo, "remote", "add", "fork", "https://host/fork")
    run_git(repo, "remote", "add", "origin", "https://host/origin")
    assert capture(repo).values["remote"] == "https://host/origin"
    run_git(repo, "config", "branch.main.remote", "fork")
    assert capture(repo).values["remote"] == "https://host/fork"
