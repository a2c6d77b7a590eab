"""What has arrived in an artifact store: an append-only file beside the journal, with one JSON object a line."""

import hashlib
import os
from pathlib import Path

import msgspec

from autotrack.sinks.owed import remote_folder
from autotrack.sinks.rest.artifact_streams import Version


class Arrival(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that has arrived: its path in the run, its size, its modification time, and its checksum if it is known.

    Content that was never a file has no modification time.
    """

    path: str
    bytes: int
    mtime_ns: int | None = None
    sha256: str | None = None


class Ledger:
    """The arrivals noted in the file `path`, which need not exist yet. The latest arrival of a path counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrived: dict[str, Arrival] = {}
        self._is_torn = False
        self._read()

    def get(self, path: str) -> Arrival | None:
        """Return the latest arrival of a path."""
        return self._arrived.get(path)

    def has(self, path: str, version: Version) -> bool:
        """Return whether a file has arrived in its present version."""
        arrival = self._arrived.get(path)
        return arrival is not None and (arrival.bytes, arrival.mtime_ns) == version

    def bytes_besides(self, path: str) -> int:
        """Return how many bytes have arrived, without those that a new file at this path replaces."""
        return sum(arrival.bytes for arrival in self._arrived.values() if arrival.path != path)

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
                arrival = msgspec.json.decode(line, type=Arrival)
            except (msgspec.DecodeError, UnicodeDecodeError):  # a torn line: that file is uploaded again
                continue
            self._arrived[arrival.path] = arrival


def ledger_path(folder: Path, store: str) -> Path:
    """Return the path of the ledger of an artifact store, for the run in `folder`."""
    return remote_folder(folder) / f"artifacts-{hashlib.sha256(os.fsencode(store)).hexdigest()[:12]}.jsonl"
