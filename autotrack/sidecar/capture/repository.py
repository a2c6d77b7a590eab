"""Reads a git repository. Nothing is written into it, and nothing that it configures is run."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from autotrack.errors import AutotrackError
from autotrack.readers.code.git_runner import READ_ONLY, GitError, GitMissingError, run_git

_ENVIRONMENT = {
    **READ_ONLY,
    "GIT_DIFF_OPTS": "",
    "GIT_LITERAL_PATHSPECS": "1",  # files may have names like "*.py"
}
_SETTINGS = {
    "core.safecrlf": "false",
    "protocol.allow": "never",
    "diff.autoRefreshIndex": "false",
    "diff.orderFile": os.devnull,
    "diff.suppressBlankEmpty": "false",
}
_COMMAND_SECONDS = 10.0
FILES_AT_ONCE = 200
"""How many files one command line names, so that its output stays bounded."""

_SUBMODULE = "160000"  # as the mode of a file
_USER_IN_URL = re.compile(r"(?P<scheme>\w[\w+.-]*)://(?P<user>[^/]*)@")


class Status(NamedTuple):
    """What differs from the commit, as paths relative to the root. Without a commit, everything does."""

    commit: str | None
    branch: str | None
    changed: list[str]
    changed_submodules: list[str]
    untracked: list[str]


class Entry(NamedTuple):
    """A file or submodule in a commit."""

    id: str
    bytes: int


def without_credentials(url: str) -> str:
    """Return the URL of a repository or a package as it may be recorded.

    >>> without_credentials("https://me:secret@example.org/lab.git")
    'https://example.org/lab.git'
    >>> without_credentials("ssh://git:secret@example.org/lab.git")  # the user is needed there, and is not a secret
    'ssh://git@example.org/lab.git'
    """
    match = _USER_IN_URL.match(url)
    if match is None:
        return url
    user = match["user"].partition(":")[0] + "@" if match["scheme"].endswith("ssh") else ""
    return f"{match['scheme']}://{user}{url[match.end() :]}"


def find(folders: Iterable[Path], *, until: float) -> "Repository | None":
    """Find the repository of the first folder that is in one; None if none of them is.

    Raises `AutotrackError` for a repository that cannot be read.
    """
    for folder in folders:
        above = [parent for parent in (folder, *folder.parents) if parent.is_dir()]
        if any(os.path.lexists(parent / ".git") for parent in above):
            return _open(above[0], until=until)
    return None


def _open(folder: Path, *, until: float, prefix: str = "", recorded: str | None = "HEAD") -> "Repository | None":
    try:
        import git  # not at the top: importing it runs git, and raises if that is missing
    except ImportError as error:
        raise AutotrackError("git is not installed") from error
    try:
        with git.Repo(folder, search_parent_directories=not prefix, expand_vars=False) as repo:
            root, git_dir = repo.working_tree_dir, repo.git_dir
    except git.GitError as error:
        raise AutotrackError(f"git cannot read the repository of {folder}: {type(error).__name__}") from error
    if not root:  # it is a bare repository
        return None
    return Repository(Path(root).resolve(), Path(git_dir), until, prefix, recorded)


@dataclass(frozen=True)
class Repository:
    """A working tree under git: the outermost one, or a submodule. Every method raises `AutotrackError` if git fails.

    Attributes:
        root: The folder of the working tree.
        git_dir: The folder in which git keeps its data.
        until: When to give up, by `time.monotonic`.
        prefix: The path of a submodule below the outermost repository, with a slash at its end.
        recorded: The commit that the surrounding repository records for a submodule.
    """

    root: Path
    git_dir: Path
    until: float
    prefix: str = ""
    recorded: str | None = "HEAD"

    @cached_property
    def status(self) -> Status:
        """The output of `git status`."""
        entries = self.names(
            *("status", "--porcelain=v2", "--branch", "-z", "--no-renames"),
            *("--untracked-files=all", "--ignored=no", "--ignore-submodules=dirty"),
        )
        about = dict(entry[2:].split(" ", 1) for entry in entries if entry.startswith("# "))
        changed = [entry.split(" ", 8 if entry[0] == "1" else 10) for entry in entries if entry[0] in "1u"]
        submodules = [parts[-1] for parts in changed if _SUBMODULE in parts[3:7]]
        commit, branch = about["branch.oid"], about["branch.head"]
        return Status(
            commit=None if commit == "(initial)" else commit,
            branch=None if branch == "(detached)" else branch,
            changed=[parts[-1] for parts in changed if _SUBMODULE not in parts[3:7]],
            changed_submodules=submodules,
            untracked=[entry[2:] for entry in entries if entry.startswith("? ")],
        )

    @cached_property
    def base(self) -> str:
        """The commit that a patch starts from: the one that a clone of the outermost repository has here."""
        if self.recorded not in (None, "HEAD") and self.line("cat-file", "-t", self.recorded) == "commit":
            return self.recorded
        if self.recorded is not None and self.status.commit:
            return self.status.commit
        return self.run("hash-object", "-t", "tree", os.devnull).decode().strip()  # the empty tree

    @cached_property
    def changed(self) -> list[str]:
        """The tracked files that differ from the base."""
        commit = self.status.commit
        if commit is None or commit == self.base:
            return self.status.changed
        between = ("-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=all", self.base, commit)
        return sorted({*self.status.changed, *self.names("diff-tree", *between)})

    @cached_property
    def submodules(self) -> dict[str, "Repository | None"]:
        """The submodules by path. None stands for one that is not checked out."""
        entries = [entry.partition("\t") for entry in self.names("ls-files", "--stage", "-z")]
        paths = sorted({path for about, _, path in entries if about.startswith(_SUBMODULE)})
        if not paths:
            return {}
        recorded = {path: entry.id for path, entry in self.at_base(paths).items()}
        return {path: self._submodule(path, recorded.get(path)) for path in paths}

    def _submodule(self, path: str, recorded: str | None) -> "Repository | None":
        if not os.path.lexists(self.root / path / ".git"):
            return None
        try:
            return _open(self.root / path, until=self.until, prefix=f"{self.prefix}{path}/", recorded=recorded)
        except AutotrackError:  # as if it were not checked out
            return None

    def with_submodules(self) -> Iterator["Repository"]:
        """Yield this repository and all submodules that are checked out, at any depth."""
        yield self
        for inner in self.submodules.values():
            if inner is not None:
                yield from inner.with_submodules()

    def holds(self, files: Iterable[Path]) -> set[Path]:
        """Return those of these files that git does not ignore. All of them lie below the root."""
        paths = [str(file.relative_to(self.root)) for file in files]
        held: set[Path] = set()
        for start in range(0, len(paths), FILES_AT_ONCE):
            chunk = paths[start : start + FILES_AT_ONCE]
            names = self.names("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *chunk)
            held.update(self.root / path for path in names)
        return held

    def at_base(self, paths: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of those paths that exist in the base."""
        entries = {}
        for line in self.names("ls-tree", "-r", "-l", "-z", "--full-tree", self.base, "--", *paths):
            about, _, path = line.partition("\t")
            _, _, id_, size = about.split()
            entries[path] = Entry(id_, 0 if size == "-" else int(size))
        return entries

    def has(self, folder: Path) -> bool:
        """Whether there are tracked files in a folder below the root."""
        return bool(self.names("ls-files", "-z", "--", f"{folder.relative_to(self.root)}"))

    @cached_property
    def config(self) -> dict[str, str]:
        """The settings of git that apply here."""
        entries = os.fsdecode(self._execute({}, ["config", "--list", "-z"])).split("\0")[:-1]
        return {name: value for name, _, value in (entry.partition("\n") for entry in entries)}

    def run(self, *arguments: str, seconds: float | None = None) -> bytes:
        """Run a git command that only reads, and return what it printed.

        Filters are off: the filter of git-lfs would write, and the files are wanted as they are on the disk.
        """
        filters = {name.rpartition(".")[0] for name in self.config if name.startswith("filter.")}
        if any("=" in name for name in filters):
            raise AutotrackError(f"git has a filter in {self.root} that cannot be switched off: {sorted(filters)}")
        commands = {f"{name}.{command}": "" for name in filters for command in ("clean", "smudge", "process")}
        required = {f"{name}.required": "false" for name in filters}
        return self._execute({**commands, **required}, arguments, seconds=seconds)

    def names(self, *arguments: str) -> list[str]:
        """Return what a git command prints with `-z`."""
        return os.fsdecode(self.run(*arguments)).split("\0")[:-1]

    def line(self, *arguments: str, seconds: float = 2.0) -> str | None:
        """Return the first line that a git command prints; None if it fails or takes too long."""
        try:
            lines = os.fsdecode(self.run(*arguments, seconds=seconds)).splitlines()
        except AutotrackError:
            return None
        return lines[0] if lines else None

    def _execute(self, more: dict[str, str], arguments: Sequence[str], *, seconds: float | None = None) -> bytes:
        seconds = min(seconds or _COMMAND_SECONDS, self.until - monotonic())
        if seconds <= 0:
            raise AutotrackError(f"git took too long in {self.root}")
        # The environment may have these for another repository, if one of its hooks has started the training.
        own = {
            "GIT_DIR": f"{self.git_dir}",
            "GIT_WORK_TREE": f"{self.root}",
            "GIT_INDEX_FILE": f"{self.git_dir}/index",
        }
        try:
            return run_git(
                self.root, *arguments, seconds=seconds, settings={**_SETTINGS, **more}, environ={**_ENVIRONMENT, **own}
            )
        except GitMissingError:
            raise
        except GitError as error:
            raise AutotrackError(f"{error} (in {self.root})") from error
