"""Puts files of a run into a folder: below it, through no link, never into git's own data.

A run may come from somebody else, and so may the names of its files. Folders are opened one by one with descriptors,
as `journal/run_folder.py` does for reading: what is checked is what is written to.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from autotrack.errors import AutotrackError, UnsafeFileError
from autotrack.journal.files import safe_relative_path

_FOLDER_FLAGS = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def checked_name(name: str) -> PurePosixPath:
    """Return the path that a name of the run means in a folder. Raises `UnsafeFileError` if it may not be written."""
    try:
        path = safe_relative_path(name)
    except AutotrackError as error:
        raise UnsafeFileError(f"{error}; nothing was restored") from None
    if ".git" in {part.lower() for part in path.parts}:
        raise UnsafeFileError(f"{name!r} is a file of git itself, which no run may have; nothing was restored")
    return path


class Tree:
    """A folder that files are put into."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a file, in place of one that is there. Raises `UnsafeFileError` if its name leads elsewhere."""
        with self._folder_of(name) as (folder, last):
            self._clear(folder, last, name)
            with os.fdopen(os.open(last, _NEW_FILE, stat.S_IMODE(mode) & 0o777 | 0o600, dir_fd=folder), "wb") as file:
                file.write(content)

    def put_link(self, name: str, target: str) -> None:
        """Make a symbolic link, which is not followed. Put files first: none is written through a link."""
        with self._folder_of(name) as (folder, last):
            self._clear(folder, last, name)
            os.symlink(target, last, dir_fd=folder)

    def _clear(self, folder: int, last: str, name: str) -> None:
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode):
                raise UnsafeFileError(f"{name!r} is a folder already; nothing was restored")
            os.unlink(last, dir_fd=folder)

    @contextmanager
    def _folder_of(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield the descriptor of the folder of a file, which is made if need be, and the file's own name."""
        *folders, last = checked_name(name).parts
        folder = os.open(self.root, _FOLDER_FLAGS)
        try:
            for part in folders:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                try:
                    inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
                except OSError as error:  # ELOOP or ENOTDIR, as the system likes
                    raise UnsafeFileError(
                        f"{name!r} is not restored: {part!r} on the way is a link or a file; nothing was restored"
                    ) from error
                os.close(folder)
                folder = inner
            yield folder, last
        finally:
            os.close(folder)
