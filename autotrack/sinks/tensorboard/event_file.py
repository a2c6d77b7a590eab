"""Event files: records with checksums are appended, and read back up to the last checkpoint.

A record is the length of its data (eight bytes, little endian), the masked CRC-32C of those bytes, the data, and the
masked CRC-32C of the data, as in `tensorflow/core/lib/io/record_writer.cc`. The data is an `Event` of
`tensorboard/compat/proto/event.proto`. This is by hand because TensorBoard's own writer can neither go on with a file
nor read one back. TensorBoard reads all files with `tfevents` in their names, in the order of the names, and keeps
watching the last one.
"""

import mmap
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time
from typing import Any, Self

import msgspec
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog, SourceMetadata  # type: ignore[import-untyped]  # it comes without types

from autotrack.errors import AutotrackError
from autotrack.journal import locks
from autotrack.journal.run_folder import (
    make_folders,
    names_in,
    open_file,
    read_bytes,
    remove_file,
    rename_file,
    replace_file,
)
from autotrack.sinks.tensorboard.encoding import frame, masked_checksum

SUFFIX = ".autotrack"
"""How the names of our files end. Files of other writers are left alone."""

_HEADER = struct.Struct("<QI")
_MOST_BYTES = 2**26
"""Of a file that is replaced as a whole."""

_DRAFT = ".autotrack-events.part"
"""The name has no `tfevents` in it, or TensorBoard would read the file."""

_PURGES_NOTHING, _PURGES_EVERYTHING = 2**62, -(2**62)


class EventFileBusyError(AutotrackError):
    """Another live process is writing the event files of this run."""


