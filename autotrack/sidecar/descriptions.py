"""Describes a file or folder of data so that it can be told later whether it is still the same."""

import hashlib
import os
import stat
from collections.abc import Iterator
from time import monotonic
from typing import Any

_WHOLE_BYTES = 5 * 10**7
_SAMPLED_BYTES = 10**6
_MOST_NAMES = 5000
_SECONDS = 1.0


def description(path: str, status: os.stat_result) -> dict[str, Any]:
    """Return the size, the modification time and the fingerprint of a file. Raises `OSError`.

    The fingerprint of a large file is of its size, its head and its tail; it is `sampled` then.
    """
    facts = {"bytes": status.st_size, "modified": round(status.st_mtime, 6)}
    with open(path, "rb") as file:  # noqa: PTH123  any text
        if status.st_size <= _WHOLE_BYTES:
            return {**facts, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        digest = hashlib.sha256(str(status.st_size).encode() + file.read(_SAMPLED_BYTES))
        file.seek(-_SAMPLED_BYTES, os.SEEK_END)
        digest.update(file.read(_SAMPLED_BYTES))
    return {**facts, "sampled": digest.hexdigest()}


def folder_description(path: str) -> dict[str, Any] | None:
    """Return how many files a folder has, their size, when the latest was modified, and what they are called.

    The `listing` is a fingerprint of their names and sizes. None for a folder with no files, or with so many that it
    would take long.
    """
    digest, count, size, latest = hashlib.sha256(), 0, 0, 0.0
    until = monotonic() + _SECONDS
    for name, status in files_below(path):
        count, size, latest = count + 1, size + status.st_size, max(latest, status.st_mtime)
        if count > _MOST_NAMES or monotonic() > until:
            return None
        digest.update(os.fsencode(f"{name}\0{status.st_size}\0"))
    if not count:
        return None
    return {"files": count, "bytes": size, "modified": round(latest, 6), "listing": digest.hexdigest()}


def files_below(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files below a folder in a steady order, by their paths in it, without hidden ones and code."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(os.path.join(path, below)) as listing:  # noqa: PTH118  any text
                entries = sorted((entry for _, entry in zip(range(_MOST_NAMES + 1), listing, strict=False)), key=_name)
        except OSError:
            continue
        folders = []
        for entry in entries:
            name = os.path.join(below, entry.name)  # noqa: PTH118  any text
            try:
                status = entry.stat(follow_symlinks=True)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
            except OSError:  # a link to nowhere, or a file that has just been removed
                continue
            if stat.S_ISREG(status.st_mode) and not entry.name.startswith(".") and not entry.name.endswith(NO_DATA):
                yield name, status
        waiting += reversed([name for name in folders if not _name_of(name).startswith((".", "__"))])


NO_DATA = (".py", ".pyc", ".pyi", ".ipynb", ".so", ".pyd", ".log", ".lock", ".pid")
"""How names of files end that are code, or say how a process is getting on."""


def _name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _name_of(path: str) -> str:
    return path.rpartition(os.sep)[2]
