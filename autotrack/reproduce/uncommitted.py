"""Brings back what was not committed: changed files from the patch, untracked ones from the archive, and copies."""

import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from autotrack.errors import AutotrackError, ReproduceError, UnsafeFileError
from autotrack.journal.run_folder import read_bytes
from autotrack.reproduce.git_commands import git
from autotrack.reproduce.tree import Tree, checked_name

_MOST_BYTES = 2**29
"""More than a run ever keeps: whoever made a larger archive wants to fill the disk."""

_MOST_FILES = 10_000
_LINK = re.compile(r"create mode 120000 (.*)", re.DOTALL)


def apply_patch(run: Path, name: str, target: Path) -> None:
    """Apply the patch `name` of a run to a repository. Raises `ReproduceError` if it does not fit."""
    patch = read_bytes(run, name, limit_bytes=_MOST_BYTES)
    if not patch.strip():
        return
    _check_paths(patch, target)
    try:
        git(target, "apply", content=patch)
    except ReproduceError as error:
        raise ReproduceError(f"the uncommitted changes do not fit to the commit: {error}") from error


def _check_paths(patch: bytes, target: Path) -> None:
    """Raise `UnsafeFileError` for a patch that would write elsewhere. Git refuses that too, in recent versions."""
    stat = os.fsdecode(git(target, "apply", "--numstat", "-z", content=patch))
    fields = stat.split("\0")
    names = {field.split("\t", 2)[-1] for field in fields} - {""}
    links = set()
    for line in os.fsdecode(git(target, "apply", "--summary", content=patch)).splitlines():
        if link := _LINK.match(line.strip()):
            links.add(link[1].strip('"'))
    for name in names:
        path = checked_name(name)
        for parent in path.parents[:-1]:
            if str(parent) in links or (target / parent).is_symlink():
                raise UnsafeFileError(f"the changes of the run write {name!r} through a link; nothing was restored")


def unpack(run: Path, name: str, target: Path) -> None:
    """Unpack the archive `name` of a run below a folder. Links are made last, so that nothing is written through one.

    Raises `UnsafeFileError` for what autotrack does not write: names that lead out, devices, hard links.
    """
    tree, links = Tree(target), []
    for member, content in _members(read_bytes(run, name, limit_bytes=_MOST_BYTES)):
        if member.issym():
            links.append(member)
        elif content is None:
            raise UnsafeFileError(f"{member.name!r} in {name} is neither a file nor a link; nothing was restored")
        else:
            tree.put(member.name, content, mode=member.mode)
    for member in links:
        tree.put_link(member.name, member.linkname)


def _members(archive: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
    left = _MOST_BYTES
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(archive)) as stream:
            content = stream.read(left + 1)
        if len(content) > left:
            raise UnsafeFileError(f"the archive of untracked files is larger than {left} bytes; nothing was restored")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for number, member in enumerate(tar):
                if number == _MOST_FILES:
                    raise UnsafeFileError(f"the archive has more than {_MOST_FILES} files; nothing was restored")
                file = tar.extractfile(member) if member.isreg() else None
                yield member, file.read() if file is not None else None
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ReproduceError(f"the archive of untracked files is damaged: {error}") from error


def copy_sources(run: Path, names: dict[str, str], target: Path) -> None:
    """Copy source files of a run: by the name in the folder `target`, the name in the run."""
    tree = Tree(target)
    for name, kept in names.items():
        try:
            content = read_bytes(run, kept, limit_bytes=_MOST_BYTES)
        except UnsafeFileError:
            raise
        except (OSError, AutotrackError) as error:
            raise ReproduceError(f"the run has no copy of {name}: {error}") from error
        tree.put(name, content)
