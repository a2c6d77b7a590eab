"""The run: the object that people and integrations log to. All it does is append records to a journal."""

import atexit
import os
import traceback  # not at exit: that would turn the exit code of an interrupted script, -2, into 1 (CPython 3.11)
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import Any, Literal, Self, get_args

from autotrack.errors import RunFinishedError
from autotrack.escapes import printable
from autotrack.format import shown
from autotrack.journal import records
from autotrack.journal.records import AnyRecord, Status
from autotrack.journal.standing import Comparison
from autotrack.journal.summary import Summary
from autotrack.journal.writer import Journal
from autotrack.protocol import SHORT_SECONDS
from autotrack.settings import Settings
from autotrack.training import sidecar_client, terminal
from autotrack.training.announcements import announcements
from autotrack.training.hooks.current_run import enter, entered_run, innermost_run, leave, status_of
from autotrack.training.hooks.faults import attempt, report_fault, unplaced_faults
from autotrack.training.hooks.overhead import overhead
from autotrack.training.logger import Logger
from autotrack.training.lost_records import lost_records
from autotrack.training.observe import constants
from autotrack.training.observe.arguments.parsed import parsed_arguments
from autotrack.training.observe.exits import watch
from autotrack.training.observe.output.streams import TextReceiver

_STATUSES = get_args(Status)

_OUTPUT_SECONDS = 2.0
"""How long the end of a run that a person started waits at most until all it printed is in `output.log`."""


