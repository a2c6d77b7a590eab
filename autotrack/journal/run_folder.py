"""The one door to the files of a run: below the run folder, through no link, regular files only.

A store may come from somebody else: an archive, a download, a shared disk. Whoever made it may have put a link where a
journal or an artifact belongs, a pipe, a device, or a path with `..`. So every file of a run is opened here, component
by component with descriptors, as openat(2) describes: what is checked is what is opened, even if somebody exchanges a
folder for a link at the same moment.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from autotrack.errors import UnsafeFileError
from autotrack.journal.files import above_standard_streams, safe_relative_path

SHARED = ".environments"
"""The folder, beside the runs of an experiment, of files that they share. `shared_files.py` says what is in it."""

_DIGEST = re.compile(r"[0-9a-f]{64}")

_MOST_SHARED_BYTES = 2**24

_ONLY_READ = ("artifacts", "checkpoints", "model")

_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for whoever writes to it


def open_file(folder: Path, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """Open the file `name` (a path relative to the run `folder`) and return its descriptor.

    A name such as `.environments/<digest>/…` means a file that the run shares with those beside it. Such a file is
    only ever read.

    Raises `AutotrackError` for a name that leads out of the folder, `UnsafeFileError` for a link on the way and for
    pipes and devices, and `OSError` as `os.open` does, such as `FileNotFoundError` and `IsADirectoryError`.
    """
    if flags & (os.O_WRONLY | os.O_RDWR) and is_shared(name):
        raise UnsafeFileError(f"{folder / name} is not written: runs share it")
    with _parent(folder, name) as (parent, last), _naming(folder, name):
        with suppress(FileNotFoundError):
            _check_is_file(os.stat(last, dir_fd=parent, follow_symlinks=False), folder, name)
        fd = os.open(last, flags | _NO_LINK | _NO_WAIT | getattr(os, "O_CLOEXEC", 0), mode, dir_fd=parent)
    try:
        _check_is_file(os.fstat(fd), folder, name)
    except BaseException:
        os.close(fd)
        raise
    return above_standard_streams(fd)


def is_shared(name: str) -> bool:
    """Return whether a file is one that the run shares with those beside it, by its name."""
    return name.startswith(f"{SHARED}/")


def is_digest(text: str) -> bool:
    """Return whether a text can be the digest of shared files. What a store of somebody else names need not be one."""
    return _DIGEST.fullmatch(text) is not None


def open_journal(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open the journal at `path`, which is `journal/NAME` in a run folder, as `open_file` does."""
    folder = path.parent
    if folder.name == "journal":
        return open_file(folder.parent, f"journal/{path.name}", flags)
    return open_file(folder, path.name, flags)


def file_status(folder: Path, name: str) -> os.stat_result:
    """Return the status of the file `name` in the run `folder`. Raises as `open_file` does."""
    with _parent(folder, name) as (parent, last):
        status = os.stat(last, dir_fd=parent, follow_symlinks=False)
    _check_is_file(status, folder, name)
    return status


def read_bytes(folder: Path, name: str, *, limit_bytes: int) -> bytes:
    """Return the content of a file. Raises as `open_file` does, and `UnsafeFileError` for more than `limit_bytes`."""
    with os.fdopen(open_file(folder, name), "rb", buffering=0) as file:
        expected = os.fstat(file.fileno()).st_size + 1  # to ask for the most at once would reserve as much memory
        content = file.read(min(expected, limit_bytes + 1)) or b""
        if expected <= len(content) <= limit_bytes:  # it has grown
            content += file.read(limit_bytes + 1 - len(content)) or b""
    if len(content) > limit_bytes:
        raise UnsafeFileError(f"{folder / name} is larger than {limit_bytes} bytes, which is too large for what it is")
    return content


def replace_file(folder: Path, name: str, content: bytes, *, draft_name: str | None = None) -> None:
    """Write the file `name` of a run in one step: a reader sees all of it or what was there before."""
    with replacing_file(folder, name, draft_name=draft_name) as file:
        file.write(content)


