"""Looks for the runs of a store, and at how each of them looks from outside."""

import os
from collections.abc import Iterator
from pathlib import Path

LATEST = "latest"
"""In the place of a run's name: the newest run."""


Seen = tuple[bytes, str]
"""A run as it looks from outside: its path in the store, and its stamp.

The stamp changes when `run.json` is replaced, or training records more. It is a plain tuple because there may be many.
"""


def scan(store: Path) -> Iterator[Seen]:
    """Yield every folder with a journal, at most two levels down. `store` may be a store, an experiment or a run.

    Links inside the store are not followed, because they could lead to files that have nothing to do with it. Folders
    whose names begin with a dot hold no runs.
    """
    top = os.fsencode(store)
    if (stamp := _stamp(top)) is not None:
        yield b".", stamp
        return
    for outer in _folders(top):
        path = b"%s/%s" % (top, outer)
        if (stamp := _stamp(path)) is not None:
            yield outer, stamp
            continue
        for inner in _folders(path):
            if (stamp := _stamp(b"%s/%s" % (path, inner))) is not None:
                yield b"%s/%s" % (outer, inner), stamp


def folder_in(store: bytes, name: bytes) -> bytes:
    """Return the folder of a run by its path in the store, as `scan` yields it."""
    return store if name == b"." else b"%s/%s" % (store, name)


def run_folders(store: Path) -> Iterator[Path]:
    """Yield the folders that `scan` finds."""
    for folder, _ in scan(store):
        yield store / os.fsdecode(folder)


def _folders(path: bytes) -> list[bytes]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.name[:1] != b"." and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _stamp(folder: bytes) -> str | None:
    """Return the stamp of a run; None for a folder that holds none."""
    try:
        journal = os.lstat(b"%s/journal/main.jsonl" % folder)
        recorded = f"{journal.st_size}.{journal.st_mtime_ns}"
    except OSError:
        if not os.path.isdir(b"%s/journal" % folder) or os.path.islink(b"%s/journal" % folder):  # noqa: PTH112, PTH114
            return None
        recorded = ""
    try:
        summary = os.lstat(b"%s/run.json" % folder)
    except OSError:
        return recorded
    return f"{recorded}/{summary.st_ino}.{summary.st_size}.{summary.st_mtime_ns}"
