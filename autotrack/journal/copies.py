"""Copies of large files: by reference where the file system can, and otherwise later, by whoever has the time.

A copy must hold what a file held when it was logged. A hard link alone does not: it shows whatever is written into the
file later. So a link only keeps a file from being deleted until it is replaced by a copy of its own, and whoever makes
that copy compares size and time of the last change with those from when the file was logged.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

import msgspec

from autotrack.journal import files

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file until one of the two changes


class Identity(NamedTuple):
    """What tells whether a file, or any file of a folder, was changed: its bytes, and when it was written last."""

    bytes: int
    modified_ns: int


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that is to be made.

    Attributes:
        source: The file or folder. It is `target` itself if that is a hard link so far.
        target: Where the copy belongs.
        identity: What the source was like when it was logged.
        inode: The inode at `target` until the copy is made; 0 if there is none.
        pid: The process that holds the file open as `fd`, in case it is deleted.
        fd: The descriptor; -1 if there is none.
    """

    source: str
    target: str
    identity: Identity
    inode: int = 0
    pid: int = 0
    fd: int = -1

    def held(self) -> "Copy":
        """Return the same copy with the source held open by this process, whatever the one that holds it now does.

        Whoever asks for this calls `let_go` in the end. Where the source cannot be opened, that shows in `make`.
        """
        if self.fd < 0:
            return self
        try:
            fd = files.above_standard_streams(os.open(self._readable_source(), _READ))
        except OSError:
            return self
        return msgspec.structs.replace(self, pid=os.getpid(), fd=fd)

    def let_go(self) -> None:
        """Close the source, if this process holds it open."""
        if self.fd >= 0 and self.pid == os.getpid():
            os.close(self.fd)

    @property
    def is_made(self) -> bool:
        """Whether the copy is at its place."""
        try:
            return Path(self.target).stat().st_ino != self.inode
        except FileNotFoundError:
            return False

    def make(self) -> str | None:
        """Make the copy; returns what is wrong with it, in a sentence. Raises `OSError`."""
        target = Path(self.target)
        if self.inode and self.is_made:  # something else has been logged under this name since
            return None
        with self._open_source() as source, files.replacing(target) as draft:
            if source.is_dir():
                shutil.copytree(source, draft)
            elif not clone(source, draft):
                shutil.copyfile(source, draft)
            is_as_logged = identity_of(source) == self.identity
            if draft.is_dir():
                files.remove(target)
            else:
                with suppress(OSError):
                    shutil.copystat(source, draft)
        if is_as_logged:
            return None
        return f"{self.source} was changed before it could be copied, so {target.name} may hold what was written later"

    @contextmanager
    def _open_source(self) -> Iterator[Path]:
        """Yield a path that leads to the source until the copy is made, also when its holder ends meanwhile."""
        path = self._readable_source()
        if self.fd < 0:
            yield path
            return
        with path.open("rb") as file:
            yield Path(f"/dev/fd/{file.fileno()}")

    def _readable_source(self) -> Path:
        path = Path(self.source)
        with suppress(FileNotFoundError):
            if self.fd < 0 or identity_of(path) == self.identity:
                return path
        held = Path(f"/proc/{self.pid}/fd/{self.fd}")
        if self.fd < 0 or not held.exists():
            raise FileNotFoundError(errno.ENOENT, "it was deleted before it could be copied", self.source)
        return held


def identity_of(path: Path, *, most_files: int | None = None) -> Identity:
    """Return the identity of a file, or of a folder with all that is in it. Raises `OSError`.

    With `most_files`, larger folders are not looked at to their end.
    """
    status = path.stat()
    if not S_ISDIR(status.st_mode):
        return Identity(status.st_size, status.st_mtime_ns)
    total, latest = 0, 0
    for count, file in enumerate(path.rglob("*")):
        try:
            status = file.stat()
        except OSError:  # a link to nothing
            continue
        if not S_ISDIR(status.st_mode):
            total, latest = total + status.st_size, max(latest, status.st_mtime_ns)
        if most_files is not None and count >= most_files:
            break
    return Identity(total, latest)


def clone(source: Path, target: Path) -> bool:
    """Let the new file `target` share the blocks of `source`; returns False where the file system cannot."""
    try:
        import fcntl  # not on Windows

        with source.open("rb") as given, target.open("wb") as made:
            fcntl.ioctl(made.fileno(), _FICLONE, given.fileno())
    except (ImportError, OSError):
        return False
    return True


def link(source: Path, target: Path) -> list[str]:
    """Put hard links to a file, or to all files of a folder, at `target`. Raises `OSError` where that cannot be.

    Returns what is left out, as `files.copy_folder` does.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    with files.replacing(target) as draft:
        if source.is_dir():
            left_out = files.copy_folder(source, draft, copy=os.link)
            files.remove(target)
        else:
            os.link(source.resolve(), draft)
    return left_out
