"""The code of a run comes back byte for byte in a fresh folder, or a message says what is missing."""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from autotrack.errors import ReproduceError, UnsafeFileError
from autotrack.journal import records
from autotrack.journal.records import Environment, Notice
from autotrack.journal.summary import Summary
from autotrack.readers.code.recorded_code import RecordedCode, recorded_code
from autotrack.readers.recorded_run import load
from autotrack.reproduce.reproduction import Choices, Plan
from autotrack.reproduce.tree import Tree
from autotrack.reproduce.workspace import Workspace, make_workspace
from autotrack.sidecar.capture import source
from tests.support.repositories import (
    BINARY,
    TOKEN,
    Captured,
    assert_put_back,
    capture,
    commit,
    new,
    put,
    run_git,
    subject_of,
    tree,
)


def code_of(root: Path, captured: Captured, changed: Mapping[str, Any] | None = None) -> RecordedCode:
    names = ("changes.patch", "untracked.tar.gz")
    files = [f"environment/{name}" for name in names if (captured.run / "environment" / name).exists()]
    notices = [Notice(time=0, about="git", message=message) for message in captured.notices]
    git = {**captured.values, **(changed or {})}
    return recorded_code(Summary(cwd=str(root), environment={"git": git}, environment_files=files, notices=notices))


def restored(root: Path, captured: Captured, **options: Any) -> Workspace:
    return make_workspace(captured.run, code_of(root, captured), **options)


def edited(root: Path) -> Path:
    """A repository with everything that git can tell apart: changed, deleted, renamed, binary, new, linked."""
    new(
        root,
        {"train.py": "import model\n", "model.py": "a\nb\n", "gone.py": "x\n", "run.sh": "echo\n", "b.bin": BINARY},
    )
    put(root, {"model.py": "a\nB\n", "new/größe.py": "ü = 1\n", "b.bin": BINARY[::-1], "staged.py": "y\n"})
    run_git(root, "add", "staged.py")
    (root / "gone.py").unlink()
    (root / "run.sh").chmod(0o755)
    (root / "to model").symlink_to("model.py")
    return root


def test_uncommitted_work_comes_back_byte_for_byte(tmp_path: Path) -> None:
    root = edited(tmp_path / "proj")
    captured = capture(root)
    before = tree(root), run_git(root, "status", "--porcelain"), run_git(root, "worktree", "list")
    space = restored(root, captured)
    assert tree(space.code) == before[0]
    assert (space.missing, space.cwd, space.code.name) == ((), space.code, "proj")
    assert (run_git(root, "status", "--porcelain"), run_git(root, "worktree", "list")) == before[1:]
    again = restored(root, captured)
    assert again.folder != space.folder
    assert (space.folder.parent / ".gitignore").read_text() == "*\n"
    assert_put_back(root, captured)


def test_a_commit_that_no_branch_has_any_more_is_still_found(tmp_path: Path) -> None:
    root = new(tmp_path / "proj", {"train.py": "1\n"})
    commit(root, {"train.py": "2\n"})
    captured = capture(root)
    run_git(root, "reset", "--quiet", "--hard", "HEAD~1")
    assert (restored(root, captured).code / "train.py").read_text() == "2\n"


def test_it_comes_back_on_another_disk_as_well(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one disk")
    root = edited(tmp_path / "proj")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        space = restored(root, capture(root), into=Path(folder) / "again")
        assert tree(space.code) == tree(root)


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    root = put(tmp_path / "proj", {"train.py": "1\n", "other.py": "2\n"})
    run_git(root, "init", "--quiet")
    run_git(root, "add", "other.py")
    assert tree(restored(root, capture(root)).code) == tree(root)


def test_submodules_come_back_with_their_changes(tmp_path: Path) -> None:
    inner, root = new(tmp_path / "inner", {"lib.py": "1\n"}), new(tmp_path / "proj")
    run_git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "parts/inner")
    commit(root)
    put(root, {"parts/inner/lib.py": "2\n", "parts/inner/more.py": "3\n"})
    space = restored(root, capture(root))
    assert tree(space.code) == tree(root)
    assert space.missing == ()


