"""The one door to the files of a run: below the run folder, through no link, regular files only.

A store may come from somebody else: an archive, a download, a shared disk. Whoever made it may have put a link where a
journal or an artifact belongs, a pipe, a device, or a path with `..`. So every file of a run is opened here, component
by component with descriptors, as openat(2) describes: what is checked is what is opened, even if somebody exchanges a
folder for a link at the same moment.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autotrack.errors import UnsafeFileError
from autotrack.journal.files import above_standard_streams, safe_relative_path

_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for whoever writes to it


def open_file(folder: Path, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """Open the file `name` (a path relative to the run `folder`) and return its descriptor.

    Raises `UnsafeFileError` for a name that leads out of the folder, for a link on the way, and for anything but a
    regular file; `OSError` as `os.open` does, such as `FileNotFoundError`.
    """
    with _parent(folder, name) as (parent, last):
        with suppress(FileNotFoundError):
            _check_is_file(os.stat(last, dir_fd=parent, follow_symlinks=False), folder, name)
        fd = os.open(last, flags | _NO_LINK | _NO_WAIT | getattr(os, "O_CLOEXEC", 0), mode, dir_fd=parent)
    try:
        _check_is_file(os.fstat(fd), folder, name)
    except BaseException:
        os.close(fd)
        raise
    return above_standard_streams(fd)


def file_status(folder: Path, name: str) -> os.stat_result:
    """Return the status of the file `name` in the run `folder`. Raises as `open_file` does."""
    with _parent(folder, name) as (parent, last):
        status = os.stat(last, dir_fd=parent, follow_symlinks=False)
    _check_is_file(status, folder, name)
    return status


def read_bytes(folder: Path, name: str, *, limit_bytes: int) -> bytes:
    """Return the content of a file. Raises as `open_file` does, and `UnsafeFileError` for more than `limit_bytes`."""
    with os.fdopen(open_file(folder, name), "rb", buffering=0) as file:
        content = file.read(limit_bytes + 1) or b""
    if len(content) > limit_bytes:
        raise UnsafeFileError(f"{folder / name} is larger than {limit_bytes} bytes, which is too large for what it is")
    return content


@contextmanager
def _parent(folder: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield the descriptor of the folder that holds a file, and the file's own name."""
    *folders, last = safe_relative_path(name).parts
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


def _check_is_file(status: os.stat_result, folder: Path, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise UnsafeFileError(f"{folder / name} is not opened: it is {kind}, and files of a run are regular files")
