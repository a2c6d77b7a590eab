"""Files and folders that hold data: identified by names, sizes and a bounded part of their content."""

import os
import stat
from collections.abc import Sequence
from hashlib import blake2b

from autotrack.training.observe.data.fingerprint import Deadline, Identity, Part

_MOST_NAMES = 2000
"""After this many names in a folder and its subfolders, no further folder is listed."""

_MOST_SIZES = 200
"""How many sizes of files are read. That takes a while if the disk has to be asked."""

_SAMPLED_BYTES = 4096


def path_part(name: str, path: str) -> Part | None:
    """Describe a file or folder by its content alone, wherever it is; None if there is neither.

    A file of up to the budget is read completely, a larger one at its head and its tail.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - any text, which may be no path at all
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(status.st_mode):
        return Part(name=name, dtype="folder", whole=False, identify=lambda deadline: _identify_folder(path, deadline))
    if not stat.S_ISREG(status.st_mode):  # opening a pipe or a device could wait, or take something from it
        return Part(name=name, dtype="special file", whole=False)
    return Part(
        name=name,
        dtype="file",
        shape=(status.st_size,),
        size_bytes=status.st_size,
        units=status.st_size,
        read=lambda start, stop: _read(path, start, stop),
        most_pieces=2,
    )


def identify_files(paths: Sequence[str], deadline: Deadline) -> Identity:
    """Digest the size and the first bytes of some files, in order."""
    hasher = blake2b(digest_size=16)
    for path in paths:
        deadline.check()
        part = path_part("", path)
        content = part.read(0, _SAMPLED_BYTES) if part and part.read else None
        hasher.update(repr((part and part.size_bytes, content)).encode())
    return Identity(hasher.digest())


def _read(path: str, start: int, stop: int) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as it was given
            file.seek(start)
            return file.read(stop - start)
    except OSError:
        return None


def _identify_folder(path: str, deadline: Deadline) -> Identity | None:
    """Digest what a folder holds, level by level: names, and the sizes of the first files."""
    hasher, sizes, names = blake2b(digest_size=16), list[int](), 0
    folders = [("", path)]
    for relative, folder in folders:  # grows while it is walked
        if names >= _MOST_NAMES:
            return Identity(hasher.digest())
        for entry in _entries(folder, deadline):
            names += 1
            size = None
            if entry.is_dir(follow_symlinks=False):  # a link to a folder may lead round in a circle
                folders.append((f"{relative}/{entry.name}", entry.path))
            elif len(sizes) < _MOST_SIZES:
                deadline.check()
                size = _size_bytes(entry)
                sizes.append(size)
            hasher.update(ascii((relative, entry.name, size)).encode())
    files = names - (len(folders) - 1)
    return Identity(hasher.digest(), sum(sizes) if len(sizes) == files else None)


def _entries(folder: str, deadline: Deadline) -> list["os.DirEntry[str]"]:
    entries: list[os.DirEntry[str]] = []
    deadline.check()
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                entries.append(entry)
                if len(entries) % 256 == 0:
                    deadline.check()
    except OSError:  # unreadable, or gone
        return []
    return sorted(entries, key=lambda entry: entry.name)


def _size_bytes(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat().st_size
    except OSError:  # a link to nowhere, or a file that is gone
        return 0