class Run(Logger):
    """One run that is being recorded, as `start_run` returns it.

    `id`, `name`, `experiment` and `folder` identify it, `status` is "running" until it ends, and `started_by` is
    "user" or names the integration that started it, `is_one_of_many` says that there were some others before. Every
    method that logs may be called from several threads, and has handed its record to the operating system when it
    returns. You can log after `finish`: an evaluation belongs to its run.

    Attributes:
        stop_reason: Why the training stopped before it was to, as early stopping tells it; recorded when the run ends.
        before_end: What integrations have called when the run is about to end, with the error that ends it.
    """

    id: str
    name: str
    experiment: str
    folder: Path
    status: Status | Literal["running"]
    started_by: str

    def __init__(
        self, folder: Path, *, settings: Settings | None = None, rank: int = 0, writer: str | None = None
    ) -> None:
        super().__init__(folder)
        self.status = "running"
        self.stop_reason: str | None = None
        self._rank = rank
        self._writer = writer or (f"rank{rank}" if rank else "main")
        self._settings = settings
        self._quiet = settings is None or settings.quiet or bool(rank)
        self._kind = "run"
        self.is_one_of_many = False
        self.before_another: Callable[[], None] | None = None
        self.before_end: list[Callable[[BaseException | None], None]] = []
        self.part_of: str | None = None
        self._pid = os.getpid()
        self.outer = current_run()
        self._overhead_before = overhead.seconds()
        self._journal = self._open_journal()
        self._append = self._journal.append
        self._open = True
        self._is_exiting = False
        self._told: set[str] | None = None  # the metrics there were when the end was said
        self._started: float | None = None
        self._begun = monotonic()

    def __repr__(self) -> str:
        return f"<Run {self.experiment}/{self.name} {self.status} in {self.folder}>"

    def finish(self, status: Status = "finished", *, error: BaseException | None = None) -> None:
        """End the run with a status: `finished`, `failed`, `interrupted`, `killed` or `pruned`.

        `error` is what ended it. A run is pruned if a search gave it up early, as Optuna does with `TrialPruned`.
        The summary and everything else derived from the journal are brought up to date. Ending a run again with the
        same status does nothing. Raises `RunFinishedError` for a different status, `ValueError` for an unknown one.
        """
        if status not in _STATUSES:
            raise ValueError(f"{status!r:.100} is not a status of a run; use one of {', '.join(_STATUSES)}")
        if error is not None and not isinstance(error, BaseException):
            raise TypeError(f"error is {error!r:.100}; expected the exception that ended the run")
        if self.status != "running":
            if self.status != status:
                raise RunFinishedError(
                    f"run {printable(self.name)} has already {self.status}, it cannot become {status}"
                )
            return
        with overhead.counted():
            while self.before_end:
                self.before_end.pop()(error)
            self._waiting.flush(wait=True)
            self._stop_observing()
            self.status = status
            leave(self)
            if os.getpid() == self._pid:  # how a forked child ends is not how the run ended
                self._put(
                    records.RunFinished(
                        time=time(),
                        status=status,
                        error=None if error is None else _described(error),
                        traceback=None if status == "pruned" else _traceback(error),
                        stop_reason=self.stop_reason,
                        started=self._started,
                        duration_seconds=round(monotonic() - self._begun, 6),
                        overhead_seconds=round(overhead.seconds() - self._overhead_before, 6),
                        rank=self._rank,
                        parent=self.part_of,
                    )
                )
            self._release(say_end=True)

    def wait(self, timeout: float | None = 30.0) -> list[str]:
        """Wait until all that was logged is in `run.json` and the event file, and on the servers the run goes to.

        The run may go on. Returns what is not up to date after `timeout` seconds, a sentence each; nothing, mostly.
        None waits as long as it takes, which may be forever with a server that is away.
        """
        from autotrack.amounts import time_limit  # few runs are waited for

        seconds = time_limit("timeout", timeout)
        if self._is_in_worker:
            return ["another process records this run"]
        self.hand_over()
        return sidecar_client.flush(self.folder, timeout=seconds)

    def hand_over(self) -> None:
        """Write the records whose values are still on their way from a graphics card."""
        self._waiting.flush(wait=True)

    def _release(self, *, say_end: bool = False) -> None:
        """Close the journal and bring what is derived from it up to date; logging more opens it again."""
        atexit.unregister(self._at_exit)
        self._waiting.flush(wait=True)
        if not self._open:
            return
        self._open, self._append = False, self._append_again
        self._journal.close()
        self._report_unwritten()
        if os.getpid() != self._pid or self._writer != "main":  # whoever writes the main journal does the rest
            return
        says = say_end and not self._quiet and not self._is_left_out()
        try:
            sidecar_client.refresh_derived(
                self.folder,
                at_exit=self._is_exiting,
                patience=self._patience(says=says),
                when_refreshed=self._say_end if says else None if self._told is None else self._say_added,
            )
        except Exception as fault:  # noqa: BLE001  the journal is complete; the rest can be derived from it later
            report_fault("finish", fault)

    def _say_end(self, summary: Summary, comparison: Comparison | None) -> None:
        self._told = set(summary.metrics)
        terminal.ended(summary, self.folder, comparison)

    def _say_added(self, summary: Summary, _: Comparison | None) -> None:
        """Say what an evaluation has measured since the end was said, which for a long training is before it."""
        told, self._told = self._told or set(), set(summary.metrics)
        terminal.added(summary, told)

    def _is_left_out(self) -> bool:
        """Whether nothing is said of this run, because it was a short one among many; it is counted then."""
        is_long = monotonic() - self._begun > SHORT_SECONDS and not self._is_exiting  # then, all that are open end
        if is_long or not self.is_one_of_many:
            return False
        announcements.leave_out(self._kind, self.folder)
        return True

    def _report_unwritten(self) -> None:
        lost_records.await_room(self._journal, self.name)
        if (waiting := self._journal.waiting_file) and not self._quiet:
            terminal.say(
                f"autotrack: the disk of {shown(self.folder)} did not take all records of {self.name}. The rest is in "
                f"{waiting}; once there is room, run: autotrack sync"
            )

    def _patience(self, *, says: bool) -> float:
        """Return how many seconds to wait for the sidecar: who ends a run by hand may look at output.log at once."""
        if self._is_exiting:
            return 0.0
        if self._observer.has_handed_over_text and self.started_by == "user" and not self.is_one_of_many:
            return _OUTPUT_SECONDS
        return terminal.patience(monotonic() - self._begun) if says else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status == "running":
            self.finish(status_of(error), error=error)

    def _begin(self, record: records.RunStarted, *, resumed: bool = False, kind: str | None = None) -> None:
        """Write the first record; called once, when a run is started or resumed.

        `kind` is what such a run is called where many of them are counted, such as "fit of Ridge".
        """
        self._identify(record)
        self._kind = kind or self._kind
        self.is_one_of_many = not resumed and announcements.begin(self.folder, self.started_by)
        self._started = record.time
        self._begun = monotonic() - max(time() - record.time, 0.0)  # a short fit gets its run when it is over
        self._put(record)
        while unplaced_faults:
            self.notice(*unplaced_faults.popleft())
        if not self._rank:
            parsed_arguments.log_to(self)
            with attempt("constants", run=self):
                constants.log_to(self)
        enter(self)
        if not self._quiet and not self.is_one_of_many:
            terminal.started(self.name, self.folder, resumed=resumed)
        if self._settings is not None and not self._rank:
            to_sidecar = sidecar_client.follow(self.folder, self._settings, is_one_of_many=self.is_one_of_many)
            try:
                self._observer.begin(
                    self._settings, recording=self, to_sidecar=to_sidecar, is_one_of_many=self.is_one_of_many
                )
            except Exception as fault:  # noqa: BLE001  a run without these observations is better than none
                report_fault("observe", fault)

    @property
    def pid(self) -> int:
        """The process that records it: in a forked child, the run may be that of the parent."""
        return self._pid

    @property
    def output(self) -> TextReceiver | None:
        """The log that printed output goes to while the run is open, if it is kept."""
        return self._observer.output

    @property
    def _is_attached(self) -> bool:
        """Whether another process records this run and this one only adds to it."""
        return self._writer != "main"

    @property
    def _is_in_worker(self) -> bool:
        return self._is_attached or os.getpid() != self._pid

    def _identify(self, record: records.RunStarted) -> None:
        """Take the identity of the run from its first record."""
        self.id, self.name, self.experiment = record.id, record.name, record.experiment
        self.started_by = "user" if record.started_by == "script" else record.started_by

    def _open_journal(self) -> Journal:
        path = self.folder / "journal" / f"{self._writer}.jsonl"
        journal = Journal(path, on_problem=self._on_problem, each_second=sidecar_client.listen)
        atexit.register(self._at_exit)
        return journal

    def _stop_observing(self) -> None:
        try:
            self._observer.end(refresh=self._release)
        except Exception as fault:  # noqa: BLE001  the run has to end all the same
            report_fault("observe", fault)

    def _on_problem(self, message: str) -> None:
        report_fault("journal", message, run=self)

    def _append_again(self, record: AnyRecord) -> None:
        """Append to a journal that was closed, which opens it again."""
        self._open, self._append = True, self._journal.append
        atexit.register(self._at_exit)
        self._append(record)

    def _at_exit(self) -> None:
        """End the run of a script that did not end it itself."""
        if os.getpid() != self._pid:
            return
        if self.status == "running":
            error = watch.error()
            self._is_exiting = True
            self.finish(status_of(error), error=error)
        else:
            self._release()
        lost_records.settle()
        watch.keep_exit_code()


