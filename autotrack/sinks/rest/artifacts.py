"""Uploads the files of a run to where its tracking server wants them, each version once."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from autotrack.errors import AutotrackError
from autotrack.journal.files import safe_relative_path
from autotrack.journal.run_folder import files_below
from autotrack.sinks.rest.artifact_ledger import Arrival, Ledger, ledger_place
from autotrack.sinks.rest.artifact_proxy import ProxyStore
from autotrack.sinks.rest.artifact_streams import (
    BytesSource,
    FileSource,
    Source,
    SourceChanged,
    SourceLost,
    Throttle,
)
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.stores import DirectStore

_ROUNDS = 4
"""How often a file is uploaded when it changes meanwhile or does not arrive completely."""

_OF_ONE_FILE = (400, 409, 411, 413, 414, 415, 422, 500)
"""Statuses of refusals that mean nothing for other files."""

_MOST_FAILED = 3
"""How many files of a folder the store may fail at; each takes a while."""

_MOST_UNVERIFIED, _MOST_UNVERIFIED_BYTES = 200, 2**26


class OverBudget(AutotrackError):  # noqa: N818  a state of the store
    """The user does not want the run to take so much space."""


class _Store(Protocol):
    """Where artifacts are kept."""

    def put(self, source: Source, path: str) -> None:
        """Store content under a path, all of it or nothing."""

    def sizes(self, folder: str) -> dict[str, int] | None:
        """Return the size of each file directly in a folder, by name; None where that cannot be told."""

    def name_of(self, path: str) -> str:
        """Return the path under which the store will have a file."""


@dataclass
class _Sent:
    """Files that were sent, by path. It is not known yet whether they have arrived."""

    sources: dict[str, FileSource] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(source.size for source in self.sources.values())

    @property
    def is_full(self) -> bool:
        return len(self.sources) >= _MOST_UNVERIFIED or self.bytes >= _MOST_UNVERIFIED_BYTES


class ArtifactStore:
    """The artifact store of the run in `folder`.

    What has arrived is noted in `<folder>/remote/`, so a file that has not changed is not uploaded again. Once the
    client's `stop` is set, uploads raise `Unreachable`.

    Args:
        client: The tracking server.
        artifact_uri: Where the tracking server wants the artifacts. `mlflow-artifacts:` and `http(s):` go through the
            server, all others straight to the storage, through fsspec.
        folder: The run folder.
        bytes_per_second: Limits the speed.
        most_bytes: How much space the run's files may take there. What exceeds it is left out.
        part_bytes: Larger files are sent in parts, where the server offers that.
        on_problem: Told in a sentence, once each, what was uploaded under another name.
    """

    def __init__(
        self,
        client: Client,
        artifact_uri: str,
        *,
        folder: Path,
        bytes_per_second: float | None = None,
        most_bytes: int | None = None,
        part_bytes: int = 2**24,
        on_problem: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._uri = artifact_uri
        self._most_bytes = most_bytes
        self._part_bytes = part_bytes
        self._on_problem = on_problem
        self._reported: set[str] = set()
        self._throttle = Throttle(bytes_per_second, stop=client.stop)
        self._keeps, name = ledger_place(folder, f"{client.url} {artifact_uri}")
        self._ledger = Ledger(self._keeps, name)
        self._parts_name = f"{name.removesuffix('.jsonl')}.parts"
        self._opened: _Store | None = None

    def upload(
        self,
        source: Path,
        path: str,
        *,
        below: Path | None = None,
    ) -> dict[str, AutotrackError]:
        """Upload a file, or every file in a folder, under `path` (relative, with slashes).

        With `below`, the source is a file of the run in that folder. Only regular files in it are opened, and links
        are not followed.

        Another call goes on where this one stopped.

        Returns:
            Why files were left out, by their paths: `SourceLost` and `SourceChanged` for those that are gone or keep
            changing, `OverBudget`, and `Refused` for those of a folder that the store does not take.

        Raises:
            Refused: The store does not take it.
            Unreachable: We were told to stop before it was complete.
            AutotrackError: The path leads out of the run.
        """
        todo = dict(self._files(source, str(safe_relative_path(path)), below))
        left: dict[str, AutotrackError] = {}
        for _ in range(_ROUNDS):
            todo = self._upload_all(todo, below, left)
            if not todo:
                return left
        why = "it kept changing while it was uploaded, or did not arrive completely"
        return left | {path: SourceChanged(f"{path}: {why}") for path in todo}

    def upload_bytes(self, content: bytes, path: str) -> None:
        """Upload content under `path`, whatever the budget. Raises the same errors as `upload`."""
        path, sha256 = str(safe_relative_path(path)), hashlib.sha256(content).hexdigest()
        arrival = self._ledger.get(path)
        if arrival is not None and arrival.sha256 == sha256:
            return
        for _ in range(_ROUNDS):
            self._put(BytesSource(content), path)
            if path in self._whole({path: len(content)}):
                self._ledger.add(Arrival(path, len(content), sha256=sha256))
                return
        raise Refused(f"{self._uri} did not keep {path} completely")

    def _files(self, source: Path, path: str, below: Path | None) -> Iterator[tuple[str, Path]]:
        if below is not None:
            name = source.relative_to(below).as_posix()
            yield from ((f"{path}{file.removeprefix(name)}", below / file) for file in files_below(below, name))
            return
        if not source.is_dir():
            yield path, source
            return
        for parent, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                file = Path(parent, name)
                if file.is_file():  # not a pipe, which would block
                    yield str(safe_relative_path(f"{path}/{file.relative_to(source).as_posix()}")), file

    def _upload_all(
        self, todo: dict[str, Path], below: Path | None, left: dict[str, AutotrackError]
    ) -> dict[str, Path]:
        """Upload files, and add those that are `left` out. Returns those that have to be uploaded again."""
        again: dict[str, Path] = {}
        sent = _Sent()
        for path, file in todo.items():
            try:
                self._upload_one(path, file, below, sent)
            except SourceChanged:
                again[path] = file
            except (SourceLost, OverBudget) as reason:
                left[path] = reason
            except Refused as refusal:
                failed = sum(isinstance(fault, Refused) and fault.status == 500 for fault in left.values())
                if len(todo) == 1 or refusal.status not in _OF_ONE_FILE or failed >= _MOST_FAILED:
                    raise
                left[path] = refusal
            if sent.is_full:
                again |= self._verify(sent)
                sent = _Sent()
        return again | self._verify(sent)

    def _upload_one(self, path: str, file: Path, below: Path | None, sent: _Sent) -> None:
        source = FileSource(file, below=below, throttle=self._throttle)
        if self._ledger.has(path, source.version) or self._is_the_same(path, source):
            return
        if self._most_bytes is not None:
            taken = self._ledger.bytes_besides(path) + sent.bytes
            if taken + source.size > self._most_bytes:
                raise OverBudget(f"the limit of {self._most_bytes / 1e6:g} MB for the files of a run (upload_mb)")
        self._put(source, path)
        sent.sources[path] = source

    def _is_the_same(self, path: str, source: FileSource) -> bool:
        """Return whether only the modification time differs, as after a store was copied; if so, note that."""
        arrival = self._ledger.get(path)
        if arrival is None or arrival.sha256 is None or arrival.bytes != source.version.bytes:
            return False
        if source.digest() != arrival.sha256 or source.look() != source.version:
            return False
        self._ledger.add(Arrival(path, *source.version, arrival.sha256))
        return True

    def _verify(self, sent: _Sent) -> dict[str, Path]:
        """Note what has arrived completely. Returns what has not, or has changed since."""
        whole = self._whole({path: source.size for path, source in sent.sources.items()})
        again = {}
        for path, source in sent.sources.items():
            if path in whole:
                self._ledger.add(Arrival(path, *source.version, source.sha256))
            try:
                if path not in whole or source.look() != source.version:
                    again[path] = source.path
            except SourceLost:  # removed after it arrived
                continue
        return again

    def _whole(self, expected: dict[str, int]) -> set[str]:
        """Return the paths under which the store has as many bytes as expected, or does not tell."""
        listed: dict[str, dict[str, int] | None] = {}
        complete = set()
        for path, size in expected.items():
            name = PurePosixPath(self._store.name_of(path))
            folder = str(name.parent)
            if folder not in listed:
                listed[folder] = self._store.sizes(folder)
            sizes = listed[folder]
            if sizes is None or sizes.get(name.name) == size:
                complete.add(path)
        return complete

    def _put(self, source: Source, path: str) -> None:
        name = self._store.name_of(path)
        if name != path:
            self._report(f"{path} is called {name} there, because the tracking server would change its name")
        self._store.put(source, name)

    @property
    def _store(self) -> _Store:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> _Store:
        if self._uri.startswith(("mlflow-artifacts:", "http://", "https://")):
            return ProxyStore(
                self._client,
                self._uri,
                throttle=self._throttle,
                keeps=(self._keeps, self._parts_name),
                part_bytes=self._part_bytes,
            )
        return DirectStore(self._client, self._uri, throttle=self._throttle, on_problem=self._on_problem)

    def _report(self, sentence: str) -> None:
        if sentence not in self._reported:
            self._reported.add(sentence)
            self._on_problem(sentence)
