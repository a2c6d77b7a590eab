"""What has arrived in an artifact store: an append-only file beside the journal, with one JSON object a line."""

import hashlib
import os
from pathlib import Path

import msgspec

from autotrack.journal.run_folder import make_folders, open_file, read_bytes
from autotrack.sinks.owed import FOLDER, MOST_BYTES, remote_folder
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
    """The arrivals noted in the file `name` of a run, which need not exist yet. The latest arrival of a path counts.

    `folder` is that of the run, or one of this user that stands for it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
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
        self._folder.mkdir(parents=True, exist_ok=True)
        make_folders(self._folder, self._name)
        line = (b"\n" if self._is_torn else b"") + msgspec.json.encode(arrival) + b"\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(open_file(self._folder, self._name, flags), "ab", buffering=0) as file:
            file.write(line)
        self._is_torn = False
        self._arrived[arrival.path] = arrival

    def _read(self) -> None:
        try:
            content = read_bytes(self._folder, self._name, limit_bytes=MOST_BYTES)
        except FileNotFoundError:
            return
        self._is_torn = not content.endswith(b"\n")
        for line in content.splitlines():
            try:
                arrival = msgspec.json.decode(line, type=Arrival)
            except (msgspec.DecodeError, UnicodeDecodeError):  # a torn line: that file is uploaded again
                continue
            self._arrived[arrival.path] = arrival


def ledger_place(folder: Path, store: str) -> tuple[Path, str]:
    """Return where the ledger of an artifact store is for the run in `folder`, as `Ledger` takes it."""
    name = f"{FOLDER}/artifacts-{hashlib.sha256(os.fsencode(store)).hexdigest()[:12]}.jsonl"
    return remote_folder(folder).parent, name
