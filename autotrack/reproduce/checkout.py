"""Checks out the commit of a run: a clone of its own, so that the user's repository stays as it is."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from autotrack.errors import ReproduceError
from autotrack.readers.code.git_runner import is_commit
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.git_commands import NETWORK_SECONDS, UPLOAD_PACK, git, has_commit, is_url, line_of
from autotrack.reproduce.places import exists, is_folder
from autotrack.reproduce.tree import checked_name

_SUBMODULE = re.compile(r"160000 commit ([0-9a-f]+)\t(.*)", re.DOTALL)
_DEEPEST = 20


def check_out(git_state: Mapping[str, Any], target: Path, *, repository: str | None = None) -> list[Missing]:
    """Make a repository at `target` with the commit of a run and its submodules checked out.

    Args:
        git_state: What was captured of the repository.
        target: A folder that does not exist yet.
        repository: Where the repository is now, as a folder or URL. By default, it is looked for where it was, then
            in the working folder, then at the URL that it came from.

    Raises `ReproduceError` with each place that was tried.
    """
    commit = git_state.get("commit")
    if commit is None:  # the repository had no commit yet: everything is in the patch
        target.mkdir(parents=True)
        git(target, "init", "--quiet")
        return []
    if not is_commit(commit):
        raise ReproduceError(f"the run names {commit!r:.100} as its commit, which is none")
    source = _clone_with(commit, git_state, target, repository)
    git(target, "checkout", "--quiet", "--detach", "--force", commit, seconds=NETWORK_SECONDS)  # git-lfs may download
    remote = git_state.get("remote")
    _set_origin(target, remote if isinstance(remote, str) and is_url(remote) else None)
    return list(_submodules(target, source, git_state.get("submodules") or {}, depth=0))


def _clone_with(commit: str, git_state: Mapping[str, Any], target: Path, repository: str | None) -> Path | None:
    """Clone a repository that has the commit. Return its folder; None if it was at a URL."""
    tried = []
    for place in _places(git_state, repository):
        folder = Path(place).expanduser()
        try:
            if not is_folder(folder):
                _fetch(place, commit, target)
                return None
            if not has_commit(folder, commit):
                tried.append(f"{place} {_why_not(folder)}")
                continue
            top = Path(line_of(folder, "rev-parse", "--show-toplevel") or folder)
            _clone(top, commit, target)
            return top
        except ReproduceError as error:
            tried.append(f"{place}: {error}")
            _remove_half(target)
    looked = "; ".join(tried) or "it is recorded neither where the repository was nor where it came from"
    raise ReproduceError(
        f"the commit {commit[:10]} cannot be found: {looked}. Give a repository that has it: --repository FOLDER|URL"
    )


def _why_not(folder: Path) -> str:
    if line_of(folder, "rev-parse", "--git-dir") is None:
        return "is not a repository that git reads"
    return "does not have it; it may have been removed by git gc after a rebase, or never fetched"


def _places(git_state: Mapping[str, Any], repository: str | None) -> Iterator[str]:
    if repository is not None:
        if not is_folder(Path(repository).expanduser()) and not is_url(repository):
            raise ReproduceError(f"--repository is {repository!r}, which is neither a folder here nor the URL of one")
        yield repository
        return
    root, remote = git_state.get("root"), git_state.get("remote")
    places = [root if isinstance(root, str) and os.path.isabs(root) and is_folder(root) else None]  # noqa: PTH117
    places.append(line_of(Path.cwd(), "rev-parse", "--show-toplevel"))
    places.append(remote if isinstance(remote, str) and is_url(remote) else None)
    yield from dict.fromkeys(place for place in places if place)


def _clone(source: Path, commit: str, target: Path) -> None:
    """Clone a repository of this machine. Its files are hard-linked where that is possible, so it costs little.

    Without `--local`, with which git copies nothing where it cannot link, as on another disk.
    """
    options = ("--quiet", "--no-checkout", f"--upload-pack={UPLOAD_PACK}")
    git(target.parent, "clone", *options, "--", str(source), str(target))
    if not has_commit(target, commit):  # no branch leads to it any more, and the clone could not share the files
        git(target, "fetch", "--quiet", f"--upload-pack={UPLOAD_PACK}", "origin", commit)


def _fetch(url: str, commit: str, target: Path) -> None:
    """Fetch one commit from a server, or everything where the server gives no single commits."""
    target.mkdir(parents=True)
    git(target, "init", "--quiet")
    git(target, "remote", "add", "origin", url)
    try:
        git(target, "fetch", "--quiet", "--depth=1", "origin", commit, seconds=NETWORK_SECONDS)
    except ReproduceError:
        git(target, "fetch", "--quiet", "--tags", "origin", seconds=NETWORK_SECONDS)
    if not has_commit(target, commit):
        raise ReproduceError("the server does not have it; perhaps it was never pushed")


def _set_origin(target: Path, url: str | None) -> None:
    with suppress(ReproduceError):
        git(target, "remote", "remove", "origin")
    if url is not None:
        git(target, "remote", "add", "origin", url)


def _submodules(
    target: Path, source: Path | None, recorded: Mapping[str, Any], *, depth: int, prefix: str = ""
) -> Iterator[Missing]:
    """Check out the submodules of a repository that were checked out when the run was recorded."""
    entries = os.fsdecode(git(target, "ls-tree", "-r", "-z", "HEAD")).split("\0")
    for match in filter(None, map(_SUBMODULE.match, entries)):
        commit, path = match[1], match[2]
        state = recorded.get(prefix + path)
        if not isinstance(state, dict) or state.get("commit") is None:  # it was not checked out then either
            continue
        inner = target / checked_name(path)
        try:
            inner_source = _check_out_submodule(target, path, [commit, state["commit"]], source)
        except ReproduceError as error:
            _remove_half(inner)
            inner.mkdir(exist_ok=True)
            yield Missing(f"submodule {prefix}{path}", str(error), "fetch it there, or commit what it needs")
            continue
        if depth < _DEEPEST:
            yield from _submodules(inner, inner_source, recorded, depth=depth + 1, prefix=f"{prefix}{path}/")


def _check_out_submodule(target: Path, path: str, commits: list[Any], source: Path | None) -> Path | None:
    """Check out the first of the commits that can be had; return the folder that it came from."""
    inner, local = target / path, source / path if source is not None else None
    wanted = [commit for commit in commits if is_commit(commit)]
    if local is not None and exists(local / ".git"):
        commit = next((commit for commit in wanted if has_commit(local, commit)), None)
        if commit is not None:
            url = line_of(local, "remote", "get-url", "origin")
            inner.rmdir()
            _clone(local, commit, inner)
            git(inner, "checkout", "--quiet", "--detach", "--force", commit)
            _set_origin(inner, url if url and is_url(url) else None)
            return local
    git(target, "submodule", "--quiet", "update", "--init", "--", path, seconds=NETWORK_SECONDS)
    return None


def _remove_half(folder: Path) -> None:
    import shutil  # only where something has failed

    shutil.rmtree(folder, ignore_errors=True)
