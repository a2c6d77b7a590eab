"""The real difference of two working states: commits, what was not committed, what git does not have."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.journal.records import Environment, RunStarted
from autotrack.journal.summary import Summary
from autotrack.readers.code.changes import CodeChanges, FileChange, code_changes
from autotrack.readers.code.patches import sections
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import git, source, used
from autotrack.sidecar.capture.base import Subject
from tests.support.repositories import commit, new, put, run_git

State = tuple[Path, Summary]
CODE = {
    "train.py": "import model\nopen('conf.json')\n",
    "model.py": "WIDTH = 8\nDEPTH = 2\n",
    "plots.py": "COLOR = 1\n",
    "conf.json": '{"a": 1}\n',
    "README.md": "r\n",
}


@pytest.fixture
def repo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    settings_file = tmp_path / "gitconfig"
    settings_file.write_text("[user]\nname = A\nemail = a@example.com\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings_file))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return new(tmp_path / "repo", CODE)


def recorded(root: Path) -> State:
    """What is recorded of a run that starts now."""
    folder = root.parent / f"run-{len(list(root.parent.glob('run-*')))}"
    started = RunStarted(time=2e9, id="1", name="n", experiment="e", cwd=str(root), entry_point=str(root / "train.py"))
    subject = Subject(folder, started, Redactor({}), modules=[root / "train.py", root / "model.py"])
    records = [record for capture in (git, source, used) for record in capture.capture(subject)]
    kept = [record for record in records if isinstance(record, Environment)]
    kinds, files = {record.kind: record.values for record in kept}, [name for record in kept for name in record.files]
    return folder, Summary(environment=kinds, environment_files=files, cwd=str(root))


def between(before: State, now: State) -> CodeChanges:
    found = code_changes((before[0], now[0]), (before[1], now[1]))
    assert found is not None
    return found


def told(changes: CodeChanges) -> list[tuple[str, str | None]]:
    return [(change.name, change.use) for change in changes.files]


def test_an_uncommitted_line_is_shown_and_files_that_were_used_come_first(repo: Path) -> None:
    before = recorded(repo)
    put(repo, {"model.py": "WIDTH = 16\nDEPTH = 2\n", "plots.py": "COLOR = 2\n", "README.md": "s\n",
               "conf.json": '{"a": 2}\n', "new.py": "n\n"})  # fmt: skip
    changes = between(before, recorded(repo))
    assert told(changes) == [("model.py", "imported"), ("conf.json", "named"), ("README.md", "unused"),
                             ("new.py", "unused"), ("plots.py", "unused")]  # fmt: skip
    assert changes.files[0].diff[-4:] == ["@@ -1,2 +1,2 @@", "-WIDTH = 8", "+WIDTH = 16", " DEPTH = 2"]
    assert changes.files[0].gist == "`WIDTH = 8` → `WIDTH = 16`"
    assert changes.missing == []


def test_what_is_committed_counts_with_what_is_not(repo: Path) -> None:
    put(repo, {"model.py": "WIDTH = 9\nDEPTH = 2\n"})
    before = recorded(repo)
    commit(repo, {"plots.py": "COLOR = 5\n"})  # the line in model.py as well, so that it is the same in both
    put(repo, {"train.py": "import model\n"})
    assert told(between(before, recorded(repo))) == [("train.py", "imported"), ("plots.py", "unused")]


def test_a_commit_that_is_gone_is_said_and_what_the_patches_tell_is_shown(repo: Path) -> None:
    before = recorded(repo)
    put(repo, {"model.py": "WIDTH = 16\nDEPTH = 2\n"})
    now = recorded(repo)
    shutil.rmtree(repo)
    changes = between(before, now)
    assert told(changes) == [("model.py", "imported")]
    assert "+WIDTH = 16" in "\n".join(changes.files[0].diff)
    assert "is neither in" in changes.missing[0]
    put(new(repo, CODE | {"model.py": "WIDTH = 32\n"}), {"plots.py": "COLOR = 3\n"})
    assert "is gone" in " ".join(between(recorded(repo), now).missing)


def test_without_git_the_kept_sources_are_compared(tmp_path: Path) -> None:
    project = put(tmp_path / "project", CODE)
    before = recorded(project)
    put(project, {"model.py": "WIDTH = 16\nDEPTH = 2\n", "plots.py": "COLOR = 9\n"})
    changes = between(before, recorded(project))
    assert told(changes) == [("model.py", "imported")]  # of what nobody imported, nothing is kept
    assert "+WIDTH = 16" in changes.files[0].diff


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("a = 1\n", "# said\na = 1  # one\n\n", True),
        ('def f():\n    """Old."""\n    return 1\n', 'def f():\n    """New\n    text."""\n\n    return 1\n', True),
        ("a = 1\n", "a = 2\n", False),
        ("if x:\n    a()\n    b()\n", "if x:\n    a()\nb()\n", False),
        ('a = "x"\n', 'a = "y"\n', False),
        ("f(\n", "f((\n", False),
    ],
)
def test_comments_docstrings_and_blanks_are_told_from_code(before: str, now: str, expected: bool) -> None:
    assert FileChange("a.py", before.encode(), now.encode()).is_cosmetic is expected


def test_of_a_long_line_the_part_is_shown_that_differs() -> None:
    line = "model = Sequential(Linear(64, 128), ReLU(), Linear(128, 128), {}(), Linear(128, 10), Softmax())\n"
    change = FileChange("a.py", line.format("ReLU").encode(), line.format("Tanh").encode())
    assert change.gist.count("ReLU(), Linear") == 1
    assert "Tanh(), Linear" in change.gist


@settings(max_examples=30)
@given(st.integers(0, 2**30))
def test_a_patch_of_git_gives_what_was_there(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    dice, folder = random.Random(seed), tmp_path_factory.mktemp("patch")
    lines = [
        dice.choice(["a\n", "b\n", "--- c\n", "+++ d\n", "@@ -1 +1 @@\n", "\n", "e\rf\r\n"])
        for _ in range(dice.randint(0, 30))
    ]
    edited = [line for line in lines if dice.random() < 0.8]
    for _ in range(dice.randint(0, 4)):
        edited.insert(dice.randint(0, len(edited)), dice.choice(["x\n", "a\n", "-- y\n"]))
    before, now = ("".join(text).removesuffix("\n" if dice.random() < 0.3 else "!") for text in (lines, edited))
    put(folder, {"a.txt": before, "b.txt": now})
    command = ["git", "diff", "--no-index", "--no-color", "a.txt", "b.txt"]
    patch = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout
    for section in sections(patch).values():
        assert section.apply(before.encode()) == now.encode()


@given(st.binary(max_size=200))
def test_whatever_is_in_a_patch_is_read(content: bytes) -> None:
    for section in sections(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + content).values():
        section.apply(b"a\nb\n")


def test_names_of_all_kinds_are_found_in_patches(repo: Path) -> None:
    names = ["a b.py", "ü.py", 'q"uote.py', "deep/er.py"]
    commit(repo, dict.fromkeys(names, "1\n"))
    put(repo, dict.fromkeys(names, "2\n"))
    assert sorted(sections(run_git(repo, "diff").encode(errors="surrogateescape") + b"\n")) == sorted(names)


# ---- What cannot be seen is said


def test_without_git_nothing_is_said_to_be_the_same(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recorded(repo)
    commit(repo, {"model.py": "WIDTH = 16\n"})
    now = recorded(repo)
    monkeypatch.setenv("PATH", str(repo.parent / "nothing"))
    changes = between(before, now)
    assert (changes.files, len(changes.missing)) == ([], 2)


def test_git_that_fails_between_two_commits_is_said(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a repository that is damaged in part: the commits are there, what is in them is not."""
    before = recorded(repo)
    commit(repo, {"model.py": "WIDTH = 16\n"})
    now = recorded(repo)
    for path in repo.glob(".git/objects/??/*"):
        if run_git(repo, "cat-file", "-t", path.parent.name + path.name).strip() != "commit":
            path.unlink()
    assert "git does not tell" in " ".join(between(before, now).missing)


