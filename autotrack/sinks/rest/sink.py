"""The remote sink: sends a run to a tracking server, live or later, any number of times."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, time
from typing import assert_never

import msgspec

from autotrack.destinations import without_credentials
from autotrack.errors import AutotrackError
from autotrack.journal.fold import Fold
from autotrack.journal.reader import Position, RunReader, journal_sizes
from autotrack.journal.records import (
    AnyRecord,
    Artifact,
    Dataset,
    Environment,
    Metrics,
    Model,
    Notice,
    Params,
    Plot,
    Registration,
    Renamed,
    RunFinished,
    RunStarted,
    SystemStats,
    Table,
    Tags,
    Text,
    Trial,
)
from autotrack.journal.rewinds import Rewinds, read_rewinds
from autotrack.journal.run_folder import open_journal
from autotrack.plots import SHORT_SECONDS
from autotrack.settings import UploadLimits
from autotrack.sinks.owed import Owed
from autotrack.sinks.rest import runs
from autotrack.sinks.rest.client import Client
from autotrack.sinks.rest.cursor import Cursor, CursorFile
from autotrack.sinks.rest.documents import Tables
from autotrack.sinks.rest.metrics import Points
from autotrack.sinks.rest.remote import Remote

_NO_LIMITS = UploadLimits()
_MOST_WAITING = 20_000

_UPLOAD_SECONDS = 1.0
"""After this time, no further file is begun while the run goes on, because there may be new points to send."""


class RestSink:
    """Sends a run to the MLflow tracking server at `url`, which may hold credentials.

    `write` folds records and keeps points. `flush` sends them, and then stores how far it got in a file below
    `remote/` in the run folder. Both block while the server is away, until `stop` is set or a request has taken
    `patience` seconds. Then they raise `Unreachable`, and what was not acknowledged is sent again another time.

    A run that is gone from the server is sent anew. A run that somebody deleted there is left alone, unless it goes
    on. Training that goes back to a checkpoint records points again: the earlier ones stay on the server if it has
    them, because it cannot delete points, and are left out otherwise.

    Args:
        url: The server.
        stop: Ends everything that waits. A sink with a `stop` belongs to a run that goes on and is flushed again, so
            after a second of sending files the rest waits for the next flush, and does not delay the curves.
        environ: Where credentials are read from.
        patience: How many seconds a request may take; no limit by default.
        uploads: How much of the files is sent, and how fast.
        draws: Send plots as pictures even if the run took less than ten seconds. To draw one takes a second of a core,
            so they are otherwise sent as data, and drawn by a later sink that `draws`.
        registers: Whether the models that the run is registered as become versions there.
        on_problem: Told once about each thing that can never be sent. The rest is sent.

    Raises:
        SettingsError: From `open`, for a URL or credentials that cannot be used.
        AutotrackError: From `open`, when another process is sending the run.
        Refused: The server refuses everything.

    After any error the sink has released the run, and has to be opened again. What the server did not take is `owed`.
    It is kept in the same file, and tried again when the run has ended, and whenever it is opened again.
    """

    follows = True

    def __init__(
        self,
        url: str,
        *,
        stop: threading.Event | None = None,
        environ: Mapping[str, str] = os.environ,
        patience: float | None = None,
        uploads: UploadLimits = _NO_LIMITS,
        draws: bool = True,
        registers: bool = True,
        on_problem: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.destination = without_credentials(url)
        self._url, self._stop, self._environ, self._patience = url, stop, environ, patience
        self._uploads = uploads
        self._draws = draws
        self._registers = registers
        self._report = on_problem
        self._reported: set[str] = set()
        self._client: Client | None = None
        self._file: CursorFile | None = None
        self._cursor: Cursor | None = None
        self._created = monotonic()

    @property
    def last_progress(self) -> float:
        """When the server last took something or answered, on the clock of `time.monotonic`."""
        return self._client.last_progress if self._client else self._created

    @property
    def owed(self) -> Owed:
        """What the server has not taken of the run."""
        return self._cursor.owed if self._cursor else Owed()

    @property
    def registered_as(self) -> Sequence[str]:
        """The registered models that the run, as far as it was given, has a version of."""
        given = self._fold.summary().registrations if self._cursor is not None and self._registers else []
        return [one.name for one in given if one.version is not None]

    def open(self, folder: Path) -> dict[str, int]:
        """Begin with the run in `folder`. Returns how much of its journals the server has acknowledged."""
        with self._closing_on_failure():
            return self._open(folder)

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""
        with self._closing_on_failure():
            self._read_again()
            self._take(batch, rank)
            if len(self._points) > _MOST_WAITING:  # memory is finite, and a point that is sent twice counts once
                self._remote.send_points(self._fold.summary(), self._points)

    def flush(self, position: Position) -> None:
        """Send everything, then store that the journals have arrived up to `position`."""
        with self._closing_on_failure():
            self._flush(position)

    def close(self) -> None:
        """Close the connections, and release the run."""
        if self._client is not None:
            self._client.close()
        if self._file is not None:
            self._file.unlock()

    def _open(self, folder: Path) -> dict[str, int]:
        self._folder = folder
        file = CursorFile(folder, self.destination)
        file.lock()
        self._file = file
        self._client = self._new_client()
        cursor = self._file.read()
        run = runs.get(self._client, cursor.run_id) if cursor.run_id else None
        if run is None or (run.is_deleted and not _has_all(cursor, folder)):
            cursor, run = Cursor(self.destination), None
        if cursor.has_lost_count:
            cursor.start_over()
        self._cursor = cursor
        self._remote = Remote(self._client, folder, self._file, cursor, run, self._uploads, self._on_problem)
        self._fold, self._tables = Fold(keep_points=False), Tables()
        self._points = Points(self._on_problem, rewinds=_rewinds(folder))
        self._is_changed = True
        self._unread = dict(cursor.offsets)
        lacks = (self._draws and cursor.undrawn) or (self._registers and cursor.unregistered)
        is_done = cursor.complete and not lacks
        return dict(cursor.offsets) if is_done or not cursor.offsets else _step_back(folder, cursor.offsets)

    def _flush(self, position: Position) -> None:
        self._read_again()
        summary = self._fold.summary()
        if not summary.id:  # the first record is not complete yet
            return
        if self._cursor is not None:
            self._cursor.unregistered = bool(summary.registrations) and not self._registers
        if not self._registers:
            summary = msgspec.structs.replace(summary, registrations=[])
        self._remote.send_owed_points(summary)
        self._remote.send_points(summary, self._points)
        if self._is_changed:
            self._remote.send_facts(summary, self._points.rewinds)
            goes_on = self._stop is not None and summary.status == "running"
            until = monotonic() + _UPLOAD_SECONDS if goes_on else None
            draws = self._draws or (summary.duration_seconds or time() - summary.started) >= SHORT_SECONDS
            self._is_changed = not self._remote.send_files(
                summary, self._tables, position.offsets, until=until, draws=draws
            )
        self._remote.store(position.offsets)

    @contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if self._file is not None and isinstance(error, AutotrackError):
                with suppress(OSError):
                    self._file.note_broken_off(str(error), run_id=self._cursor.run_id if self._cursor else "")
            self.close()
            raise

    def _new_client(self) -> Client:
        return Client(
            self._url, stop=self._stop, environ=self._environ, patience=self._patience, on_problem=self._on_problem
        )

    def _take(self, batch: Sequence[AnyRecord], rank: int) -> None:
        for record in batch:
            match record:
                case Metrics() | SystemStats():
                    self._points.add(record, rank=rank)
                    continue
                case RunStarted():
                    self._points.note_start(record)
                case Table():
                    self._tables.add(record)
                case (
                    Params() | Environment() | Dataset() | Trial() | Plot() | Artifact() | Tags() | Text() | Notice()
                    | RunFinished() | Renamed() | Model() | Registration()
                ):  # fmt: skip
                    pass  # sent from the summary
                case _:
                    assert_never(record)
            self._is_changed = True
            self._fold.add([record], rank=rank)

    def _read_again(self) -> None:
        """Read what an earlier process has sent, because what follows depends on it."""
        unread, self._unread = self._unread, {}
        for rank, batch in RunReader(self._folder, until=unread) if unread else ():
            self._take(batch, rank)
            self._remote.have_been_sent(self._points)

    def _on_problem(self, message: str) -> None:
        if message not in self._reported:
            self._reported.add(message)
            self._report(message)


def _rewinds(folder: Path) -> Rewinds:
    try:
        return read_rewinds(folder)
    except FileNotFoundError:  # it comes with the first record
        return Rewinds()


def _has_all(cursor: Cursor, folder: Path) -> bool:
    return cursor.complete and all(cursor.offsets.get(name) == size for name, size in journal_sizes(folder).items())


def _step_back(folder: Path, offsets: Mapping[str, int]) -> dict[str, int]:
    """Return the offsets without the last record of one journal, so that there is something to send."""
    name = min(offsets, key=lambda name: name != "main.jsonl")
    earlier = dict(offsets)
    with os.fdopen(open_journal(folder / "journal" / name), "rb") as file:
        start = max(0, offsets[name] - 2**20)
        file.seek(start)
        line_end = file.read(offsets[name] - start).rstrip(b"\n").rfind(b"\n")
    earlier[name] = start + line_end + 1 if line_end >= 0 else 0
    return earlier