class EventFile:
    """The newest of our event files in a run folder, open for appending. No other process can open it meanwhile."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def open(cls, folder: Path) -> tuple[Self, dict[str, Any]] | None:
        """Open the newest of our files. Returns it with the content of its last checkpoint; None if there is no file.

        Everything after that checkpoint is cut off, because it is torn, or nobody knows how far it got. Our files that
        the newest one replaced are deleted. Raises `EventFileBusyError`.
        """
        while files := own_files(folder):
            try:
                fd = open_file(folder, files[-1].name, os.O_RDWR)
            except FileNotFoundError:  # replaced since it was listed
                continue
            opened = cls(files[-1], fd)
            opened._lock()
            if not opened.is_in_place():
                opened.close()
                continue
            size, checkpoint = _scan(fd)
            if checkpoint is None:  # its first flush was never completed
                remove_file(folder, files[-1].name)
                opened.close()
                continue
            os.truncate(fd, size)
            os.lseek(fd, size, os.SEEK_SET)
            for older in files[:-1]:
                remove_file(folder, older.name)
            return opened, checkpoint
        return None

    @classmethod
    def create(cls, folder: Path, content: bytes, *, began: float, instead_of: Self | None = None) -> Self:
        """Create a file with this content, whose name sorts after all others. `began` is the time of its first event.

        It replaces `instead_of`: readers drop what they have loaded of that file. The old file is emptied now, and
        deleted when the run is opened again, because Python's reader never gets past a file that vanishes while it
        reads it. Raises `EventFileBusyError`.
        """
        opened = cls._lock_draft(folder)
        try:
            opened.append(preamble(began, restart=instead_of is not None) + content)
            for other in own_files(folder):
                if instead_of is None or other > instead_of.path:
                    raise EventFileBusyError(f"{other} has just been created by another process")
            opened.path = folder / _next_name(folder)
            rename_file(folder, _DRAFT, opened.path.name)
        except BaseException:
            opened.close()
            raise
        if instead_of is not None:
            os.truncate(instead_of._fd, 0)
            instead_of.close()
        return opened

    @classmethod
    def _lock_draft(cls, folder: Path) -> Self:
        """Open an empty file, which becomes an event file when it is renamed. A draft that was left over is reused."""
        while True:
            opened = cls(folder / _DRAFT, open_file(folder, _DRAFT, os.O_RDWR | os.O_CREAT))
            opened._lock()
            if opened.is_in_place():
                os.truncate(opened._fd, 0)
                return opened
            opened.close()  # another process was quicker, and has made it an event file

    def is_in_place(self) -> bool:
        """Return whether its path still leads to this file."""
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    def append(self, content: bytes) -> None:
        """Write framed events at the end."""
        left = memoryview(content)
        while left:
            left = left[os.write(self._fd, left) :]

    def close(self) -> None:
        """Close the file, so that other processes can open it."""
        os.close(self._fd)

    def _lock(self) -> None:
        if not locks.lock(self._fd):
            self.close()
            raise EventFileBusyError(
                f"another process is writing {self.path}: the run is still being recorded, or synced elsewhere; "
                f"try again when that has ended"
            )


def own_files(folder: Path) -> list[Path]:
    """Return those of our event files in a folder that are appended to, the earliest first."""
    return [folder / name for name in _with_suffix(folder, "", SUFFIX)]


def replace(folder: Path, name: str, content: bytes) -> None:
    """Write the small event file `name` of a run in one step, unless it has this content already."""
    try:
        if read_bytes(folder, name, limit_bytes=_MOST_BYTES) == content:
            return
    except FileNotFoundError:
        make_folders(folder, name)
    replace_file(folder, name, content, draft_name=_DRAFT)


def replace_by_later(folder: Path, inside: str, content: bytes, *, began: float, suffix: str) -> None:
    """Write a small event file under a later name than our file that it replaces, if that has other content.

    It lies in the folder `inside` of the run folder.

    A reader that has loaded the old file goes on with the new one. It would not do so if the new file had the same
    name, or if the old one were gone. So the old file is emptied now, and deleted the next time. `suffix` marks our
    files, and `began` is the time of the first event.
    """
    earlier = [f"{inside}/{name}" for name in _with_suffix(folder, inside, suffix)]
    whole = preamble(began, restart=True) + content
    if earlier and read_bytes(folder, earlier[-1], limit_bytes=_MOST_BYTES) == whole:
        return
    version = int(earlier[-1].removesuffix(suffix).rpartition(".")[2]) + 1 if earlier else 0
    replace(folder, f"{inside}/events.out.tfevents.{int(began):010d}.{version:04d}{suffix}", whole)
    for other in earlier:
        if other == earlier[-1]:
            os.close(open_file(folder, other, os.O_WRONLY | os.O_TRUNC))
        else:
            remove_file(folder, other)


def _with_suffix(folder: Path, inside: str, suffix: str) -> list[str]:
    """Return the names of our event files in a folder of a run, the earliest first."""
    return sorted(name for name in names_in(folder, inside) if "tfevents" in name and name.endswith(suffix))


def preamble(began: float, *, restart: bool = False, starts: bool = True) -> bytes:
    """Return the first events of a file: its version and, if it `starts` a session, the start of the session.

    Python's reader takes every session start but the first for a restart. It drops all events that it has read at the
    same step or a later one, which at a `restart` is everything. The Rust reader looks at the steps of each tag.
    """
    version = Event(wall_time=began, file_version="brain.Event:2", source_metadata=SourceMetadata(writer="autotrack"))
    step = _PURGES_EVERYTHING if restart else _PURGES_NOTHING
    start = Event(wall_time=began, step=step, session_log=SessionLog(status=SessionLog.START))
    return b"".join(frame(event.SerializeToString()) for event in ([version, start] if starts else [version]))


def checkpoint(time: float, state: Mapping[str, Any]) -> bytes:
    """Return an event that notes how far the file got. TensorBoard ignores it."""
    log = SessionLog(status=SessionLog.CHECKPOINT, checkpoint_path=msgspec.json.encode(state).decode())
    return frame(Event(wall_time=time or 1.0, session_log=log).SerializeToString())  # protocol buffers leave 0.0 out


def last_checkpoint(content: bytes | mmap.mmap) -> tuple[int, dict[str, Any] | None]:
    """Return where the last checkpoint of an event file ends, in bytes, and its content; 0 and None without one."""
    last, state = 0, None
    for end, data in intact_records(content):
        # The field `session_log` follows the wall time, which takes nine bytes, because checkpoints have no step.
        if data[9:10] == b"\x3a":
            try:
                log = Event.FromString(data).session_log
            except DecodeError:  # whatever it is, this sink did not write it
                continue
            if log.status == SessionLog.CHECKPOINT:
                last, state = end, msgspec.json.decode(log.checkpoint_path)
    return last, state


def intact_records(content: bytes | mmap.mmap) -> Iterator[tuple[int, bytes]]:
    """Yield the end of each record in the file and its data, up to the first record that is torn."""
    end = 0
    while end + _HEADER.size <= len(content):
        length, checksum = _HEADER.unpack_from(content, end)
        begin = end + _HEADER.size
        data = content[begin : begin + length]
        is_intact = checksum == masked_checksum(content[end : end + 8]) and len(data) == length
        end = begin + length + 4
        if not is_intact or content[end - 4 : end] != struct.pack("<I", masked_checksum(data)):
            return
        yield end, data


def _scan(fd: int) -> tuple[int, dict[str, Any] | None]:
    if not os.fstat(fd).st_size:  # an empty file cannot be mapped
        return 0, None
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as content:
        return last_checkpoint(content)


def _next_name(folder: Path) -> str:
    """Return a name that sorts after those of all event files in the folder, also of other writers."""
    names = [path.name.partition("tfevents.")[2][:10] for path in folder.glob("*tfevents.*")]
    latest = max((int(name) for name in names if name.isdigit()), default=0)
    host = "".join(
        character if character.isalnum() or character in "-_" else "-" for character in socket.gethostname()
    )
    return f"events.out.tfevents.{max(int(time()), latest + 1):010d}.{host}.{os.getpid()}.0{SUFFIX}"