def current_run() -> Run | None:
    """Return the innermost run that is being recorded in this thread or task, or None."""
    run = entered_run()
    if run is not None and run.status != "running":
        run = innermost_run()
    return run  # type: ignore[return-value]  # only runs are ever entered, and `cast` would be a call at every step


def run_around_another() -> Run | None:
    """Return the run in which another one, or another training, begins now; first, what is over by now is ended."""
    run = current_run()
    if run is not None and run.before_another is not None:
        run.before_another()
        run = current_run()
    return run


def end_run(run: Run, error: BaseException | None, *, is_own: bool, status: Status | None = None) -> None:
    """End what an integration records in a run: the run itself, if `is_own`, or what was added to another one.

    The status follows from the `error` that ended the training, unless a `status` is given.
    """
    if is_own:
        run.finish(status or status_of(error), error=error)
    elif run.status != "running" or run._is_attached:
        run._release()


def log_numbers(
    run: Run, values: Mapping[str, Any], step: int | None = None, *, epoch: int | None = None, stage: str | None = None
) -> None:
    """Log the values that are numbers, as `Run.log` does, and leave one notice a name about those that are not."""
    run._log_numbers(values, step, epoch=epoch, stage=stage)


def _described(error: BaseException) -> str:
    try:
        text = str(error)
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    except Exception:  # noqa: BLE001  an exception of the user's whose text cannot be made must still be the one raised
        return type(error).__name__


def _traceback(error: BaseException | None) -> str | None:
    if error is None:
        return None
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001  as above
        return None
