"""Real repositories for tests: made, captured, and put back elsewhere from what was kept."""

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import msgspec

from autotrack.journal.records import Environment, Notice, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import git
from autotrack.sidecar.capture.base import Subject

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
BINARY = bytes(range(256)) * 40


def run_git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return os.fsdecode(done.stdout).strip()


def put(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def commit(root: Path, files: Mapping[str, str | bytes] | None = None, message: str = "work") -> str:
    put(root, files or {})
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", message)
    return run_git(root, "rev-parse", "HEAD")


def new(root: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    run_git(root, "init", "--quiet")
    commit(root, files or {"train.py": "import model\n", "model.py": "one\ntwo\nthree\n" * 5})
    return root


class Captured(NamedTuple):
    values: dict[str, Any]
    notices: list[str]
    run: Path

    @property
    def patch(self) -> bytes:
        path = self.run / "environment" / "changes.patch"
        return path.read_bytes() if path.exists() else b""

    @property
    def archived(self) -> list[str]:
        path = self.run / "environment" / "untracked.tar.gz"
        if not path.exists():
            return []
        with tarfile.open(path) as tar:
            return sorted(tar.getnames())

    def unpack(self, target: Path) -> None:
        if self.archived:
            with tarfile.open(self.run / "environment" / "untracked.tar.gz") as tar:
                tar.extractall(target, filter="fully_trusted")

    def everything(self) -> bytes:
        """All that was kept, decompressed."""
        found = [repr(self.values).encode(), *map(str.encode, self.notices)]
        for path in (self.run / "environment").rglob("*"):
            content = path.read_bytes()
            if path.suffix == ".gz":
                with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                    files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
                    content = b"".join(file.read() for file in files if file)
            found.append(content)
        return b"\n".join(found)


def subject_of(root: Path, run: Path, *, script: str = "train.py", **more: Any) -> Subject:
    about = {
        "time": time() + 5,
        "id": "1",
        "name": "n",
        "experiment": "e",
        "cwd": str(root),
        "entry_point": str(root / script),
    }
    started = RunStarted(**{**about, **more.pop("started", {})})
    return Subject(run, started, more.pop("redactor", Redactor({})), **more)


def capture(root: Path, run: Path | None = None, **more: Any) -> Captured:
    run = run or root.parent / f"runs of {root.name}" / "experiment" / "run"
    run.mkdir(parents=True, exist_ok=True)
    environment, *notices = git.capture(subject_of(root, run, **more))
    assert isinstance(environment, Environment)
    assert environment.kind == "git"
    assert all((run / file).is_file() for file in environment.files)
    msgspec.json.encode(environment)
    assert all(isinstance(notice, Notice) and notice.about == "git" for notice in notices)
    return Captured(environment.values, [notice.message for notice in notices if isinstance(notice, Notice)], run)


def tree(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file below a folder, other than git's."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        folders[:] = [name for name in folders if name != b".git"]
        for name in [*files, *folders]:
            path = Path(os.fsdecode(folder), os.fsdecode(name))
            mode = path.lstat().st_mode
            if name == b".git" or stat.S_ISDIR(mode):
                continue
            kind = "link" if stat.S_ISLNK(mode) else "program" if mode & 0o100 else "file"
            content = os.fsencode(path.readlink()) if kind == "link" else path.read_bytes()
            found[str(path.relative_to(root))] = (kind, content)
    return found


def put_back(root: Path, captured: Captured) -> Path:
    """Clone the commit elsewhere, and bring back what was not committed."""
    target = root.parent / f"{root.name} put back"
    if captured.values["commit"]:
        run_git(root.parent, "clone", "--quiet", "--no-checkout", str(root), str(target))
        run_git(target, "checkout", "--quiet", captured.values["commit"])
        run_git(target, "submodule", "--quiet", "update", "--init", "--recursive")
    else:
        target.mkdir()
    if captured.patch:
        run_git(target, "apply", str(captured.run / "environment" / "changes.patch"))
    captured.unpack(target)
    return target


def assert_put_back(root: Path, captured: Captured) -> None:
    """Every byte of the working tree comes back."""
    assert tree(put_back(root, captured)) == tree(root)
