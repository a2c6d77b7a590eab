"""Puts files into a run folder: hard-linked where that is asked for and possible, copied otherwise."""

import os
import shutil
from pathlib import Path, PurePosixPath
from stat import S_ISDIR

from autotrack.errors import AutotrackError


def put_file(source: Path, target: Path, *, link: bool = False) -> None:
    """Put the file or folder `source` at `target`, complete or not at all.

    With `link` the files are hard-linked where the file system allows it, which costs neither time nor space,
    and is right for files that are replaced but never changed in place, as checkpoints are. Raises `AutotrackError`
    for a folder that holds the target itself.
    """
    if target.resolve().is_relative_to(source.resolve()):
        raise AutotrackError(f"{source} cannot be copied into itself, to {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    copy = _link_or_copy if link else shutil.copy2
    try:
        if source.is_dir():
            shutil.copytree(source, draft, copy_function=copy)
            remove(target)
        else:
            copy(os.fspath(source.resolve()), os.fspath(draft))
        draft.replace(target)
    finally:
        remove(draft)


def remove(path: Path) -> None:
    """Remove a file or folder that may not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder."""
    found = path.stat()
    if not S_ISDIR(found.st_mode):
        return found.st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a reader sees the old or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def above_standard_streams(fd: int) -> int:
    """Move a descriptor out of the place of a standard stream that is closed: others will write there."""
    if fd > 2 or os.name != "posix":
        return fd
    import fcntl  # not on Windows

    moved = int(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3))
    os.close(fd)
    return moved


def safe_relative_path(name: str) -> PurePosixPath:
    """Check that a name given for a file stays inside its folder; raises `AutotrackError` when it does not."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise AutotrackError(f"{name!r} cannot name a file of the run: use a relative path without '..'")
    return path


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
