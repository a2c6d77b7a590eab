"""Packs the files that git neither tracks nor ignores into an archive."""

import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from autotrack.sidecar.capture.keeping import Keeper

MOST_FILES = 1000
"""More files than this are data or results and not code. To read them would take longer than many trainings."""

SOURCE_SUFFIXES = frozenset(".py .ipynb .toml .yaml .yml .cfg .ini .sh .pyx .c .cc .cpp .cu .h".split())


class Archive(NamedTuple):
    """A compressed tar file, or None if nothing is kept. The checksum also covers what was left out."""

    content: bytes | None
    sha256: str | None


def archive(files: Mapping[str, Path], keeper: Keeper, *, first: Collection[Path] = ()) -> Archive:
    """Pack files under the names that are their keys. Links stay links, and owners are not kept.

    Those that come `first` are packed first, then source code, then the rest, each from small to large, up to
    `MOST_FILES`.
    """
    order = sorted((_rank(path, first), name) for name, path in files.items())
    packed_names, left_out = order[:MOST_FILES], order[MOST_FILES:]
    digests: dict[str, bytes] = {}
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for _, name in packed_names:
            digests[name] = _add(tar, name, files[name], keeper)
        kept = len(tar.getmembers())
    for _, name in left_out:
        digests[name] = _digest_of_status(files[name])
    if left_out:
        keeper.left_out[f"{len(left_out):,} more untracked files"] = f"beyond the first {MOST_FILES:,} files"
    total = hashlib.sha256()
    for name in sorted(digests):
        total.update(name.encode(errors="surrogateescape") + b"\0" + digests[name])
    return Archive(packed.getvalue() if kept else None, total.hexdigest() if digests else None)


def _rank(path: Path, first: Collection[Path]) -> tuple[bool, bool, int]:
    try:
        size = path.lstat().st_size
    except OSError:
        size = 0
    return path not in first, path.suffix.lower() not in SOURCE_SUFFIXES, size


def _add(tar: tarfile.TarFile, name: str, path: Path, keeper: Keeper) -> bytes:
    """Add a file, and return a checksum that changes whenever the file does."""
    content = keeper.take(path, name)
    try:
        status = path.lstat()
    except OSError:
        return b""
    if content is None:  # it may be large, so it is not read
        return _digest_of_status(path)
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, content.decode(errors="surrogateescape")
        tar.addfile(info)
    else:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return hashlib.sha256(f"{status.st_mode} ".encode() + content).digest()


def _digest_of_status(path: Path) -> bytes:
    try:
        status = path.lstat()
    except OSError:
        return b""
    return hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode()).digest()
