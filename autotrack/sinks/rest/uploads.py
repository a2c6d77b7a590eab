"""Sends the files of a run, and everything that is sent in the form of a file."""

import os
from collections.abc import Callable, Container, Iterable, Iterator
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
from autotrack.sinks.rest.artifact_streams import SourceChanged, SourceLost
from autotrack.sinks.rest.artifacts import ArtifactStore, OverBudget
from autotrack.sinks.rest.client import Refused
from autotrack.sinks.rest.content_check import ContentChanged, check_content
from autotrack.sinks.rest.documents import Document
from autotrack.sinks.rest.refusals import Attempts

_ONE_FILE = (400, 409, 411, 413, 414, 415, 422)
"""Statuses of refusals that may concern one file only: it is too large, or its name is not allowed."""

_MOST_IN_A_ROW = 3
"""When so many files in a row are refused for another reason, the rest is not even tried."""

_OUTPUT = "output.log"


_COMES_LATER = "a later record tells what became of it"


class _LeftOutError(AutotrackError):
    """Files of a run that has ended were not sent."""


class Uploads:
    """Sends files to the artifact store of a run, each once.

    What the store does not take stays owed, and hinders nothing else. Files that were refused an earlier time come
    last, in `try_refused_again`, so that the same few cannot keep others from being tried each time.

    `on_problem` is told what can never be sent. After the time `until`, on the clock of `time.monotonic`, no further
    file is begun, and `has_left` becomes True if there are any. The first file is always sent.
    """

    def __init__(
        self,
        store: ArtifactStore,
        attempts: Attempts,
        on_problem: Callable[[str], None],
        *,
        until: float | None = None,
    ) -> None:
        self.has_left = False
        self._has_begun = False
        self._until = until
        self._store = store
        self._attempts = attempts
        self._on_problem = on_problem
        self._refused_earlier: list[tuple[str, Any, Callable[[], None]]] = []
        self._refused_now: list[str] = []
        self._in_a_row = 0
        self._last_refusal = ""

    def documents(self, documents: Iterable[Document]) -> None:
        """Make and send files, except those that are the same as when they were sent."""
        for document in documents:
            self._once(document.path, document.made_of, partial(self._make, document))

    def files(
        self, folder: Path, summary: Summary, *, without: Container[str] = (), checked: Container[str] = ()
    ) -> None:
        """Send the artifacts, the captured environment, and at the end of the run its output.

        Those whose paths are in `without` are sent elsewhere, and those in `checked` only if they are what the run has
        recorded.
        """
        upload = self._upload_passing if summary.status == "running" else self._upload
        for artifact in summary.artifacts:
            path = artifact.path
            if path in without:
                continue
            send = partial(upload, folder, path)
            as_recorded = partial(self._upload_checked, folder, artifact, send)
            self._once(path, _version(artifact), as_recorded if path in checked else send)
        for path, status in _derived(folder, summary):
            self._once(path, [status.st_size, status.st_mtime_ns], partial(self._upload, folder, path))

    def try_refused_again(self) -> None:
        """Send the files that were refused an earlier time."""
        order = self._attempts.order_of_refused()
        for path, version, upload in sorted(self._refused_earlier, key=lambda waiting: order[f"file {waiting[0]}"]):
            self._attempt(path, version, upload)
        self._attempts.put_last(self._refused_now)

    def _upload_checked(self, folder: Path, artifact: Artifact, send: Callable[[], None]) -> None:
        with suppress(FileNotFoundError):  # which is told when it is sent
            check_content(folder, artifact)
        send()

    def _upload(self, folder: Path, path: str) -> None:
        try:
            left = self._store.upload(folder / path, own_name(path), below=folder)
        except FileNotFoundError:
            self._on_problem(f"{path} was not sent: it is no longer there")
            return
        if left:
            raise _LeftOutError("; ".join(dict.fromkeys(str(fault) for fault in left.values())))

    def _upload_passing(self, folder: Path, path: str) -> None:
        """Upload a file of a run that goes on. Checkpoints come and go: later records tell what became of them."""
        try:
            left = self._store.upload(folder / path, path, below=folder)
        except FileNotFoundError as fault:
            raise SourceLost(f"{path} is not there") from fault
        if left:
            raise next(iter(left.values()))

    def _make(self, document: Document) -> None:
        try:
            content = document.content()
        except Exception as fault:  # noqa: BLE001  a plot of whatever the user logged, drawn by matplotlib
            self._on_problem(f"{document.path} could not be made: {type(fault).__name__}: {fault}")
            return
        if content is not None:
            self._store.upload_bytes(content, document.path)

    def _once(self, path: str, version: Any, upload: Callable[[], None]) -> None:
        if self._attempts.is_due(f"file {path}", version):
            if self._attempts.was_refused(f"file {path}"):
                self._refused_earlier.append((path, version, upload))
            else:
                self._attempt(path, version, upload)

    def _attempt(self, path: str, version: Any, upload: Callable[[], None]) -> None:
        """Upload one file. What can be sent another time stays owed."""
        if self._is_over():
            return
        what = f"file {path}"
        if self._in_a_row >= _MOST_IN_A_ROW:
            self._attempts.note(what, version, self._last_refusal)
            return
        refusal = self._refusal(path, upload)
        if refusal is not _COMES_LATER:
            self._attempts.note(what, version, refusal)
        if refusal is not None and refusal is not _COMES_LATER:
            self._refused_now.append(what)

    def _refusal(self, path: str, upload: Callable[[], None]) -> str | None:
        """Upload one file. Returns why it stays owed, or None."""
        try:
            upload()
        except Unreachable:
            raise
        except (SourceLost, SourceChanged):
            return _COMES_LATER
        except Refused as refused:
            self._in_a_row += refused.status not in _ONE_FILE
            self._last_refusal = str(refused)
            return self._last_refusal
        except (_LeftOutError, ContentChanged, OverBudget, OSError) as fault:
            return str(fault)
        except AutotrackError as fault:  # it leads out of the run
            self._on_problem(f"{path} was not sent: {fault}")
        self._in_a_row = 0
        return None

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