@contextmanager
def replacing_file(folder: Path, name: str, *, draft_name: str | None = None) -> Iterator[BinaryIO]:
    """Yield an open file that takes the place of the file `name` of a run in one step, unless anything fails.

    `draft_name` is for files whose own name must not be part of the draft's, because programs look for it.
    """
    if is_shared(name):
        raise UnsafeFileError(f"{folder / name} is not written: runs share it")
    with _parent(folder, name) as (parent, last):
        part = draft_name or f".{last}.{os.getpid()}.part"
        with _naming(folder, name), suppress(FileNotFoundError):
            os.unlink(part, dir_fd=parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_CLOEXEC", 0)
        try:
            with _naming(folder, name):
                fd = above_standard_streams(os.open(part, flags, 0o666, dir_fd=parent))
            with os.fdopen(fd, "wb") as file:
                yield file
            os.replace(part, last, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(part, dir_fd=parent)
            raise


def make_folders(folder: Path, name: str, *, mode: int = 0o777) -> None:
    """Make the folders that the file `name` of a run is to lie in, the last one with `mode`. Raises as `open_file`."""
    parts = safe_relative_path(name).parts[:-1]
    for depth in range(1, len(parts) + 1):
        with _parent(folder, "/".join(parts[:depth])) as (parent, last), suppress(FileExistsError):
            os.mkdir(last, mode if depth == len(parts) else 0o777, dir_fd=parent)


def remove_file(folder: Path, name: str) -> None:
    """Remove the file `name` of a run, if it is there. A link of that name goes, not what it leads to."""
    with suppress(FileNotFoundError), _parent(folder, name) as (parent, last):
        os.unlink(last, dir_fd=parent)


def rename_file(folder: Path, name: str, new_name: str) -> None:
    """Rename a file of a run. Raises as `open_file` does."""
    with _parent(folder, name) as (source, last), _parent(folder, new_name) as (target, new_last):
        os.rename(last, new_last, src_dir_fd=source, dst_dir_fd=target)


def names_in(folder: Path, name: str = "") -> list[str]:
    """Return the names of what lies in a folder of a run, or in the run folder itself; none if it is not there."""
    with suppress(FileNotFoundError), _parent(folder, f"{name}/any" if name else "any") as (inner, _):
        return os.listdir(inner)  # noqa: PTH208  a descriptor
    return []


def link_shared(folder: Path, shared_name: str, name: str) -> None:
    """Put a file that runs share into the run `folder` as `name`: a hard link, or a copy where there can be none."""
    with _parent(folder, shared_name) as (source, shared), _parent(folder, name) as (parent, last):
        _check_is_file(os.stat(shared, dir_fd=source, follow_symlinks=False), folder, shared_name)
        try:
            os.link(shared, last, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            if os.path.samestat(os.stat(shared, dir_fd=source), os.stat(last, dir_fd=parent, follow_symlinks=False)):
                return
        except OSError:  # a file system without links
            pass
        else:
            return
    replace_file(folder, name, read_bytes(folder, shared_name, limit_bytes=_MOST_SHARED_BYTES))


def files_below(folder: Path, name: str) -> Iterator[str]:
    """Yield the names of the regular files that `name` is or contains, in order; links and the like are left out.

    Raises as `open_file` does when `name` itself is a link, a pipe or a device.
    """
    with _parent(folder, name) as (parent, last):
        status = os.stat(last, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            _check_is_file(status, folder, name)
            yield name
            return
        top = safe_relative_path(name).parent
        try:
            for inner, folders, files, fd in os.fwalk(last, dir_fd=parent, follow_symlinks=False):
                folders.sort()
                for file in sorted(files):
                    if stat.S_ISREG(os.stat(file, dir_fd=fd, follow_symlinks=False).st_mode):
                        yield str(top / inner / file)
        except RecursionError:
            raise UnsafeFileError(f"{folder / name} is not read: it has folders inside folders without end") from None


def check_structure(folder: Path) -> None:
    """Raise `UnsafeFileError` when anything that autotrack may write to in a run folder is a link or no regular file.

    What people put into `artifacts/`, `checkpoints/` and `model/` is only ever read, and checked when it is opened.
    """
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _ONLY_READ:
                        waiting.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False) and not (
                    entry.is_symlink() and entry.name in _ONLY_READ
                ):
                    kind = "a link" if entry.is_symlink() else "not a regular file"
                    raise UnsafeFileError(
                        f"{entry.path} is {kind}. Nothing is written to a run with such files, because it could lead "
                        f"to a file outside of the run; remove it, if you trust the rest"
                    )


@contextmanager
def _parent(folder: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield the descriptor of the folder that holds a file, and the file's own name."""
    *folders, last = safe_relative_path(name).parts
    if folders and folders[0] == SHARED:
        if not is_digest([*folders, last][1]):
            raise UnsafeFileError(f"{folder / name} is not opened: shared files lie in a folder named by a digest")
        folder = folder.absolute().parent
    parent = os.open(folder, _FOLDER_FLAGS)
    try:
        for part in folders:
            try:
                inner = os.open(part, _FOLDER_FLAGS | _NO_LINK, dir_fd=parent)
            except FileNotFoundError:
                raise
            except OSError as error:  # ELOOP or ENOTDIR, as the system likes
                if stat.S_ISLNK(os.stat(part, dir_fd=parent, follow_symlinks=False).st_mode):
                    raise UnsafeFileError(f"{folder / name} is not opened: {part} on the way is a link") from error
                raise
            os.close(parent)
            parent = inner
        yield parent, last
    finally:
        os.close(parent)


@contextmanager
def _naming(folder: Path, name: str) -> Iterator[None]:
    """Have errors of the system name the whole path: what was opened is known to it by the last part only."""
    try:
        yield
    except UnsafeFileError:
        raise
    except OSError as error:
        error.filename = str(folder / name)
        raise


def _check_is_file(status: os.stat_result, folder: Path, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
    if not stat.S_ISREG(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise UnsafeFileError(f"{folder / name} is not opened: it is {kind}, and files of a run are regular files")
