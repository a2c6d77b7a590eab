"""What servers still have to be given of a run, because they did not take it.

A sink ticks nothing off that has not arrived. It keeps what was refused, with the reason, in a file below `remote/` in
the run folder, and tries it again whenever the run is sent the next time. Here everybody else can ask what is owed,
without the libraries that talk to servers.
"""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from autotrack.errors import AutotrackError
from autotrack.format import some
from autotrack.journal.own_folders import is_private, own_folders
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.starts import starts_in

FOLDER = "remote"

_NAMED = 2
"""How many things of a kind are named in a sentence; the others are counted."""

MOST_BYTES = 2**26


class Owed(msgspec.Struct):
    """What one server has not taken of a run.

    Attributes:
        refused: Why a thing was not taken, by what it is: a kind and a name, such as `file model/a.bin`.
        broken_off: Why the last transfer ended before everything was sent; empty if it did not.
    """

    refused: dict[str, str] = {}
    broken_off: str = ""

    def __bool__(self) -> bool:
        return bool(self.refused or self.broken_off)

    def sentences(self) -> Iterator[str]:
        """Yield what is owed and why, in a few words for each kind of thing and reason.

        >>> list(Owed({"file a": "too large", "file b": "too large", "param lr": "not allowed"}).sentences())
        ['2 files (a, b): too large', 'param lr: not allowed']
        """
        for (kind, reason), names in self.by_reason().items():
            yield f"{counted(kind, names)}: {reason}"
        if self.broken_off:
            yield f"the transfer was broken off: {self.broken_off}"

    def by_reason(self) -> Mapping[tuple[str, str], list[str]]:
        """Return the names of the things, by their kind and the reason.

        Reasons that differ after the first colon are one, since servers quote there what they were sent.
        """
        first: dict[tuple[str, str], str] = {}
        grouped: dict[tuple[str, str], list[str]] = {}
        for what, reason in self.refused.items():
            kind, _, name = what.partition(" ")
            alike = first.setdefault((kind, in_short(reason)), reason)
            grouped.setdefault((kind, alike), []).append(name)
        return grouped


def in_short(reason: str) -> str:
    """Return what reasons have in common that differ only in what they quote."""
    return reason.partition(": ")[0]


def counted(kind: str, names: list[str]) -> str:
    """Return things of a kind in a few words.

    >>> counted("file", ["model/a.bin"]), counted("point", ["loss at step 3", "loss at step 4", "acc at step 4"])
    ('file model/a.bin', '3 points (loss at step 3, loss at step 4 and 1 more)')
    """
    if len(names) == 1:
        return f"{kind} {names[0]}"
    return f"{len(names)} {kind}s ({some(names, _NAMED)})"


class _Kept(msgspec.Struct):
    """The part of a file below `remote/` that matters here."""

    url: str
    run_id: str = ""
    complete: bool = True
    owed: Owed = msgspec.field(default_factory=Owed)


def owed_by_server(folder: Path) -> dict[str, Owed]:
    """Return what is owed of the run in `folder`, by the URLs of the servers. What cannot be read is passed over.

    A server that has never taken anything of the run, and that the run does not name, is owed nothing: somebody has
    once mistyped its URL.
    """
    return {
        kept.url: kept.owed for kept in _kept_of(folder) if kept.owed and (kept.run_id or is_named(kept.url, folder))
    }


def is_named(url: str, folder: Path) -> bool:
    """Return whether the run in `folder` names a server itself, with its last start."""
    try:
        starts = starts_in(folder / "journal" / "main.jsonl")
    except (OSError, AutotrackError):
        return False
    return bool(starts) and url in starts[-1].destinations


def servers_with(folder: Path) -> list[str]:
    """Return the servers that have taken something of the run or the registered model in `folder`, as it says."""
    return [kept.url for kept in _kept_of(folder) if kept.run_id]


def without_delivery(folder: Path, urls: Collection[str]) -> list[str]:
    """Return those of the servers at `urls` under which nothing says that the run in `folder` has arrived."""
    arrived = {kept.url for kept in _kept_of(folder) if kept.run_id and kept.complete} if urls else set()
    return [url for url in urls if url not in arrived]


def _kept_of(folder: Path) -> Iterator[_Kept]:
    """Yield what is kept for each server; for a run that may only be read, in two places."""
    seen: set[str] = set()
    for place in dict.fromkeys((remote_folder(folder), folder / FOLDER)):
        for kept in _kept_in(place):
            if kept.url not in seen:
                seen.add(kept.url)
                yield kept


def _kept_in(place: Path) -> Iterator[_Kept]:
    try:
        names = os.listdir(place)  # noqa: PTH208  quick, because runs are many
    except OSError:
        return
    for name in sorted(name for name in names if name.endswith(".json")):
        try:
            content = read_bytes(place.parent, f"{place.name}/{name}", limit_bytes=MOST_BYTES)
            yield msgspec.json.decode(content, type=_Kept)
        except (OSError, AutotrackError, msgspec.MsgspecError, RecursionError):
            continue


def remote_folder(folder: Path) -> Path:
    """Return where to keep how much of the run in `folder` each server has.

    That is `remote/` in the run folder, or a folder of this user if the run may only be read.
    """
    if os.access(folder, os.W_OK):
        return folder / FOLDER
    name = f"{folder.name[:60]}-{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:12]}"
    places = [Path(place) for place in own_folders("sent")]
    usable = [place for place in places if is_private(place) or _can_be_made(place)]
    return (usable or places)[0] / name / FOLDER


def _can_be_made(place: Path) -> bool:
    """Return whether a private folder can be made there, which also makes it."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return is_private(place)
