"""Sends the files of a run, and everything that is sent in the form of a file."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact
from autotrack.journal.run_folder import file_status
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.artifact_streams import SourceLost
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Refused
from autotrack.sinks.rest.cursor import Cursor
from autotrack.sinks.rest.documents import Document

_ONE_FILE = (400, 409, 411, 413, 414, 415, 422, 500)
"""Statuses of refusals that may concern one file only: it is too large, or its name is not allowed."""

_OUTPUT = "output.log"


class Uploads:
    """Sends files to the artifact store of a run, each once, which `cursor` remembers.

    `on_problem` is told what could not be sent. When the store takes nothing at all, the rest is left for another
    time, and the cursor is not `complete`. After the time `until`, on the clock of `time.monotonic`, no further file
    is begun, and `has_left` becomes True if there are any. The first file is always sent.
    """

    def __init__(
        self, store: ArtifactStore, cursor: Cursor, on_problem: Callable[[str], None], *, until: float | None = None
    ) -> None:
        self.has_left = False
        self._has_begun = False
        self._until = until
        self._store = store
        self._cursor = cursor
        self._on_problem = on_problem

    def documents(self, documents: Iterable[Document]) -> None:
        """Make and send files, except those that are the same as when they were sent."""
        for document in documents:
            self._once(document.path, document.made_of, partial(self._make, document))

    def files(self, folder: Path, summary: Summary) -> None:
        """Send the artifacts, the captured environment, and at the end of the run its output."""
        upload = self._upload_passing if summary.status == "running" else self._upload
        for artifact in summary.artifacts:
            path = artifact.path
            self._once(path, _version(artifact), partial(upload, folder, path))
        for path, status in _derived(folder, summary):
            self._once(path, [status.st_size, status.st_mtime_ns], partial(self._upload, folder, path))

    def _upload(self, folder: Path, path: str) -> None:
        try:
            self._store.upload(folder / path, own_name(path), below=folder)
        except FileNotFoundError:
            self._on_problem(f"{path} was not sent: it is no longer there")

    def _upload_passing(self, folder: Path, path: str) -> None:
        """Upload a file of a run that goes on. Checkpoints come and go: later records tell what became of them."""
        left = list[str]()
        try:
            self._store.upload(folder / path, path, below=folder, on_left_out=left.append)
        except FileNotFoundError:
            left.append(f"{path} is not there")
        if left:
            raise SourceLost(left[0])

    def _make(self, document: Document) -> None:
        try:
            content = document.content()
        except Exception as fault:  # noqa: BLE001  a plot of whatever the user logged, drawn by matplotlib
            self._on_problem(f"{document.path} could not be made: {type(fault).__name__}: {fault}")
            return
        if content is not None:
            self._store.upload_bytes(content, document.path)

    def _once(self, path: str, version: Any, upload: Callable[[], None]) -> None:
        key = f"file {path}"
        if self._cursor.lacks(key, version) and self._attempt(path, upload):
            self._cursor.has(key, version)

    def _attempt(self, path: str, upload: Callable[[], None]) -> bool:
        """Upload one file. Returns False when it has to be tried again, and True also when it can never be sent."""
        if not self._cursor.complete or self._is_over():
            return False
        try:
            upload()
        except Unreachable:
            raise
        except SourceLost:
            return False
        except Refused as refused:
            self._on_problem(f"{path} was not sent: {refused}")
            if refused.status not in _ONE_FILE:
                self._cursor.complete = False
        except (OSError, AutotrackError) as fault:
            self._on_problem(f"{path} was not sent: {type(fault).__name__}: {fault}")
        return self._cursor.complete

    def _is_over(self) -> bool:
        self.has_left |= self._has_begun and self._until is not None and monotonic() >= self._until
        self._has_begun = True
        return self.has_left


def _version(artifact: Artifact) -> list[object]:
    return [artifact.bytes, artifact.sha256, artifact.time]


def _derived(folder: Path, summary: Summary) -> Iterator[tuple[str, os.stat_result]]:
    output = [_OUTPUT] if summary.status != "running" else []
    for path in [*summary.environment_files, *output]:
        with suppress(OSError, AutotrackError):  # it is not there, or it leads elsewhere
            yield path, file_status(folder, path)
