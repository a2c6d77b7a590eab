"""Finds what is not committed in a repository and its submodules, apart from recorded runs and reports on them."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.outputs import is_cache, is_report
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import modified
from autotrack.sidecar.capture.repository import Repository


class WorkingTree:
    """The changed and the untracked files, by their paths from the root of the outermost repository.

    Raises `AutotrackError` if git fails.

    Attributes:
        parts: The repository, and its submodules at any depth.
        submodules: The commit of each submodule, and whether it has changes.
        changed: The tracked files that differ, for each part.
        untracked: The untracked files by name, without caches that are made again.
        left_out: What cannot be read, with the reasons.
    """

    def __init__(self, top: Repository, subject: Subject) -> None:
        self.top = top
        self.left_out: dict[str, str] = {}
        self.submodules: dict[str, dict[str, Any]] = {}
        self.parts = [top, *self._parts_of(top)]
        recorded = _recorded(top, subject)
        self.changed: dict[Repository, list[str]] = {}
        self.untracked: dict[str, Path] = {}
        for part in self.parts:
            self.changed[part] = [path for path in part.changed if not recorded(part.root / path)]
            for path in part.status.untracked:
                name, file = part.prefix + path, part.root / path
                if path.endswith("/"):
                    self.left_out[name] = "a repository of its own"
                elif not is_cache(path) and not recorded(file) and not is_report(file):
                    self.untracked[name] = file

    @property
    def tracked(self) -> dict[str, Path]:
        """The tracked files that differ."""
        return {part.prefix + path: part.root / path for part, paths in self.changed.items() for path in paths}

    @property
    def changed_names(self) -> list[str]:
        """The tracked files and the submodules that differ."""
        submodules = [part.prefix + path for part in self.parts for path in part.status.changed_submodules]
        return [*self.tracked, *submodules]

    def changed_since(self, start: float) -> list[str]:
        """Return the files that differ or are untracked, and were written after this time."""
        return [name for name, path in (self.tracked | self.untracked).items() if modified(path) > start]

    def _parts_of(self, part: Repository) -> Iterator[Repository]:
        for path in part.status.changed_submodules:
            if path not in part.submodules:
                self.left_out[part.prefix + path] = "a submodule that is gone"
        for path, inner in part.submodules.items():
            name = part.prefix + path
            self.submodules[name] = {"commit": None, "dirty": False}
            if inner is None:
                continue
            try:
                dirty = bool(inner.status.changed or inner.status.changed_submodules)
                self.submodules[name] = {"commit": inner.status.commit, "dirty": dirty}
                if inner.recorded not in (None, inner.base):
                    self.left_out[name] = (
                        f"commit {inner.recorded} is not there, so the patch starts from {inner.base}"
                    )
                yield inner
                yield from self._parts_of(inner)
            except AutotrackError as error:
                self.left_out[name] = str(error)


def _recorded(top: Repository, subject: Subject) -> Callable[[Path], bool]:
    """Return a function that tells whether a file belongs to a recorded run, of this store or of another one."""
    own = subject.folder.resolve()
    script = Path(subject.started.cwd, subject.started.entry_point or ".")
    code = {path.resolve() for path in (*subject.modules, script)}

    def has_code(folder: Path) -> bool:
        """Whether the folder has code. A store may be any folder, and an experiment may be named like a package."""
        inside = folder.is_relative_to(top.root) and folder != top.root
        return not inside or any(path.is_relative_to(folder) for path in code) or top.has(folder)

    store = next((folder for folder in (own.parent.parent, own.parent) if not has_code(folder)), own)

    @cache
    def holds_runs(folder: Path) -> bool:
        if folder in (top.root, folder.parent):
            return False
        is_run = folder == store or next((folder / "journal").glob("*.jsonl"), None) is not None
        return is_run or holds_runs(folder.parent)

    return lambda path: holds_runs(path.parent)
