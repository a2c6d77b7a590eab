"""What has arrived in an artifact store: a file beside the journal, one JSON object a line, only ever appended to."""

import os
from pathlib import Path

import msgspec

from autotrack.sinks.rest.artifact_streams import Seen


class Arrival(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that has arrived: its path in the run, its size, its time of modification, its checksum if it is known.

    What was never a file has no time.
    """

    path: str
    bytes: int
    mtime_ns: int | None = None
    sha256: str | None = None


class Ledger:
    """The arrivals that are noted in the file `path`, which need not be there yet; a later one of a path counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrived: dict[str, Arrival] = {}
        self._is_torn = False
        self._read()

    def get(self, path: str) -> Arrival | None:
        """Return what arrived last under a path."""
        return self._arrived.get(path)

    def has(self, path: str, seen: Seen) -> bool:
        """Whether a file arrived as it looks now."""
        found = self._arrived.get(path)
        return found is not None and (found.bytes, found.mtime_ns) == seen

    def bytes_besides(self, path: str) -> int:
        """Return how much has arrived, without what a new file of that path replaces."""
        return sum(one.bytes for one in self._arrived.values() if one.path != path)

    def add(self, arrival: Arrival) -> None:
        """Note that a file has arrived."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = (b"\n" if self._is_torn else b"") + msgspec.json.encode(arrival) + b"\n"
        with self._path.open("ab", buffering=0) as file:
            file.write(line)
        self._is_torn = False
        self._arrived[arrival.path] = arrival

    def _read(self) -> None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        self._is_torn = not content.endswith(b"\n")
        for line in content.splitlines():
            try:
                found = msgspec.json.decode(line, type=Arrival)
            except (msgspec.DecodeError, UnicodeDecodeError):  # torn: that file is uploaded again
                continue
            self._arrived[found.path] = found


def ledger_path(folder: Path, place: str) -> Path:
    """Return where the run in `folder` keeps what arrived in a place."""
    import hashlib  # only here

    return folder / "remote" / f"artifacts-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}.jsonl"
