"""Looks after one run from beside it: adds what training does not write, and keeps what is derived up to date."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from time import time

from autotrack.errors import JournalBusyError
from autotrack.journal import records
from autotrack.journal.fold import replaces
from autotrack.journal.reader import RunReader
from autotrack.journal.records import (
    AnyRecord,
    Artifact,
    Environment,
    Metrics,
    Notice,
    RunFinished,
    RunStarted,
    SystemStats,
)
from autotrack.journal.writer import Journal
from autotrack.protocol import Follow
from autotrack.readers.compare import changes_of
from autotrack.redaction import Redactor
from autotrack.settings import UploadLimits
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.load import LoadSampler
from autotrack.sidecar.capture.runner import CAPTURES, Captures
from autotrack.sidecar.exit_status import ExitStatus
from autotrack.sinks import build
from autotrack.sinks.shipment import Shipment

CLOSES_AN_EPOCH = "epoch_seconds"
"""The metric with which integrations end an epoch: what follows is the next one."""


class FollowedRun:
    """A run, and what has been found out about it. What is added goes to a journal of its own.

    `started` is its latest start in rank 0, `finished` its end if there is one after that, `kinds` which kinds of
    surroundings are recorded. `is_captured`, `is_compared`, `is_finalized` and `is_done` say what has been done,
    `has_said` that the terminal knows what changed, `ended_at_exit` that its end was said while Python was exiting.
    """

    def __init__(self, follow: Follow) -> None:
        self.follow = follow
        self.folder = Path(follow.folder)
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.kinds: set[str] = set()
        self.has_metrics = False
        self.is_captured = self.is_compared = not follow.environment or follow.only_load
        self.has_said = self.is_compared
        self.is_finalized = self.is_done = self.ended_at_exit = False
        self._redactor = _redactor(tuple(follow.secrets.items()))
        self._artifacts: dict[str, Artifact] = {}
        self._epoch: int | None = None
        self._held: SystemStats | None = None
        self._journal: Journal | None = None
        self._fsynced: dict[Path, int] = {}
        self._noticed: set[tuple[str, str]] = set()
        self._opening = threading.Lock()
        self._reader = RunReader(self.folder)
        self._opened: list[Shipment] | None = None

    def go_on(self, follow: Follow) -> None:
        """The run is resumed by the same process, before all was done for it."""
        self.follow = follow
        self.is_captured = self.is_compared = not follow.environment or follow.only_load
        self.has_said = self.is_compared
        self.is_finalized = self.is_done = self.ended_at_exit = False
        self._redactor = _redactor(tuple(follow.secrets.items()))

    def take_in(self) -> None:
        """Take in what has been recorded since."""
        for _, batch in self._reader:
            for record in batch:
                self._note(record)

    def look(self) -> None:
        """Take in what has been recorded since, and ship it to the sinks that follow."""
        self.take_in()
        for shipment in self._shipments:
            shipment.carry(flush=shipment.follows)

    def put(self, found: Iterable[AnyRecord]) -> None:
        """Add records."""
        for record in found:
            self._writer().append(record)

    def notice(self, about: str, message: str) -> None:
        """Add a notice, once: what fails is tried again every second."""
        if (about, message) not in self._noticed:
            self._noticed.add((about, message))
            self.put([Notice(time=time(), about=about, message=self._redactor.redact_text(message)[0])])

    @property
    def servers(self) -> list[str]:
        """The URLs that the run is sent to."""
        return build.servers(self._destinations())

    @property
    def subject(self) -> Subject | None:
        """What captures look at; None for a folder without a run."""
        if self.started is None:
            return None
        modules = [Path(module) for module in self.follow.modules]
        return Subject(self.folder, self.started, self._redactor, modules, self.follow.untracked_bytes)

    def put_load(self, values: Mapping[str, int | float]) -> None:
        """Add a sample of the load, once the epoch it fell in is known: that of the next metrics, or the latest."""
        self._release_load(self._epoch)
        host = self.started.host if self.started and not self.follow.only_load else os.uname().nodename
        self._held = SystemStats(time=time(), values=dict(values), host=host, rank=self.follow.rank)

    def add_checksums(self) -> None:
        """Add a record with its SHA-256 for every file that has none yet; folders have none."""
        missing = [one for one in list(self._artifacts.values()) if not one.removed and one.sha256 is None]
        for record in missing:
            path = self.folder / record.path
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    size = os.fstat(file.fileno()).st_size
            except (FileNotFoundError, IsADirectoryError):
                continue
            about = {field: getattr(record, field) for field in record.__struct_fields__}
            self.put([Artifact(**{**about, "time": time(), "bytes": size, "sha256": digest})])

    def add_changes(self) -> str | None:
        """Add how this run differs from the last and the best one before it; return that in one line."""
        self.is_compared = True
        found = changes_of(self.folder)
        if found is None:
            return None
        self.put([records.Text(time=time(), name="changes", text=found.text)])
        return found.line

    def correct(self, exit_status: ExitStatus) -> None:
        """The run ended while Python was exiting; say otherwise if the exit code, now known, tells otherwise."""
        if self.finished is None:
            return
        believed_failed = self.finished.status == "failed" and (self.finished.error or "").startswith("SystemExit")
        if (exit_status.status == "failed" and self.finished.status == "finished") or (
            exit_status.status == "finished" and believed_failed
        ):
            self.record_exit(exit_status)

    def is_left_by(self, pid: int) -> bool:
        """Whether this process was recording the run, and has not said how it ended."""
        mine = self.started is not None and self.started.pid == pid
        return mine and self.finished is None and not self.follow.only_load

    def record_exit(self, exit_status: ExitStatus) -> None:
        """Say how the run ended, in the place of its process."""
        error, traceback = (
            text and self._redactor.redact_text(text)[0] for text in (exit_status.error, exit_status.traceback)
        )
        self.put([RunFinished(time=time(), status=exit_status.status, error=error, traceback=traceback)])

    def flush(self) -> None:
        """Bring everything derived up to date."""
        self._release_load(self._epoch)
        self.take_in()
        for shipment in self._shipments:
            shipment.carry(flush=True)

    def make_durable(self) -> None:
        """Have the disk take what the operating system holds of the journals."""
        for path in self._reader.journals:
            size = path.stat().st_size
            if self._fsynced.get(path) != size:
                fd = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
                self._fsynced[path] = size

    def close(self) -> None:
        """Let go of the run."""
        for shipment in self._shipments:
            shipment.close()
        if self._journal is not None:
            self._journal.close()

    def _writer(self) -> Journal:
        with self._opening:  # captures are made in another thread than the rest
            if self._journal is None:
                stem = f"rank{self.follow.rank}-sidecar" if self.follow.rank else "sidecar"
                path = self.folder / "journal" / f"{stem}.jsonl"
                try:
                    self._journal = Journal(path, on_problem=_no_one_to_tell)
                except JournalBusyError:  # the sidecar of an earlier session is still at work
                    self._journal = Journal(path.with_name(f"{stem}-{os.getpid()}.jsonl"), on_problem=_no_one_to_tell)
            return self._journal

    def _destinations(self) -> list[str]:
        return self.follow.destinations or (self.started.destinations if self.started else [])

    @property
    def _shipments(self) -> list[Shipment]:
        """What keeps the files in the run folder up to date; known when it is known what is wanted."""
        if self._opened is None:
            trouble = partial(self.notice, "sinks")
            wanted, draws = self._destinations(), self.follow.draws
            is_ours = not self.follow.only_load
            sinks = build.local_sinks(wanted, draws=draws, on_problem=trouble) if is_ours else []
            self._opened = [Shipment(self.folder, sink, on_problem=trouble) for sink in sinks]
        return self._opened

    def _note(self, record: AnyRecord) -> None:
        """Keep what has to be known of a record; most kinds are only shipped."""
        note = getattr(self, f"_note_{type(record).__name__.lower()}", None)
        if note is not None:
            note(record)

    def _note_metrics(self, record: Metrics) -> None:
        self.has_metrics = True
        if record.epoch is not None:
            if self._held is not None and record.time >= self._held.time:
                self._release_load(record.epoch)
            self._epoch = record.epoch + (CLOSES_AN_EPOCH in record.values)

    def _note_runstarted(self, record: RunStarted) -> None:
        if record.rank == 0:
            self.started, self.finished = record, None

    def _note_runfinished(self, record: RunFinished) -> None:
        if record.rank == 0 and self.started is not None and record.time >= self.started.time:
            self.finished = record

    def _note_artifact(self, record: Artifact) -> None:
        if replaces(record, self._artifacts.get(record.path)):
            self._artifacts[record.path] = record

    def _note_environment(self, record: Environment) -> None:
        self.kinds.add(record.kind)

    def _release_load(self, epoch: int | None) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self.put([SystemStats(time=held.time, values=held.values, host=held.host, rank=held.rank, epoch=epoch)])


def complete(follow: Follow, faults: Iterable[tuple[str, str]] = ()) -> str | None:
    """Do all that a sidecar would have done for a run that has ended; return how it differs from earlier ones.

    Any number of times; what is there already is not made again. `faults` are what the run has not been told of, and
    what each is about. Nothing is sent to servers: `send` does that.
    """
    run = FollowedRun(follow)
    for about, message in faults:
        run.notice(about, message)
    run.look()
    line = None
    if not run.is_captured and run.subject is not None:
        Captures().take([run], [name for name in CAPTURES if name not in run.kinds])
        if follow.system_seconds and run.started and run.started.pid == os.getpid():
            run.put_load(LoadSampler(os.getpid(), run.folder).sample())
        run.look()
        line = run.add_changes()
    run.add_checksums()
    run.flush()
    run.make_durable()
    run.close()
    return line


def send(
    folder: Path,
    url: str,
    *,
    patience: float,
    uploads: UploadLimits,
    draws: bool = False,
    on_problem: Callable[[str], None],
) -> Exception | None:
    """Send to a server what has not arrived there of a run; return why that broke off, None when all is there.

    A server that does not answer is tried again for `patience` seconds. Where it `draws`, the plots of short runs are
    drawn too. `on_problem` is told, a sentence each, what broke it off, and what was refused on the way.
    """
    sink = build.remote_sink(url, patience=patience, uploads=uploads, draws=draws, on_problem=on_problem)
    shipment = Shipment(folder, sink, on_problem=on_problem)
    shipment.carry(flush=True)
    shipment.close()
    return shipment.fault


@lru_cache(maxsize=4)
def _redactor(secrets: tuple[tuple[str, str], ...]) -> Redactor:
    """The same for all runs with these secret variables: what it has found to be harmless holds for all."""
    return Redactor({**os.environ, **dict(secrets)})


def _no_one_to_tell(_: str) -> None:
    """A disk that takes nothing takes no notice either."""
