"""One run as its sidecar sees it: read its journals, add what training does not write, keep derived files current."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from time import monotonic, time

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.fold import Fold
from autotrack.journal.reader import RunReader
from autotrack.journal.records import PRINTED, AnyRecord, Artifact, Metrics, RunFinished, RunStarted, Text
from autotrack.journal.run_folder import open_file, open_journal
from autotrack.journal.standing import Comparison
from autotrack.journal.summary import Summary
from autotrack.model_format.mlmodel import NAME
from autotrack.protocol import SHORT_SECONDS, Follow
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.readers.compare.since import ChangesSince, changes_of
from autotrack.readers.recorded_run import summarise
from autotrack.readers.reproducibility.score import reproducibility_of
from autotrack.redaction import Redactor
from autotrack.sidecar.additions import LoadSamples, SidecarJournal
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.facts import RunFacts
from autotrack.sidecar.model_folders import complete_model
from autotrack.sidecar.output.log import OUTPUT, OutputLog, open_log
from autotrack.sidecar.output.printed_follower import PrintedMetrics
from autotrack.sidecar.run_sinks import RunSinks, destinations_of
from autotrack.sidecar.run_stages import RunStages
from autotrack.sidecar.training_exit import ExitStatus
from autotrack.sinks import build

_SETTLED_SECONDS = 3.0


class FollowedRun:
    """A run that a sidecar looks after.

    The worker thread calls `put`, `notice`, `subject`, `complete_files`, `changes` and `add_changes`, and an upload
    thread calls `notice`. Everything else belongs to the thread of the loop.

    Attributes:
        follow: What training asked for.
        facts: What the records of the run have told so far.
        stages: What has been done for the run, and what it waits for.

    Args:
        follow: What training asked for.
        fold: Takes the records as well, for a summary.
    """

    def __init__(self, follow: Follow, *, fold: Fold | None = None) -> None:
        self.follow = follow
        self.folder = Path(follow.folder)
        self.facts = RunFacts()
        self._begun, self._begun_at = monotonic(), time()
        self._fold = fold
        self.stages = RunStages(captures_environment=_captures_environment(follow))
        self._redactor = _redactor(tuple(follow.secrets.items()))
        self._reader = RunReader(self.folder)
        self._is_closed = False
        self._journal = SidecarJournal(self.folder, rank=follow.rank)
        self._load = LoadSamples(self._journal, rank=follow.rank)
        self._fsynced_bytes: dict[Path, int] = {}
        self._sinks = RunSinks(self.folder, self._reader, on_problem=partial(self.notice, "sinks"))

    def resume(self, follow: Follow) -> None:
        """Follow the run anew: the same process resumes it before everything was done for it."""
        self.follow = follow
        self._begun, self._begun_at = monotonic(), time()
        self._redactor = _redactor(tuple(follow.secrets.items()))
        self.stages.restart(captures_environment=_captures_environment(follow))

    # ---- What is known of it

    @property
    def servers(self) -> list[str]:
        """The URLs that the run is sent to."""
        return build.servers(destinations_of(self.follow, self.facts.started))

    @property
    def subject(self) -> Subject | None:
        """What is captured for the run; None for a folder without a run."""
        if self.facts.started is None:
            return None
        modules = [Path(module) for module in self.follow.modules or ()]
        packages = self.follow.packages or ()
        return Subject(self.folder, self.facts.started, self._redactor, modules, self.follow.untracked_bytes, packages)

    @property
    def is_short(self) -> bool:
        """Whether the run has ended, and did not take long."""
        started, finished = self.facts.started, self.facts.finished
        if started is None or finished is None:
            return False
        measured = finished.duration_seconds
        return (finished.time - started.time if measured is None else measured) <= SHORT_SECONDS

    @property
    def is_worth_a_preview(self) -> bool:
        """Whether somebody is to hear how it begins, and its params are known: they are recorded when it starts."""
        return not self.follow.quiet and monotonic() - self._begun > _SETTLED_SECONDS

    def is_left_by(self, pid: int) -> bool:
        """Whether this process recorded the run, and did not record how it ended."""
        started, finished = self.facts.started, self.facts.finished
        return started is not None and started.pid == pid and finished is None and not self.follow.only_load

    def read(self) -> None:
        """Read what was recorded since the last call."""
        for rank, batch in self._reader:
            if self._fold is not None:
                self._fold.add(batch, rank=rank)
            logged = [record for record in batch if record.__class__ is Metrics and record.source != PRINTED]
            if len(logged) < len(batch):
                for record in batch:
                    self.facts.add(record)
            else:
                self.facts.add_logged(logged)
            self._load.note_epochs(logged)
            self._sinks.take(batch, rank=rank)

    # ---- What is added to its journal

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Add records."""
        self._journal.add(records)
        if self._is_closed:  # and another object may follow the run from now on
            self._journal.close()

    def notice(self, about: str, message: str) -> None:
        """Add a notice, once, without the secrets in it."""
        self._journal.add_notice(about, self._redactor.redact_text(message)[0])

    def put_load(self, values: Mapping[str, int | float]) -> None:
        """Add a sample of the load."""
        started = self.facts.started
        host = started.host if started and not self.follow.only_load else os.uname().nodename
        self._load.add(values, host=host)

    def release_load(self) -> None:
        """Write the last sample of the load, which waits for the epoch that it belongs to."""
        self._load.release()

    def complete_files(self, *, shares: bool = False) -> None:
        """Add what the folders of models lack, then the checksums of artifacts.

        With `shares`, files that other runs have as well are kept once for all of them.
        """
        self._complete_models(shares=shares)
        self._add_checksums()

    def _complete_models(self, *, shares: bool) -> None:
        if (subject := self.subject) is None:
            return
        for model in self.facts.models_to_describe(NAME):
            try:
                self.put(complete_model(model, subject, self.facts.versions, shares=shares))
                self.facts.note_described(model)
            except FileNotFoundError:  # the model was not written after all, or is gone
                continue
            except (AutotrackError, OSError, ValueError, OverflowError) as error:  # of a run of somebody else, perhaps
                self.notice("model", f"{model.path} is not described: {error}")

    def _add_checksums(self) -> None:
        """Add the size and the SHA-256 of every artifact that has none yet. Folders have none."""
        for artifact in self.facts.artifacts_without_checksum():
            try:
                with os.fdopen(open_file(self.folder, artifact.path), "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    size = os.fstat(file.fileno()).st_size
            except (FileNotFoundError, IsADirectoryError):
                continue
            except AutotrackError as error:
                self.notice("artifacts", f"{artifact.path} has no checksum: {error}")
                continue
            fields = {field: getattr(artifact, field) for field in artifact.__struct_fields__}
            self.put(
                [Artifact(**{**fields, "time": time(), "bytes": size, "sha256": digest, "completes": artifact.time})]
            )

    def changes(self, earlier_runs: EarlierRuns | None = None, now: Summary | None = None) -> ChangesSince | None:
        """Return how this run differs from the last and the best one of its kind; None for the first one."""
        return changes_of(self.folder, earlier_runs, now, reads_code=True)

    def add_changes(self, earlier_runs: EarlierRuns | None = None) -> Comparison:
        """Add how this run differs from the last and the best one of its kind; return what is said of it."""
        now = summarise(self.folder)
        changes = self.changes(earlier_runs, now)
        said = Comparison() if changes is None else changes.said
        if changes is not None:
            self.put([Text(time=time(), name="changes", text=changes.text)])
        found = reproducibility_of(self.folder, now)
        return msgspec.structs.replace(said, to_repeat=f"{found}" if found.is_worth_a_line else "")

    def settle_exit(self, exit_status: ExitStatus, pid: int) -> None:
        """Record how the process with this id ended, if the run does not tell or tells it wrongly."""
        was_awaited = self.stages.awaits_exit_code
        self.stages.finalize()  # first, so that nothing is tried again forever
        self.read()
        if self.is_left_by(pid):
            self.record_exit(exit_status)
        elif was_awaited and exit_status.is_certain:
            self.correct_exit(exit_status)

    def summary(self, fold: Fold) -> Summary:
        """Return the summary of the run as far as it has been read, from the fold that took its records."""
        position = self._reader.position()
        fold.left_out(position.left_out)
        now = fold.summary()
        now.journals = position.seen
        return now

    def record_exit(self, exit_status: ExitStatus) -> None:
        """Record how the run ended, because its process did not."""
        error, traceback = (
            text and self._redactor.redact_text(text)[0] for text in (exit_status.error, exit_status.traceback)
        )
        started, finished = self.facts.started, self.facts.finished
        self.put(
            [
                RunFinished(
                    time=finished.time if finished else time(),
                    status=exit_status.status,
                    error=error,
                    traceback=traceback,
                    started=started.time if started else None,
                    duration_seconds=finished.duration_seconds if finished else self._seconds_since(started),
                )
            ]
        )

    def _seconds_since(self, started: RunStarted | None) -> float:
        """Return for how long the run has been recorded: it had been for a while when it was followed."""
        before = max(self._begun_at - started.time, 0.0) if started else 0.0
        return round(before + monotonic() - self._begun, 6)

    def correct_exit(self, exit_status: ExitStatus) -> None:
        """Record the end again if the exit code, known only now, contradicts what was recorded while Python exited."""
        finished = self.facts.finished
        if finished is None:
            return
        was_exit_call = finished.status == "failed" and (finished.error or "").startswith("SystemExit")
        has_failed_after_all = exit_status.status == "failed" and finished.status == "finished"
        if has_failed_after_all or (exit_status.status == "finished" and was_exit_call):
            self.record_exit(exit_status)

    def open_output(self, *, is_over: bool = False) -> OutputLog:
        """Return the log of what the run prints; `is_over` if that is printed after its end alone."""
        return open_log(
            self.folder,
            self._redactor,
            put=lambda artifact: self.put([artifact]),
            on_problem=partial(self.notice, "output"),
            listener=PrintedMetrics(
                self,
                lambda line: self._redactor.redact_text(line)[0],
                patterns=self.follow.printed_patterns,
                is_over=is_over,
            )
            if self.follow.printed_metrics
            else None,
        )

    def add_output(self) -> None:
        """Add what the run prints as an artifact once more: it has grown since its checksum was taken."""
        self.put([Artifact(time=time(), path=OUTPUT, kind="output")])

    # ---- What is kept up to date

    def update(self) -> None:
        """Read what was recorded, and pass it on to the sinks that are kept up to date while the run goes on."""
        self.take_in()
        self._sinks.write(everything=False)

    def keep_up(self) -> None:
        """Update while the run goes on, and make it durable."""
        if not self.stages.is_finalized:
            self.update()
            self.make_durable()

    def flush(self) -> None:
        """Bring everything that is derived from the journals up to date."""
        self.release_load()
        self.take_in()
        self._sinks.write(everything=True)

    def take_in(self) -> None:
        """Read what was recorded, for all sinks at once: journals are decoded once."""
        self._sinks.open(self.follow, self.facts.started)
        self.read()

    def make_durable(self) -> None:
        """Have the disk take what the operating system still holds of the journals."""
        for path in self._reader.journals:
            size = path.stat().st_size
            if self._fsynced_bytes.get(path) != size:
                fd = open_journal(path)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
                self._fsynced_bytes[path] = size

    def close(self) -> None:
        """Close the sinks and the journal."""
        self._sinks.close()
        self._journal.close()
        self._is_closed = True

    @property
    def problems(self) -> list[str]:
        """What could not be written into the run folder, and why."""
        return [*self._sinks.problems, *self._journal.problems]


def _captures_environment(follow: Follow) -> bool:
    return follow.environment and not follow.only_load


@lru_cache(maxsize=4)
def _redactor(secrets: tuple[tuple[str, str], ...]) -> Redactor:
    """Return one redactor for all runs with these secrets: it remembers which texts it has found to be harmless."""
    return Redactor(os.environ, dict(secrets))
