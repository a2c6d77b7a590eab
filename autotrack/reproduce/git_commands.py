"""Runs git for a workspace. Nothing that a repository or a run brings along is executed."""

import os
import re
from pathlib import Path

from autotrack.errors import ReproduceError
from autotrack.readers.code.git_runner import LOCAL, GitError, GitMissingError, run_git

_SECONDS = 120.0
NETWORK_SECONDS = 1800.0

_SETTINGS = {
    "advice.detachedHead": "false",
    "submodule.recurse": "false",
    "apply.whitespace": "nowarn",
    "init.defaultBranch": "main",
}
UPLOAD_PACK = "git -c 'safe.directory=*' -c uploadpack.allowAnySHA1InWant=true upload-pack"
"""What gives out the commits of a repository of this machine: also of another user, and those without a branch."""

_URL = re.compile(r"((https?|ssh|git|file)://|[\w.-]+@[\w.-]+:)(?!-)[!-~]+", re.ASCII)


def git(
    folder: Path, *arguments: str, content: bytes | None = None, seconds: float = _SECONDS, fetches: bool = True
) -> bytes:
    """Run a git command in a folder, and return what it printed. Raises `ReproduceError` if it fails.

    Without `fetches`, git transfers nothing. Otherwise it may fetch what the repository lacks, by a program that the
    repository names.
    """
    environ = {} if fetches else LOCAL
    try:
        return run_git(
            folder, *arguments, seconds=seconds, settings=_SETTINGS, environ=environ, content=content or b""
        )
    except GitMissingError as error:
        raise ReproduceError("git is not installed, and the code of the run is in a repository") from error
    except GitError as error:
        raise ReproduceError(str(error)) from error


def line_of(folder: Path, *arguments: str) -> str | None:
    """Return the first line that a git command prints, which transfers nothing; None if it fails."""
    try:
        lines = os.fsdecode(git(folder, *arguments, fetches=False)).splitlines()
    except (ReproduceError, OSError, ValueError):  # there is no such folder, or it can be none
        return None
    return lines[0] if lines else None


def is_url(text: str) -> bool:
    """Whether git may be given this as the URL of a repository."""
    return _URL.fullmatch(text) is not None


def has_commit(folder: Path, commit: str) -> bool:
    """Whether the repository of a folder has a commit."""
    return line_of(folder, "cat-file", "-t", commit) == "commit"
