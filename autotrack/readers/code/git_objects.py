"""Reads commits of repositories on this machine, with commands of git that run nothing of a repository's own."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from autotrack.errors import AutotrackError
from autotrack.readers.code.git_runner import READ_ONLY, GitError, is_commit, run_git

_SECONDS = 20.0
_SUBMODULE = b"160000"


class UnknownContentError(AutotrackError):
    """The content of a file, as it was in a run, cannot be restored. The message says why."""


class ChangedPaths(NamedTuple):
    """What differs between two commits: the paths of files, and those of submodules."""

    files: list[str]
    submodules: list[str]


class GitObjects:
    """The commits of one repository. Without git, it has none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._contents: dict[tuple[str, str], bytes | None] = {}
        self._large: set[tuple[str, str]] = set()

    def has(self, commit: Any) -> bool:
        """Return whether there is this commit."""
        return is_commit(commit) and self._run("cat-file", "-t", commit) == b"commit\n"

    def changed(self, before: str, now: str) -> ChangedPaths | None:
        """Return what differs between two commits which are there; None if git does not tell."""
        told = self._run("diff-tree", "-r", "-z", "--no-renames", "--raw", before, now)
        if told is None:
            return None
        parts = told.split(b"\0")
        found = ChangedPaths([], [])
        for head, name in zip(parts[::2], parts[1::2], strict=False):
            is_submodule = _SUBMODULE in head.lstrip(b":").split(b" ")[:2]
            (found.submodules if is_submodule else found.files).append(os.fsdecode(name))
        return found

    def tree(self, commit: str) -> dict[str, bytes] | None:
        """Return the files of a commit which is there, each with the id of its content; None if git does not tell."""
        told = self._run("ls-tree", "-r", "-z", commit)
        if told is None:
            return None
        entries = (entry.partition(b"\t") for entry in told.split(b"\0") if entry)
        return {os.fsdecode(name): head.split()[2] for head, _, name in entries}

    def load(self, commit: str, names: Iterable[str], *, limit_bytes: int) -> None:
        """Read many files of a commit at a time, which is quicker than one after another; what `read` returns then."""
        wanted = [name for name in dict.fromkeys(names) if "\n" not in name]
        told = self._run("cat-file", "--batch-check=%(objecttype) %(objectsize)", asked=_asked(commit, wanted)) or b""
        small = []
        for name, line in zip(wanted, told.splitlines(), strict=False):
            kind, _, size = line.partition(b" ")
            if line.endswith(b" missing"):
                self._contents[commit, name] = None
            elif kind == b"blob" and size.isdigit():
                if int(size) <= limit_bytes:
                    small.append(name)
                else:
                    self._large.add((commit, name))
        if not small:
            return
        told, place = self._run("cat-file", "--batch", asked=_asked(commit, small)) or b"", 0
        for name in small:
            end = told.find(b"\n", place)
            size = told[place:end].rpartition(b" ")[2]
            if end < 0 or not size.isdigit():
                return
            self._contents[commit, name] = told[end + 1 : end + 1 + int(size)]
            place = end + 2 + int(size)

    def read(self, commit: str, name: str, *, limit_bytes: int) -> bytes | None:
        """Return the content of a file in a commit; None for one that is not there.

        Raises `UnknownContentError` for one that is too large, and if git does not tell.
        """
        key = commit, name
        if key not in self._contents and key not in self._large:
            self.load(commit, [name], limit_bytes=limit_bytes)
        if key in self._contents:
            return self._contents[key]
        if key in self._large:
            raise UnknownContentError(f"{name} is larger than {limit_bytes // 10**6} MB")
        raise UnknownContentError(f"git does not tell what {name} was in the commit {commit[:10]}")

    def _run(self, *arguments: str, asked: bytes = b"") -> bytes | None:
        """Return what git prints; None if it fails."""
        try:
            return run_git(self._root, *arguments, seconds=_SECONDS, environ=READ_ONLY, content=asked)
        except GitError:
            return None


def _asked(commit: str, names: Iterable[str]) -> bytes:
    return b"".join(b"%s:%s\n" % (commit.encode(), os.fsencode(name)) for name in names)