def test_a_lost_submodule_is_named(tmp_path: Path) -> None:
    inner, root = new(tmp_path / "inner", {"lib.py": "1\n"}), new(tmp_path / "proj")
    run_git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    commit(root)
    captured = capture(root)
    shutil.rmtree(root / "inner")
    shutil.rmtree(inner)
    missing = restored(root, captured).missing
    assert [one.what for one in missing] == ["submodule inner"]


def test_a_script_without_git_comes_back_from_its_copies(tmp_path: Path) -> None:
    root = put(tmp_path / "proj", {"src/train.py": "import helper\n", "src/helper.py": "1\n", "src/pkg/a.py": "2\n"})
    run = tmp_path / "runs" / "proj" / "run"
    modules = [root / "src" / "helper.py", root / "src" / "pkg" / "a.py"]
    environment, *_ = source.capture(subject_of(root, run, script="src/train.py", modules=modules))
    assert isinstance(environment, Environment)
    summary = Summary(cwd=str(root), environment={"source": environment.values}, environment_files=environment.files)
    space = make_workspace(run, recorded_code(summary))
    assert tree(space.code) == tree(root)
    assert space.cwd == space.code
    inside = Summary(**{**{name: getattr(summary, name) for name in ("environment", "environment_files")},
                        "cwd": str(root / "src" / "pkg")})  # fmt: skip
    space = make_workspace(run, recorded_code(inside))
    assert (space.code.name, space.cwd) == ("src", space.code / "pkg")


def test_the_repository_is_found_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine, the store is a copy; the repository is the one that one stands in, or one that is named."""
    root = edited(tmp_path / "proj")
    captured, expected = capture(root), tree(root)
    run_git(tmp_path, "clone", "--quiet", str(root), "elsewhere")
    shutil.rmtree(root)
    with pytest.raises(ReproduceError, match=r"the commit \w{10} cannot be found: .*--repository"):
        restored(root, captured)
    assert not (captured.run.parent.parent.parent / "reproduced").exists()
    assert tree(restored(root, captured, repository=str(tmp_path / "elsewhere")).code) == expected
    assert tree(restored(root, captured, repository=f"file://{tmp_path / 'elsewhere'}").code) == expected
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tree(restored(root, captured, into=tmp_path / "here").code) == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"commit": "0" * 40}, "cannot be found"),
        ({"commit": "--upload-pack=touch x"}, "which is none"),
        ({"commit": "0" * 40, "root": "relative", "remote": "ext::sh -c touch% x"}, "cannot be found"),
        ({"commit": "0" * 40, "remote": "--upload-pack=x"}, "cannot be found"),
    ],
)
def test_what_a_run_claims_of_its_commit_is_not_believed(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    root = new(tmp_path / "proj")
    captured = capture(root)
    with pytest.raises(ReproduceError, match=message):
        make_workspace(captured.run, code_of(root, captured, changed))
    assert not (captured.run.parent.parent.parent / "reproduced").exists()


def test_a_patch_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    root = edited(tmp_path / "proj")
    captured = capture(root)
    patch = captured.run / "environment" / "changes.patch"
    patch.write_bytes(patch.read_bytes().replace(b"\n-b\n", b"\n-c\n"))
    with pytest.raises(ReproduceError, match="do not fit to the commit"):
        restored(root, captured, into=tmp_path / "space")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["proj", f"runs of {root.name}"]


def test_the_folder_of_workspaces_goes_with_the_last_one(tmp_path: Path) -> None:
    root = edited(tmp_path / "proj")
    captured = capture(root)
    spaces = [restored(root, captured), restored(root, captured)]
    spaces[0].remove()
    assert spaces[1].code.is_dir()
    spaces[1].remove()
    assert not spaces[1].folder.parent.exists()


def test_repetitions_at_the_same_time_have_a_workspace_each(tmp_path: Path) -> None:
    root = new(tmp_path / "proj", {"train.py": "1\n"})
    captured = capture(root)
    with ThreadPoolExecutor(4) as pool:
        spaces = list(pool.map(lambda _: restored(root, captured), range(4)))
    assert len({space.folder for space in spaces}) == 4
    assert [tree(space.code) for space in spaces] == [tree(root)] * 4
    left = {path.name for path in spaces[0].folder.parent.iterdir()}
    assert left == {".gitignore", *(space.folder.name for space in spaces)}


def test_a_folder_with_something_in_it_is_not_used(tmp_path: Path) -> None:
    root = new(tmp_path / "proj")
    put(tmp_path / "taken", {"mine.txt": "mine"})
    with pytest.raises(ReproduceError, match="not an empty folder"):
        restored(root, capture(root), into=tmp_path / "taken")
    (tmp_path / "empty").mkdir()
    assert restored(root, capture(root), into=tmp_path / "empty").folder == tmp_path / "empty"


def test_what_was_not_kept_is_named_with_what_to_do(tmp_path: Path) -> None:
    root = new(tmp_path / "proj")
    put(root, {"large.bin": bytes(2_000_000), ".env": "A=b", "login.py": f"token = '{TOKEN}'\n"})
    captured = capture(root, started={"time": 1.0})
    missing = {one.what: one for one in restored(root, captured).missing}
    assert set(missing) == {"large.bin", ".env", "login.py", "the code at the start"}
    assert "over 1 MB" in missing["large.bin"].why
    assert "[redacted]" in str(missing["login.py"])
    assert all(one.fix for one in missing.values())


def archive(run: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    with tarfile.open(run / "environment" / "untracked.tar.gz", "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Captured]:
    """A repository with a committed link that leads out of it, to an empty folder, and what was captured of it."""
    top = tmp_path_factory.mktemp("linked")
    (top / "outside").mkdir()
    root = new(top / "proj")
    (root / "committed link").symlink_to(top / "outside")
    commit(root)
    put(root, {"train.py": "changed\n", "new.py": "1\n"})
    return root, capture(root)


@pytest.fixture
def tampered(linked: tuple[Path, Captured], tmp_path: Path) -> tuple[Path, Captured]:
    """The same with a run folder of the test's own."""
    root, captured = linked
    shutil.copytree(captured.run, tmp_path / "runs" / "experiment" / "run")
    return root, captured._replace(run=tmp_path / "runs" / "experiment" / "run")


