"""Runs git for a workspace. Nothing that a repository or a run brings along is executed."""

import os
import re
import subprocess
from pathlib import Path

from autotrack.errors import ReproduceError

_SECONDS = 120.0
NETWORK_SECONDS = 1800.0

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "advice.detachedHead": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "apply.whitespace": "nowarn",
    "init.defaultBranch": "main",
}
_URL = re.compile(r"((https?|ssh|git|file)://|[\w.-]+@[\w.-]+:)(?!-)[!-~]+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def git(
    folder: Path, *arguments: str, content: bytes | None = None, seconds: float = _SECONDS, fetches: bool = True
) -> bytes:
    """Run a git command in a folder, and return what it printed. Raises `ReproduceError` if it fails.

    Without `fetches`, git transfers nothing. Otherwise it may fetch what the repository lacks, by a program that the
    repository names.
    """
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    # Variables such as GIT_DIR are about another repository. Nobody is there to be asked for a password.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    environ |= {} if fetches else {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
    kept = {name: value for name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS") if (value := os.environ.get(name))}
    try:
        done = subprocess.run(
            ["git", *settings, *arguments],  # noqa: S607  the one on PATH is the user's
            cwd=folder,
            env=environ | kept,
            input=content if content is not None else b"",
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise ReproduceError("git is not installed, and the code of the run is in a repository") from error
    except subprocess.TimeoutExpired as error:
        raise ReproduceError(f"git {arguments[0]} took longer than {seconds:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ") or f"exit code {done.returncode}"
        raise ReproduceError(f"git {arguments[0]} failed: {said}")
    return done.stdout


def line_of(folder: Path, *arguments: str) -> str | None:
    """Return the first line that a git command prints, which transfers nothing; None if it fails."""
    try:
        lines = os.fsdecode(git(folder, *arguments, fetches=False)).splitlines()
    except (ReproduceError, OSError, ValueError):  # there is no such folder, or it can be none
        return None
    return lines[0] if lines else None


def is_commit(text: object) -> bool:
    """Whether a text is the full id of a commit, and nothing that git could take for an option."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Whether git may be given this as the URL of a repository."""
    return _URL.fullmatch(text) is not None


def has_commit(folder: Path, commit: str) -> bool:
    """Whether the repository of a folder has a commit."""
    return line_of(folder, "cat-file", "-t", commit) == "commit"
