"""Puts what people log into the run folder. A large file is left to the sidecar, so that training does not wait.

What is small is copied at once. What is large is copied by reference, where the file system can do that. Otherwise it
is linked until the sidecar has made a copy of its own, or, on another file system, held open until then: the script
may delete it as soon as it is logged. Without a sidecar, everything is copied at once.
"""

import atexit
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from autotrack.format import shown, some
from autotrack.journal import copies, files
from autotrack.journal.copies import Copy
from autotrack.training import sidecar_client
from autotrack.training.hooks.faults import attempt, report_fault

_AT_ONCE_BYTES = 2**24
"""A copy of so many bytes takes milliseconds."""

_MOST_FILES, _MOST_HELD = 1000, 32
_POLL_SECONDS = 0.02
_MOST_NAMED = 3


def keep(source: Path, target: Path, *, run_folder: Path) -> int:
    """Put a file or folder at `target`, now or soon; returns its bytes.

    Raises `AutotrackError` for a folder that contains the target, `OSError` when it cannot be read or written.
    """
    files.check_is_outside(source, target)
    identity = copies.identity_of(source, most_files=_MOST_FILES)
    is_folder = source.is_dir()
    if identity.bytes <= _AT_ONCE_BYTES or not _later.can_leave(run_folder) or (is_folder and _is_large(source)):
        _say_left_out(target, files.put_file(source, target))
        return files.size_bytes(target)
    if not is_folder and _clone(source, target):
        return identity.bytes
    try:
        _say_left_out(target, copies.link(source, target))
    except OSError:  # another file system, or somebody else's file
        files.remove(target)
        if is_folder:
            _say_left_out(target, files.put_file(source, target))
            return files.size_bytes(target)
        fd = files.above_standard_streams(os.open(source, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
        copy = Copy(source=str(source.absolute()), target=str(target), identity=identity, pid=os.getpid(), fd=fd)
    else:
        inode = target.stat().st_ino
        copy = Copy(source=str(target), target=str(target), identity=identity, inode=inode)
    _later.leave(copy, run_folder)
    return identity.bytes


def _say_left_out(target: Path, names: list[str]) -> None:
    if names:
        report_fault("artifacts", f"{target.name} is kept without {some(names, _MOST_NAMED)}, which cannot be copied")


@contextmanager
def disk_may_be_full(name: str) -> Iterator[None]:
    """Turn what a full, broken or read-only disk raises into a notice: training goes on without the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in files.OF_THE_DISK:  # a mistake of the caller's, such as a file that may not be read
            raise
        report_fault("artifacts", f"{name} is not kept: {error.strerror}")


class _LaterCopies:
    """The copies that are left to the sidecar."""

    def __init__(self) -> None:
        self._waiting: list[Copy] = []
        self._is_registered = False
        self._pid = os.getpid()

    def can_leave(self, run_folder: Path) -> bool:
        """Return whether there is a sidecar for this run that may be given one more."""
        if self._pid != os.getpid():  # a forked child: these are its parent's
            self._pid, self._is_registered = os.getpid(), False
            self._waiting.clear()
        self._forget_made()
        return len(self._waiting) < _MOST_HELD and sidecar_client.is_followed(run_folder)

    def leave(self, copy: Copy, run_folder: Path) -> None:
        """Have the sidecar make a copy."""
        self._waiting.append(copy)
        if not self._is_registered:  # after the wait for the sidecar was registered, so this is called before that
            self._is_registered = True
            atexit.register(self._wait_at_exit)
        sidecar_client.copy(run_folder, copy)

    def _forget_made(self) -> None:
        made = [copy for copy in self._waiting if copy.is_made]
        self._waiting = [copy for copy in self._waiting if copy not in made]
        for copy in made:
            if copy.fd >= 0:
                os.close(copy.fd)

    def _wait_at_exit(self) -> None:
        """Wait for files that are only held open. If the sidecar is gone, make all copies here."""
        if self._pid != os.getpid():
            return
        waiting, begun = sidecar_client.waiting(), monotonic()
        try:
            self._forget_made()
            while self._waiting and sidecar_client.is_alive():
                held = [copy for copy in self._waiting if copy.fd >= 0]
                waited = monotonic() - begun
                if not held or waited > sidecar_client.exit_timeout():
                    return
                waiting.show(f"copying {shown(Path(held[0].source))}", waited)
                sleep(_POLL_SECONDS)
                self._forget_made()
            for copy in self._waiting:
                with attempt("artifacts"):
                    if problem := copy.make():
                        report_fault("artifacts", problem)
        except KeyboardInterrupt:
            pass
        finally:
            waiting.over()


def _is_large(folder: Path) -> bool:
    """Return whether a folder has so many files that linking them takes long as well."""
    return sum(1 for _ in zip(folder.rglob("*"), range(_MOST_FILES + 1), strict=False)) > _MOST_FILES


def _clone(source: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    is_cloned = copies.clone(source, draft)
    if is_cloned:
        shutil.copystat(source, draft)
        draft.replace(target)
    draft.unlink(missing_ok=True)
    return is_cloned


_later = _LaterCopies()
