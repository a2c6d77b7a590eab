"""Runs git, for whoever reads a repository or restores one. Nothing that a repository configures is run."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError

SETTINGS: Mapping[str, str] = {
    "safe.directory": "*",  # a folder mounted into a container may belong to another user
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "color.ui": "false",
    "protocol.ext.allow": "never",
}
LOCAL: Mapping[str, str] = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
"""Environment variables of commands that fetch nothing.

A partial clone would fetch what it lacks, by a program that the repository names. Older versions of git know only the
first of the variables.
"""

READ_ONLY: Mapping[str, str] = {**LOCAL, "GIT_OPTIONAL_LOCKS": "0"}  # nor is the refreshed index written back
"""Environment variables of commands that only read."""

_OF_THE_USER = frozenset(
    "GIT_ASKPASS GIT_CEILING_DIRECTORIES GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_CONFIG_SYSTEM GIT_EXEC_PATH "
    "GIT_SSH GIT_SSH_COMMAND GIT_SSL_CAINFO GIT_SSL_CAPATH".split()
)
"""Variables that say how the user has set git up. The others, such as GIT_DIR, are about another repository."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class GitError(AutotrackError):
    """A git command failed, took too long, or there is no git; the message says which."""


class GitMissingError(GitError):
    """There is no git on this machine."""


def run_git(
    folder: Path,
    *arguments: str,
    seconds: float,
    settings: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    content: bytes = b"",
) -> bytes:
    """Run a git command in a folder, and return what it printed. Raises `GitError`.

    Args:
        folder: Where it runs.
        arguments: The command.
        seconds: How long it may take.
        settings: Settings of git beside `SETTINGS`.
        environ: Environment variables for it.
        content: What it reads from standard input.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _OF_THE_USER}
    own = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "LANGUAGE": "C"}  # nobody is there to be asked
    options = [part for name, value in {**SETTINGS, **(settings or {})}.items() for part in ("-c", f"{name}={value}")]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *options, *arguments],  # noqa: S607  the one on PATH is the user's
            cwd=folder,
            env={**kept, **own, **(environ or {})},
            input=content,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise GitError(f"there is no folder {folder}") from error
        raise GitMissingError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} took longer than {seconds:.4g} s") from error
    except (OSError, ValueError) as error:  # a folder that may not be entered, a name that no command line can hold
        raise GitError(f"git {arguments[0]} could not be run: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ") or f"exit code {done.returncode}"
        raise GitError(f"git {arguments[0]} failed: {said}")
    return done.stdout


def is_commit(text: Any) -> bool:
    """Return whether a text is the full id of a commit, and nothing that git could take for an option."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None