def assert_nothing_is_made(root: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in root.parent.iterdir()) == ["outside", "proj", "runs of proj"]
    assert not list((root.parent / "outside").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    "members",
    [
        [(member("../out.txt"), b"x")],
        [(member("/tmp/out.txt"), b"x")],
        [(member("a/../../out.txt"), b"x")],
        [(member(".git/hooks/post-checkout"), b"x")],
        [(member("sub/.GIT/config"), b"x")],
        [(member("committed link/out.txt"), b"x")],
        [(member("pipe", tarfile.FIFOTYPE), b"")],
        [(member("hard", tarfile.LNKTYPE, "/etc/passwd"), b"")],
        [(member("device", tarfile.CHRTYPE), b"")],
    ],
    ids=lambda members: members[0][0].name,
)
def test_an_archive_does_not_lead_out(
    tampered: tuple[Path, Captured], tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    root, captured = tampered
    archive(captured.run, *members)
    with pytest.raises(UnsafeFileError):
        restored(root, captured, into=tmp_path / "space")
    assert_nothing_is_made(root, tmp_path)


def test_a_link_of_the_archive_is_no_way_out(tampered: tuple[Path, Captured], tmp_path: Path) -> None:
    root, captured = tampered
    outside = root.parent / "outside"
    link = (member("way", tarfile.SYMTYPE, str(outside)), b"")
    archive(captured.run, link, (member("way/out.txt"), b"x"))
    with pytest.raises(UnsafeFileError):  # the file needs a folder where the link is to be
        restored(root, captured)
    assert_nothing_is_made(root, tmp_path)
    archive(captured.run, link)
    assert (restored(root, captured).code / "way").readlink() == outside
    assert not list(outside.iterdir())


PATCH = (
    "diff --git a/{0} b/{0}\nnew file mode 100644\nindex 0000000..190a180\n--- /dev/null\n+++ b/{0}\n"
    "@@ -0,0 +1 @@\n+x\n"
)
LINK = (
    "diff --git a/way b/way\nnew file mode 120000\nindex 0000000..190a180\n--- /dev/null\n+++ b/way\n"
    "@@ -0,0 +1 @@\n+{0}\n\\ No newline at end of file\n"
)


@pytest.mark.parametrize("name", ["../out.txt", ".git/hooks/post-checkout", "committed link/out.txt", "way/out.txt"])
def test_a_patch_does_not_lead_out(tampered: tuple[Path, Captured], tmp_path: Path, name: str) -> None:
    root, captured = tampered
    link = LINK.format(root.parent / "outside") if name.startswith("way") else ""
    (captured.run / "environment" / "changes.patch").write_text(link + PATCH.format(name))
    with pytest.raises((UnsafeFileError, ReproduceError)):
        restored(root, captured, into=tmp_path / "space")
    assert_nothing_is_made(root, tmp_path)


def test_a_link_in_the_place_of_a_file_of_the_run_is_not_read(tampered: tuple[Path, Captured], tmp_path: Path) -> None:
    root, captured = tampered
    patch = captured.run / "environment" / "changes.patch"
    patch.rename(tmp_path / "runs" / "elsewhere.patch")
    patch.symlink_to(tmp_path / "runs" / "elsewhere.patch")
    with pytest.raises(UnsafeFileError, match="a link"):
        restored(root, captured)


def test_a_damaged_archive_is_said_to_be_one(tampered: tuple[Path, Captured]) -> None:
    root, captured = tampered
    packed = captured.run / "environment" / "untracked.tar.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ReproduceError, match="damaged"):
        restored(root, captured)


def test_facts_of_odd_types_are_no_way_to_break_it(tmp_path: Path) -> None:
    """A journal of somebody else has anything in it; what reads it leaves out what cannot be."""
    root = new(tmp_path / "proj", {"train.py": "1\n"})
    taken = capture(root)
    odd = {"submodules": ["x"], "left_out": 3, "changed": 7, "untracked": {}, "changed_count": "many", "remote": []}
    main = records.RunStarted(time=1.0, id="1" * 32, name="odd", experiment="e", cwd=f"{root}\0", host="elsewhere")
    facts = [
        Environment(time=1.0, kind="git", values={**taken.values, **odd}),
        Environment(time=1.0, kind="hardware", values={"environment_variables": ["OMP_NUM_THREADS"]}),
        Environment(time=1.0, kind="process", values={"command": ["python"], "user": 3, "hash_seed": {}}),
        Environment(time=1.0, kind="packages", values={"versions": [1], "count": None}),
    ]
    (taken.run / "journal").mkdir(parents=True)
    end = records.RunFinished(time=2.0, status="finished")
    journals: dict[str, list[records.AnyRecord]] = {"main": [main, end], "sidecar": [*facts]}
    for name, written in journals.items():
        (taken.run / "journal" / f"{name}.jsonl").write_bytes(
            b"".join(records.encode(each) + b"\n" for each in written)
        )
    plan = Plan(load(taken.run), Choices(environment="here", into=tmp_path / "space", command=["python", "x.py"]))
    assert plan.facts()["code"] == f"commit {taken.values['commit'][:10]}"
    space, _, _ = plan.restore()
    assert (space.code / "train.py").read_text() == "1\n"


def test_a_run_without_code_says_why(tmp_path: Path) -> None:
    with pytest.raises(ReproduceError, match="switched off"):
        make_workspace(tmp_path, recorded_code(Summary(cwd=str(tmp_path))))


@hypothesis.given(name=strategies.text(min_size=1, max_size=30), into=strategies.sampled_from(["", "a/", "../", "/"]))
@hypothesis.settings(max_examples=25, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_whatever_a_file_is_called_it_lands_below_the_folder(tmp_path: Path, name: str, into: str) -> None:
    top = tmp_path / "around"
    shutil.rmtree(top, ignore_errors=True)
    (top / "space").mkdir(parents=True)
    with suppress(UnsafeFileError, OSError, UnicodeError):
        Tree(top / "space").put(into + name, b"x")
    assert [entry.name for entry in os.scandir(top)] == ["space"]


def test_a_working_folder_that_only_seems_to_be_inside_leads_nowhere() -> None:
    git = {"root": "/home/me/proj", "commit": None}
    code = recorded_code(Summary(cwd="/home/me/proj/../../../outside", environment={"git": git}))
    assert not code.cwd.is_relative_to(code.base)
    code = recorded_code(Summary(cwd="/home/me/proj/sub/../src", environment={"git": git}))
    assert str(code.cwd.relative_to(code.base)) == "src"
