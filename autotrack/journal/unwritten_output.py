"""Lines of `output.log` that the disk of a run has refused. They wait on another disk until they can be brought home.

They lie where records wait as well (`unwritten.py`), in a file that begins with a line which says whose they are.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec

from autotrack.journal.files import above_standard_streams
from autotrack.journal.own_folders import is_private, own_folders
from autotrack.journal.run_folder import open_file
from autotrack.journal.unwritten import run_id_of

MOST_BYTES = 16 * 2**20
"""How much of a log waits. What exceeds this is for whoever prints it to count."""

_FLAGS = os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Header(msgspec.Struct):
    """The first line of a file of waiting lines: the `log` they belong to, and its run."""

    log: str
    run_id: str


_decode = msgspec.json.Decoder(Header).decode


class WaitingLines:
    """The lines of the log at `log` that wait for room. `path` is the file that holds them; None if there are none."""

    def __init__(self, log: Path) -> None:
        self._log = log
        names = (Path(folder, _name_for(log)) for folder in own_folders("unwritten"))
        self.path: Path | None = next((path for path in names if path.exists() and is_private(path.parent)), None)

    def __bool__(self) -> bool:
        return self.path is not None

    def keep(self, lines: bytes) -> bool:
        """Keep lines that come after all others that wait; returns False where no disk takes them."""
        places = [self.path] if self.path else [Path(f, _name_for(self._log)) for f in own_folders("unwritten")]
        return any(self._keep_in(path, lines) for path in places)

    def bring_home(self, fd: int) -> None:
        """Append all lines to the log, which is open as `fd`. Raises `OSError` when it does not take all of them."""
        if self.path is None:
            return
        header, _, lines = self.path.read_bytes().partition(b"\n")
        done = 0
        try:
            while done < len(lines):
                done += os.write(fd, lines[done:])
        finally:
            if done == len(lines):
                self.path.unlink(missing_ok=True)
                self.path = None
            elif done:
                self.path.write_bytes(header + b"\n" + lines[done:])

    def _keep_in(self, path: Path, lines: bytes) -> bool:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_private(path.parent):
                return False
            fd = above_standard_streams(os.open(path, _FLAGS | os.O_CREAT, 0o600))
            try:
                size = os.fstat(fd).st_size
                content = lines if size else self._new_header() + lines
                if size + len(lines) <= MOST_BYTES and _append(fd, content):
                    self.path = path
                    return True
                os.ftruncate(fd, size)
                if not size:
                    path.unlink()
            finally:
                os.close(fd)
        return False

    def _new_header(self) -> bytes:
        return msgspec.json.encode(Header(str(self._log.absolute()), run_id_of(self._log.parent))) + b"\n"


def _append(fd: int, content: bytes) -> bool:
    try:
        return os.write(fd, content) == len(content)
    except OSError:
        return False


def bring_home(folder: Path) -> tuple[bool, list[str]]:
    """Bring home the lines that wait for the run in `folder`, which nobody records any more.

    Returns whether there were any, and what the disk still refuses, a sentence each.
    """
    refused, has_any = [], False
    for path, header in _files_of(folder):
        has_any = True
        waiting = WaitingLines(Path(header.log))
        waiting.path = path
        try:
            fd = open_file(folder, Path(header.log).name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                waiting.bring_home(fd)
            finally:
                os.close(fd)
        except OSError as error:
            refused.append(f"{error.strerror} ({folder}); printed lines of it wait in {path}")
    return has_any, refused


def waiting_among(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of those runs of which printed lines wait to be brought home."""
    headers = [header for _, header in _all_files()]
    return [folder for folder in folders if any(_is_of(header, folder) for header in headers)] if headers else []


def _files_of(folder: Path) -> Iterator[tuple[Path, Header]]:
    return ((path, header) for path, header in _all_files() if _is_of(header, folder))


def _all_files() -> Iterator[tuple[Path, Header]]:
    for place in map(Path, own_folders("unwritten")):
        for path in sorted(place.glob("*.log")) if is_private(place) else ():
            with suppress(OSError, msgspec.DecodeError), path.open("rb") as file:
                yield path, _decode(file.readline(2**16))


def _is_of(header: Header, folder: Path) -> bool:
    home = Path(header.log).parent
    if home == folder.absolute():
        return True
    return bool(header.run_id) and not home.exists() and run_id_of(folder) == header.run_id


def _name_for(log: Path) -> str:
    return f"{log.parent.name[:60]}-output-{crc32(os.fsencode(log.absolute())):08x}.log"
