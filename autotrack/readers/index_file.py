"""Where the index of a store is kept, and for how long."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from time import time

from autotrack.journal.own_folders import cache_folders, is_private

_VERSION = 1
"""Part of the file's name: what another version of autotrack has indexed is not read."""

_KEPT_SECONDS = 100 * 86400.0


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
    """Remove the indexes of stores that are gone, and of those that nobody has looked at for months."""
    for named in place.glob("*.store"):
        with suppress(OSError):
            store = os.fsdecode(named.read_bytes())
            indexes = list(place.glob(f"{named.stem}.*.sqlite"))
            is_old = all(time() - path.stat().st_mtime > _KEPT_SECONDS for path in indexes)
            if is_old or not os.path.isdir(store):  # noqa: PTH112  quick, because stores may be many
                for path in (*indexes, named):
                    path.unlink()
