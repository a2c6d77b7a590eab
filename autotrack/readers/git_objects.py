"""Reads commits of repositories on this machine, with commands of git that run nothing of a repository's own."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

_SECONDS = 20.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class GitObjects:
    """The commits of one repository. Without git, it has none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._contents: dict[tuple[str, str], bytes | None] = {}

    def has(self, commit: Any) -> bool:
        """Return whether there is this commit."""
        return is_commit(commit) and self._run("cat-file", "-t", commit) == b"commit\n"

    def changed(self, before: str, now: str) -> list[str]:
        """Return the paths of the files that differ between two commits which are there."""
        told = self._run("diff-tree", "-r", "-z", "--no-renames", "--name-only", before, now) or b""
        return [os.fsdecode(name) for name in told.split(b"\0") if name]

    def tree(self, commit: str) -> dict[str, bytes]:
        """Return the files of a commit which is there, each with the id of its content."""
        told = self._run("ls-tree", "-r", "-z", commit) or b""
        entries = (entry.partition(b"\t") for entry in told.split(b"\0") if entry)
        return {os.fsdecode(name): head.split()[2] for head, _, name in entries}

    def read(self, commit: str, name: str, *, limit_bytes: int) -> bytes | None:
        """Return the content of a file in a commit; None for one that is not there, and for one that is too large."""
        key = commit, name
        if key not in self._contents:
            size = self._run("cat-file", "-s", f"{commit}:{name}")
            is_small = size is not None and size.strip().isdigit() and int(size) <= limit_bytes
            self._contents[key] = self._run("cat-file", "blob", f"{commit}:{name}") if is_small else None
        return self._contents[key]

    def has_file(self, commit: str, name: str) -> bool:
        """Return whether a commit has this file."""
        return self._run("cat-file", "-t", f"{commit}:{name}") == b"blob\n"

    def _run(self, *arguments: str) -> bytes | None:
        """Return what git prints; None if it fails. Variables such as GIT_DIR are about another repository."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environ |= {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        with suppress(OSError, subprocess.TimeoutExpired, ValueError):
            done = subprocess.run(
                ["git", *arguments],  # noqa: S607  the one on PATH is the user's
                cwd=self._root,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
            return done.stdout if done.returncode == 0 else None
        return None


def is_commit(text: Any) -> bool:
    """Return whether a text is the full id of a commit, and nothing that git could take for an option."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None
