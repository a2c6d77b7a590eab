"""Which servers this user has named: those that trainings of theirs sent runs to, kept in the user's state folder.

A journal names servers as well, but somebody else may have written it. So `autotrack sync` asks here whether a server
that a run names has ever been the destination of a training of this user.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from autotrack.destinations import is_remote, without_credentials
from autotrack.journal.own_folders import is_private, own_folders

_MOST_BYTES = 2**16
"""What is remembered stays below this, with what was named last."""


def remember(destinations: Iterable[str]) -> None:
    """Remember the servers among the destinations of a training. Where no disk takes that, `sync` asks once more."""
    if servers := frozenset(without_credentials(url) for url in destinations if is_remote(url)):
        _remember(servers, tuple(own_folders("servers")))


def named_servers() -> set[str]:
    """Return the servers that trainings of this user have sent runs to, without credentials."""
    return {server for place in own_folders("servers") for server in _read(Path(place))}


@lru_cache(maxsize=8)  # a process may begin ten thousand runs with the same destinations
def _remember(servers: frozenset[str], places: Sequence[str]) -> None:
    known = named_servers()
    for place in map(Path, places if servers - known else ()):
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_private(place):
                _append(place / "named", "".join(f"{url}\n" for url in sorted(servers - known)))
                return


def _read(place: Path) -> Iterator[str]:
    if is_private(place):
        with suppress(OSError), (place / "named").open("rb") as file:
            yield from file.read(2 * _MOST_BYTES).decode(errors="replace").splitlines()


def _append(path: Path, lines: str) -> None:
    with path.open("a+b") as file:
        if file.tell() > _MOST_BYTES:
            file.seek(-_MOST_BYTES // 2, os.SEEK_END)
            file.readline()
            kept = file.read()
            file.truncate(0)
            file.write(kept)
        file.write(lines.encode(errors="replace"))
