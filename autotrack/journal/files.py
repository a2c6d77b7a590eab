"""Puts files into a run folder, each complete or not at all."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from stat import S_ISDIR

from autotrack.errors import AutotrackError

OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
"""Errors of a disk that takes nothing at present. Others are of whoever wanted something of it."""


def put_file(source: Path, target: Path, *, link: bool = False) -> list[str]:
    """Put the file or folder `source` at `target`, replacing what is there.

    With `link`, the files are hard-linked where the file system allows it, which takes neither time nor space. That is
    right for files that are replaced but never changed in place, such as checkpoints. Otherwise they are copied.
    Returns what a folder is kept without: see `copy_folder`. Raises `AutotrackError` for a folder that contains the
    target.
    """
    check_is_outside(source, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    copy, left_out = link_or_copy if link else shutil.copy2, list[str]()
    with replacing(target) as draft:
        if source.is_dir():
            left_out = copy_folder(source, draft, copy=copy)
            remove(target)
        else:
            copy(os.fspath(source.resolve()), os.fspath(draft))
    return left_out


def copy_folder(source: Path, target: Path, *, copy: Callable[[str, str], object] = shutil.copy2) -> list[str]:
    """Copy a folder; returns the paths in it that are left out, because they cannot be copied.

    Those are files that cannot be read, links to nothing or back to a folder above, pipes, sockets and devices.
    """
    left_out: list[str] = []

    def unfit(folder: str, names: list[str]) -> list[str]:
        found = [name for name in names if not _can_be_copied(folder, name)]
        left_out.extend(os.path.relpath(Path(folder, name), source) for name in found)
        return found

    shutil.copytree(source, target, copy_function=copy, ignore=unfit)
    return sorted(left_out)


def _can_be_copied(folder: str, name: str) -> bool:
    path = Path(folder, name)
    if path.is_symlink() and path.is_dir():
        return not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(path))
    return path.is_dir() or (path.is_file() and os.access(path, os.R_OK))


def check_is_outside(source: Path, target: Path) -> None:
    """Raise `AutotrackError` for a folder that contains the place where it is to be put."""
    if target.resolve().is_relative_to(source.resolve()):
        raise AutotrackError(f"{source} cannot be copied into itself, to {target}")


def write_atomically(path: Path, content: bytes, *, draft_name: str | None = None) -> None:
    """Replace a file in one step: a reader sees the old file or the new one, never half of it."""
    with replacing(path, draft_name=draft_name) as draft:
        draft.write_bytes(content)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Make `target` a hard link to the file `source`, or a copy where there can be none. An existing one stays."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


@contextmanager
def replacing(target: Path, *, draft_name: str | None = None) -> Iterator[Path]:
    """Yield a path beside `target` to write to, then rename it to `target`. It is removed when anything fails.

    `draft_name` is for targets whose own name must not be part of the draft's, because programs look for it.
    """
    draft = target.with_name(draft_name or f".{target.name}.{os.getpid()}.part")
    remove(draft)  # a link of that name would be followed
    try:
        yield draft
        draft.replace(target)
    finally:
        remove(draft)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder."""
    status = path.stat()
    if not S_ISDIR(status.st_mode):
        return status.st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def above_standard_streams(fd: int) -> int:
    """Return the descriptor, moved above 2 if it took the number of a standard stream.

    A process that was started with a standard stream closed gets its number for the next file it opens. Whatever
    prints would then write into that file.
    """
    if fd > 2 or os.name != "posix":
        return fd
    import fcntl  # not on Windows

    moved = int(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3))
    os.close(fd)
    return moved


def safe_relative_path(name: str) -> PurePosixPath:
    """Return the path that `name` means inside a folder; raises `AutotrackError` when it would lead out of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise AutotrackError(f"{name!r} cannot name a file of the run: use a relative path without '..'")
    return path
