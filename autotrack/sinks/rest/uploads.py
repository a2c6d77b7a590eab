"""Sends the files of a run, and what is made into files, after everything else."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact
from autotrack.journal.summary import Summary
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.artifact_streams import SourceLost
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Refused
from autotrack.sinks.rest.cursor import Cursor
from autotrack.sinks.rest.documents import Document

_ONE_FILE = (400, 409, 411, 413, 414, 415, 422, 500)
"""Refusals that may be about one file: it is too large, or its name is not allowed."""

_OUTPUT = "output.log"


class Uploads:
    """Brings files into the artifact store of a run, each once, as `cursor` says.

    `on_problem` is told what could not be sent. When the store takes nothing at all, the rest is left for another
    time, and the cursor is not `complete`. What is not begun by the time `until`, on the clock of `time.monotonic`, is
    left as well, then `has_left` is True; the first file always goes.
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

    def documents(self, made: Iterable[Document]) -> None:
        """Make and send files; those that have not changed since are not made again."""
        for document in made:
            self._once(document.path, document.made_of, partial(self._make, document))

    def files(self, folder: Path, summary: Summary) -> None:
        """Send the artifacts, what was captured of the environment, and at the end of the run what it printed."""
        upload = self._upload_passing if summary.status == "running" else self._upload
        for artifact in summary.artifacts:
            path = artifact.path
            self._once(path, _looks(artifact), partial(upload, folder / path, path))
        for path in _derived(folder, summary):
            found = (folder / path).stat()
            self._once(path, [found.st_size, found.st_mtime_ns], partial(self._upload, folder / path, path))

    def _upload(self, source: Path, path: str) -> None:
        if source.exists():
            self._store.upload(source, path)
        else:
            self._on_problem(f"{path} was not sent: it is no longer there")

    def _upload_passing(self, source: Path, path: str) -> None:
        """Upload a file of a run that is on. Checkpoints come and go: later records tell what became of one."""
        left = list[str]()
        if source.exists():
            self._store.upload(source, path, on_left_out=left.append)
        else:
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

    def _once(self, path: str, looks: Any, act: Callable[[], None]) -> None:
        what = f"file {path}"
        if self._cursor.lacks(what, looks) and self._did(path, act):
            self._cursor.has(what, looks)

    def _did(self, path: str, act: Callable[[], None]) -> bool:
        """Upload one file; return whether that is settled, be it that it never can be."""
        if not self._cursor.complete or self._is_over():
            return False
        try:
            act()
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


def _looks(artifact: Artifact) -> list[object]:
    return [artifact.bytes, artifact.sha256, artifact.time]


def _derived(folder: Path, summary: Summary) -> Iterator[str]:
    output = [_OUTPUT] if summary.status != "running" else []
    for path in [*summary.environment_files, *output]:
        if (folder / path).is_file():
            yield path
