"""Summaries of runs that go on: what has been read once is kept, so that looking again costs what is new.

A run that is being recorded, or whose process was killed together with its sidecar, has no `run.json` that is up to
date. Of large ones, what the records come to so far lies in the cache folder of the user, with how far the journals
were read. Losing it costs time only. Nothing is ever written into the run.
"""

import hashlib
import os
import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import time

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.files import write_atomically
from autotrack.journal.fold import Fold
from autotrack.journal.fold_state import FoldState
from autotrack.journal.own_folders import cache_folders, is_private
from autotrack.journal.reader import Progress, RunReader
from autotrack.journal.rewinds import read_rewinds
from autotrack.journal.run_folder import open_journal
from autotrack.journal.summary import Summary

_VERSION = 3
"""What another version of autotrack has kept is not read. It changes with anything that a `FoldState` has."""

_LEAST_BYTES = 2**20
"""To read less takes no longer than to look for what is kept."""

_MOST_BYTES = 2**26
_TAIL_BYTES = 256
_KEPT_SECONDS = 30 * 86400.0
_LOOKED_AT = 20


class _Journal(msgspec.Struct, frozen=True):
    """A journal as it was: which file, and the last bytes of what was read, which are never changed."""

    identity: tuple[int, int]
    progress: Progress
    tail: bytes


class _Kept(msgspec.Struct, frozen=True):
    version: int
    journals: dict[str, _Journal]
    state: FoldState


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


def summary_of_journals(folder: Path, sizes: Mapping[str, int], *, least_bytes: int = _LEAST_BYTES) -> Summary:
    """Return what the journals of a run come to; `sizes` are their bytes. Memory does not grow with the training.

    What is new is kept from `least_bytes` on.

    Raises `OSError`, and `JournalFormatError` for a run that a newer version has recorded.
    """
    is_large = sum(sizes.values()) >= least_bytes
    path = _path(folder) if is_large else None
    kept = _read(path, folder) if path is not None else None
    if kept is not None:
        fold, progress = Fold.resume(kept.state), {name: one.progress for name, one in kept.journals.items()}
    else:
        fold, progress = Fold(keep_points=False), {}
    reader = RunReader(folder, progress=progress)
    begun = {name: one.offset for name, one in progress.items()}
    _take_all(reader, fold)
    if fold.is_stale:  # training has gone back to a checkpoint: read everything again, now knowing that
        fold, reader = Fold(keep_points=False, rewinds=read_rewinds(folder)), RunReader(folder)
        _take_all(reader, fold)
    position = reader.position()
    if path is not None and sum(position.offsets.values()) - sum(begun.values()) >= least_bytes:
        with suppress(OSError, AutotrackError, OverflowError):  # OverflowError: integers beyond 64 bits
            _write(path, folder, reader, fold)
    fold.left_out(position.left_out)
    return fold.summary()


def _take_all(reader: RunReader, fold: Fold) -> None:
    for rank, batch in reader:
        fold.add(batch, rank=rank)


def _path(folder: Path) -> Path | None:
    """Return where the fold of a run is kept, in a folder that nobody else writes to; None if there is none."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:24]
    for place in map(Path, cache_folders("folds")):
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_private(place) and os.access(place, os.W_OK):
                return place / f"{name}.msgpack"
    return None


def _read(path: Path, folder: Path) -> _Kept | None:
    """Return what is kept of a run; None for nothing, or nothing that fits the journals as they are."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        kept = _decode(path.read_bytes())
        is_valid = kept.version == _VERSION and all(
            _seen(folder, name, one.progress) == one for name, one in kept.journals.items()
        )
    except (OSError, AutotrackError, msgspec.DecodeError):
        return None
    return kept if is_valid else None


def _write(path: Path, folder: Path, reader: RunReader, fold: Fold) -> None:
    state, progress = fold.state(), reader.progress()
    if state is None or progress is None:
        return
    content = _encode(_Kept(_VERSION, {name: _seen(folder, name, one) for name, one in progress.items()}, state))
    if len(content) > _MOST_BYTES:
        return
    if not path.exists():
        _remove_unused(path.parent)
    write_atomically(path, content)


def _seen(folder: Path, name: str, progress: Progress) -> _Journal:
    """Return how a journal looks now, up to where it was read."""
    fd = open_journal(folder / "journal" / name)
    try:
        status = os.fstat(fd)
        begin = max(progress.offset - _TAIL_BYTES, 0)
        tail = os.pread(fd, progress.offset - begin, begin)
    finally:
        os.close(fd)
    return _Journal((status.st_dev, status.st_ino), progress, tail)


def _remove_unused(place: Path) -> None:
    """Remove what nobody has looked at for weeks. Only some are looked at each time."""
    paths = list(place.iterdir())
    for path in random.Random().sample(paths, min(_LOOKED_AT, len(paths))):  # noqa: S311  no secret
        with suppress(OSError):
            if time() - path.stat().st_mtime > _KEPT_SECONDS:
                path.unlink()
