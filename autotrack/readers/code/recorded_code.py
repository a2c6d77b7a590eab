"""What a run says of its code: where it was, in which commit, and which files of the run hold the rest."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from autotrack.journal.kept_code import HOLDS_SECRET, REDACTED, SUSPICIOUS, WRITTEN_LATE
from autotrack.journal.own_folders import home
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.readers.reproducibility.missing import Missing

_PATCH, _ARCHIVE = "environment/changes.patch", "environment/untracked.tar.gz"
_SOURCES, _CELLS = "environment/source/", "environment/source/cells.py"
_NO_CODE = "the capture of the environment was switched off, or the run was cut off before it"


@dataclass(frozen=True)
class RecordedCode:
    """The code of a run, as far as it was kept.

    Attributes:
        base: The folder that holds all of it: the root of the repository, or the folder of the script.
        cwd: The folder in which the script was started.
        git: What was captured of the repository; None if there was none.
        patch: The name of the patch among the files of the run; None if nothing had changed.
        archive: The name of the archive of untracked files; None if there were none.
        sources: Files that git does not have: by the path from `base`, the name among the files of the run.
        cells: The name of the script of executed notebook cells; None if it was no notebook.
        started: When the run started, in seconds since 1970.
        ended: When it ended, as far as that is known.
        left_out: Files that were not kept, with the reasons.
        doubts: What the notices of the capture say.
    """

    base: PurePath
    cwd: PurePath
    git: Mapping[str, Any] | None
    patch: str | None
    archive: str | None
    sources: Mapping[str, str]
    cells: str | None
    started: float
    ended: float | None
    left_out: Mapping[str, str]
    doubts: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether there is any code."""
        return self.git is not None or bool(self.sources) or self.cells is not None

    def missing(self) -> Iterator[Missing]:
        """Yield what was not kept of the code."""
        if not self.is_kept:
            yield Missing("the code", _NO_CODE, "leave AUTOTRACK_ENVIRONMENT on")
        for name, reason in self.left_out.items():
            fix = "commit it, or keep it with the data"
            if reason in (SUSPICIOUS, HOLDS_SECRET):
                fix = "give the script its secrets in environment variables"
            yield Missing(name, reason, fix)
        for doubt in self.doubts:
            if doubt.startswith(REDACTED):
                names = doubt.removeprefix(REDACTED).lstrip(": ")
                yield Missing(names, "there is [redacted] in place of a secret", "read secrets from the environment")
            elif WRITTEN_LATE in doubt:
                yield Missing("the code at the start", doubt, "change no file while a run starts")


def recorded_code(summary: Summary) -> RecordedCode:
    """Return what the summary of a run says of its code."""
    files = {own_name(name): name for name in summary.environment_files}
    git, source = summary.environment.get("git"), summary.environment.get("source", {})
    cwd = _plain(summary.cwd or "/")
    root, base = _plain(source.get("root") or cwd), base_of(summary)
    cells = files.get(_CELLS) if "notebook" in summary.environment else None
    names = (name for name in files if name.startswith(_SOURCES) and not (cells and name == _CELLS))
    places = {name: root / name.removeprefix(_SOURCES) for name in names}
    sources = {str(path.relative_to(base)): files[name] for name, path in places.items() if path.is_relative_to(base)}
    left_out = {
        str(name): str(reason) for kept in (git or {}, source) for name, reason in (kept.get("left_out") or {}).items()
    }
    return RecordedCode(
        base=base,
        cwd=cwd,
        git=git,
        patch=files.get(_PATCH),
        archive=files.get(_ARCHIVE),
        sources=sources,
        cells=cells,
        started=summary.started,
        ended=summary.ended,
        left_out=left_out,
        doubts=tuple(notice.message for notice in summary.notices if notice.about in ("git", "source")),
    )


def base_of(summary: Summary) -> PurePath:
    """Return the folder of the project of a run, by which its files are named: see `RecordedCode.base`."""
    git, source = summary.environment.get("git"), summary.environment.get("source", {})
    cwd = _plain(summary.cwd or "/")
    if git and git.get("root"):
        return _plain(git["root"])
    return _base_without_git(_plain(source.get("root") or cwd), cwd)


def _plain(path: object) -> PurePath:
    """Return a path without `..`, by which one that only seems to be inside of the project could lead out of it."""
    return PurePath(os.path.normpath(str(path).replace("\0", "�")))


def _base_without_git(root: PurePath, cwd: PurePath) -> PurePath:
    """Return the folder that holds the script and, if it is near, the one in which it was started."""
    if cwd.is_relative_to(root):
        return root
    if root.is_relative_to(cwd) and cwd not in (PurePath(os.sep), home()):
        return cwd
    return root
