"""Where the index of a store is kept, and for how long."""

import hashlib
import os
import random
from contextlib import suppress
from pathlib import Path
from time import time

from autotrack.journal.own_folders import cache_folders, is_private

_VERSION = 6
"""Part of the file's name: what another version of autotrack has indexed is not read."""

_KEPT_SECONDS = 100 * 86400.0
_LOOKED_AT = 20


def index_file(store: Path) -> Path | None:
    """Return where the index of a store is kept, in a folder that nobody else writes to; None if there is none."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:24]
    for place in map(Path, cache_folders("index")):
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_private(place) and os.access(place, os.W_OK):
                path = place / f"{name}.{_VERSION}.sqlite"
                if not path.exists():
                    _remove_unused(place)
                    (place / f"{name}.store").write_bytes(os.fsencode(store))
                path.touch(mode=0o600)
                return path
    return None


def _remove_unused(place: Path) -> None:
    """Remove the indexes of stores that are gone, and of those that nobody has looked at for months.

    Only some are looked at each time, so that a new store costs the same however many there are.
    """
    files: dict[str, list[Path]] = {}
    for path in place.iterdir():
        files.setdefault(path.name.split(".", maxsplit=1)[0], []).append(path)
    for key in random.Random().sample(sorted(files), min(_LOOKED_AT, len(files))):  # noqa: S311  no secret
        with suppress(OSError):
            if not _is_used(place / f"{key}.store", files[key]):
                for path in files[key]:
                    path.unlink()


def _is_used(named: Path, files: list[Path]) -> bool:
    youngest = max(path.stat().st_mtime for path in files)
    return time() - youngest <= _KEPT_SECONDS and os.path.isdir(named.read_bytes())  # noqa: PTH112  it may be no text