def test_beyond_so_many_files_the_others_are_counted_and_those_that_were_used_come_first(repo: Path) -> None:
    before = recorded(repo)
    commit(repo, {f"aaa/notes{number}.md": "x\n" for number in range(600)} | {"model.py": "WIDTH = 16\n"})
    changes = between(before, recorded(repo))
    assert told(changes)[0] == ("model.py", "imported")
    assert changes.missing == ["of 601 files that may differ, 500 are compared, those first that were used"]


def test_what_was_not_kept_and_what_cannot_be_read_is_said(repo: Path) -> None:
    before = recorded(repo)
    put(repo, {"model.py": "WIDTH = 16\n", "large.py": "x = 1\n" * 300_000})
    now = recorded(repo)
    (missing,) = between(before, now).missing
    assert missing.startswith(f"large.py of {now[0].name} was not kept: over 1 MB")
    (now[0] / "environment" / "changes.patch").unlink()
    assert f"the uncommitted changes of {now[0].name} cannot be read" in " ".join(between(before, now).missing)


def test_a_submodule_at_another_commit_is_no_equal_code(repo: Path) -> None:
    inner = new(repo.parent / "inner", {"a.py": "1\n"})
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "add", str(inner), "inner")
    run_git(repo, "commit", "-m", "a submodule")
    before = recorded(repo)
    commit(repo / "inner", {"a.py": "2\n"})
    run_git(repo, "commit", "-am", "another commit of it")
    said = "the submodule inner is at another commit; its files are not compared"
    assert said in between(before, recorded(repo)).missing


def test_a_run_before_the_first_commit_is_compared_with_one_after_it(tmp_path: Path, repo: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    run_git(fresh, "init")
    put(fresh, CODE)
    before = recorded(fresh)
    commit(fresh, {"model.py": "WIDTH = 16\nDEPTH = 2\n"})
    assert told(between(before, recorded(fresh)))[0] == ("model.py", "imported")
