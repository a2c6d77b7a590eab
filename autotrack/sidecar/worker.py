"""The thread of a sidecar that does what takes time, one at a time: it captures, compares, adds checksums.

Large files are copied in a thread of their own, because the end of training waits for what is captured.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from time import time

from autotrack.journal.copies import Copy
from autotrack.journal.records import Environment
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.sidecar.capture.runner import Captures
from autotrack.sidecar.capture.shared import give_own
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.open_files import ReadFiles
from autotrack.sidecar.read_data import read_data
from autotrack.sidecar.registering import register_models
from autotrack.sidecar.short_runs import ShortRuns
from autotrack.sidecar.terminal_lines import TerminalLines

_READS = "reads"


class Worker:
    """Does jobs in the order in which they were given. Only the loop of the sidecar calls this.

    Args:
        attempt: Calls a function for a run; if that fails, it leaves a notice there.
        on_done: Called, in the thread, after every job.
        captures: What has been captured for runs of the process.
        earlier_runs: What runs are compared with.
        terminal: Where it is said what has changed.
        reads: The files that training was seen reading.
    """

    def __init__(
        self,
        attempt: Callable[..., None],
        on_done: Callable[[], None],
        *,
        captures: Captures,
        earlier_runs: EarlierRuns,
        terminal: TerminalLines,
        reads: ReadFiles,
    ) -> None:
        self._attempt = attempt
        self._on_done = on_done
        self._captures = captures
        self._earlier_runs = earlier_runs
        self._terminal = terminal
        self._reads = reads
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="autotrack-worker")
        self._copying = ThreadPoolExecutor(max_workers=1, thread_name_prefix="autotrack-copies")
        self._latest_copy: dict[Path, Future[None]] = {}
        self._short_job: Future[None] | None = None

    def capture(self, run: FollowedRun, among: Callable[[], Iterable[FollowedRun]]) -> None:
        """Capture the environment of a run, and with it that of all runs which wait for theirs by then."""
        self._start(run, lambda: self._capture_all(list(among())))

    def compare(self, run: FollowedRun) -> None:
        """Compare a run with earlier ones, and have the terminal say what has changed."""
        self._start(run, lambda: self._compare(run))

    def preview(self, run: FollowedRun) -> None:
        """Compare what is known of a run that has just begun, and have the terminal say what has changed."""
        self._start(run, lambda: self._preview(run))

    def copy(self, copy: Copy, run: FollowedRun | None) -> None:
        """Make a copy of a file that was logged to a run; `run` is None for a short one among many.

        From now on the file is held open here, so that it may be deleted and training may end.
        """
        held = copy.held()
        if run is None:
            self._thread.submit(_make, held, self._terminal.say_problem)
        else:
            job = self._start(run, lambda: _make(held, partial(run.notice, "artifacts")), self._copying)
            self._latest_copy[run.folder] = job

    def complete_files(self, run: FollowedRun) -> None:
        """Complete the folders of models, and compute the checksums of the artifacts that have none."""
        self._start(run, lambda: self._complete_files(run))

    def complete(self, short_runs: ShortRuns) -> None:
        """Do a part of the work for short runs, unless such a part is being done. Jobs of other runs come between."""
        if short_runs.has_work and (self._short_job is None or self._short_job.done()):
            self._short_job = self._thread.submit(short_runs.work)
            self._short_job.add_done_callback(lambda _: self._on_done())

    def _start(
        self, run: FollowedRun, work: Callable[[], None], thread: ThreadPoolExecutor | None = None
    ) -> Future[None]:
        """The run does not count as done until the job has ended."""
        job = (thread or self._thread).submit(self._attempt, lambda _: work(), run)
        run.stages.add_job(job)
        job.add_done_callback(lambda _: self._on_done())
        return job

    def _capture_all(self, runs: list[FollowedRun]) -> None:
        """Capture once for all runs that wait for it. All of them have started, so one capture is valid for all."""
        waiting = [run for run in runs if not run.stages.is_captured]
        by_script_folder: dict[Path | None, list[FollowedRun]] = {}
        for run in waiting:
            subject = run.subject
            if run.facts.shared_environment is None:
                by_script_folder.setdefault(subject.script_folder if subject else None, []).append(run)
        try:
            for run in waiting:
                if run.facts.shared_environment is not None:  # from when it was a short one
                    give_own(run, run.facts.shared_environment)
            for some in by_script_folder.values():
                self._captures.take(some)
        finally:
            for run in waiting:
                run.stages.mark_captured()

    def _complete_files(self, run: FollowedRun) -> None:
        if copied := self._latest_copy.pop(run.folder, None):
            wait([copied])  # checksums are those of the copies
        try:
            _add_reads(run, self._reads)
        finally:
            run.complete_files()
            register_models(run)

    def _compare(self, run: FollowedRun) -> None:
        try:
            comparison = run.add_changes(self._earlier_runs)
            if not run.follow.quiet:
                self._terminal.say_comparison(run.folder, comparison)
        finally:
            run.stages.mark_compared()

    def _preview(self, run: FollowedRun) -> None:
        if not run.stages.is_finalized and (changes := run.changes(self._earlier_runs)) is not None:
            self._terminal.say_comparison(run.folder, changes.said, is_preliminary=True)


def _add_reads(run: FollowedRun, reads: ReadFiles) -> None:
    """Add what the run has read, once, unless nothing is to be captured."""
    subject = run.subject
    if subject is None or not run.follow.environment or _READS in run.facts.captured_kinds:
        return
    if files := read_data(subject, reads):
        values, _ = subject.redactor.redact({"files": files})
        run.put([Environment(time=time(), kind=_READS, values=values)])


def _make(copy: Copy, report: Callable[[str], None]) -> None:
    try:
        problem = copy.make()
    except OSError as error:
        problem = f"{copy.source} could not be copied: {error.strerror}"
    finally:
        copy.let_go()
    if problem:
        report(problem)
