"""The work of the process beside training: it follows every run of one training process, until all is done for them.

A run goes through the stages of `run_stages`. `_handle_message` hears from training that a run begins or ends,
`_record_exits` ends the runs of a training process that is gone, and `_advance` starts whatever a run is ready for.
"""

import contextlib
import os
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import assert_never

import msgspec

from autotrack.protocol import (
    AnyMessage,
    Compared,
    Finalize,
    Finalized,
    Follow,
    Hello,
    MessageFile,
    Progress,
    Say,
    Shutdown,
    ShutdownDone,
    Task,
    Wakeup,
)
from autotrack.readers.earlier_runs import EarlierRuns
from autotrack.sidecar.capture.runner import Captures
from autotrack.sidecar.exit_status import ExitStatus, TrainingProcess
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.load_schedule import LoadSchedule
from autotrack.sidecar.output.receiver import OutputReceiver
from autotrack.sidecar.terminal_lines import TerminalLines
from autotrack.sidecar.upload_thread import Uploads

_UPDATE_SECONDS = 1.0
"""How often journals are read and made durable. A power cut costs no more than what was recorded in this time."""

_POLL_SECONDS = 0.05
"""How often the sidecar polls on a system where nothing can wake it."""


class Sidecar:
    """Follows the runs of one training process.

    Three kinds of threads share the work. The loop hears from training and does the quick work. One worker thread
    captures, compares and computes checksums, one at a time. And every server has an upload thread.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._inbox, self._outbox = MessageFile(task.to_sidecar), MessageFile(task.from_sidecar)
        self._wakeup = Wakeup(task.wakeup)
        self._output = OutputReceiver(task.output)
        self._training = TrainingProcess(task)
        self._load = LoadSchedule(task.pid)
        self._captures = Captures()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="autotrack-worker")
        self._uploads = Uploads()
        self._terminal = TerminalLines(self._outbox)
        self._runs: dict[str, FollowedRun] = {}
        self._earlier_runs = EarlierRuns()
        self._follows: dict[str, Follow] = {}  # also of runs that are done: something may be added to them
        self._next_update = 0.0
        self._is_shutting_down = False
        self._reported: Progress | ShutdownDone | None = None

    def run(self) -> None:
        """Work until the training process has ended and nothing is left to do."""
        is_alive = True
        while is_alive or self._runs or self._uploads.is_busy:
            self._wait(is_alive)
            is_alive = is_alive and self._training.is_alive()
            for message in self._inbox.receive():
                self._guarded(self._handle_message, message)
            self._guarded(self._receive_output)
            if not is_alive:
                self._guarded(self._record_exits)
            if monotonic() >= self._next_update:
                self._next_update = monotonic() + _UPDATE_SECONDS
                self._each(_update)
            self._guarded(self._sample)
            self._each(self._advance)
            if self._is_shutting_down or not is_alive:
                self._flush_uploads()
            if self._is_shutting_down:
                self._report_progress()

    # ---- What training tells it

    def _handle_message(self, message: AnyMessage) -> None:
        match message:
            case Follow():
                self._follow(message)
            case Finalize():
                self._finalize(message)
            case Shutdown():
                self._is_shutting_down = True
                for run in [run for run in self._runs.values() if run.follow.only_load]:
                    self._end(run)
            case Hello() | Finalized() | Compared() | Say() | Progress() | ShutdownDone():
                pass  # the sidecar sends these and never receives them
            case _:
                assert_never(message)

    def _receive_output(self) -> None:
        if self._output.receive():
            self._wakeup.wake()  # so that the next pass reads the rest

    def _follow(self, follow: Follow) -> None:
        run = self._runs.get(follow.folder)
        if run is None:
            run = self._runs[follow.folder] = FollowedRun(follow, earlier_runs=self._earlier_runs)
        else:
            run.resume(follow)
        self._follows[follow.folder] = follow
        if follow.output:
            self._output.open(follow.output, run.open_output())
        run.read()
        self._next_update = 0.0  # after all other messages: a short run may be over already
        if not follow.only_load:
            self._guarded(self._upload, run)
        self._load.sample_at_once()
        if not run.stages.is_captured:
            self._start(run, self._capture_all)

    def _upload(self, run: FollowedRun) -> None:
        for url in run.servers:
            self._uploads.add(url, run.folder, run.follow.uploads, on_problem=lambda text: self._report(run, text))

    def _finalize(self, message: Finalize) -> None:
        folder = message.folder
        if folder not in self._runs:  # it was done, and something was added to it
            follow = self._follows.get(folder, Follow(folder=folder))
            self._follow(msgspec.structs.replace(follow, environment=False, system_seconds=0.0, output=0))
        run = self._runs[folder]
        if run.follow.system_seconds and not run.stages.is_finalized:  # a short run gets one sample, too
            run.put_load(self._load.latest(run.folder))
        self._end(run, awaits_exit_code=message.at_exit)
        self._outbox.send(Finalized(folder=folder))

    def _end(self, run: FollowedRun, *, awaits_exit_code: bool = False) -> None:
        run.stages.finalize(awaits_exit_code=awaits_exit_code)
        self._output.close(run.follow.output)
        run.flush()
        if not run.follow.only_load:
            self._start(run, run.add_checksums)

    # ---- What it does by itself

    def _record_exits(self) -> None:
        """Record how the training process ended, in the runs that it left open or ended without knowing."""
        unsettled = [run for run in self._runs.values() if run.stages.awaits_exit_code or not run.stages.is_finalized]
        if unsettled:
            exit_status = self._training.exit_status(os.environ)
            for run in unsettled:
                self._guarded(self._record_exit, run, exit_status)

    def _record_exit(self, run: FollowedRun, exit_status: ExitStatus) -> None:
        awaited_exit_code = run.stages.awaits_exit_code
        run.stages.finalize()  # first, so that nothing is tried again forever
        run.update()
        if run.is_left_by(self._task.pid):
            run.record_exit(exit_status)
        elif awaited_exit_code and exit_status.is_certain:
            run.correct_exit(exit_status)
        self._end(run)

    def _sample(self) -> None:
        runs = [run for run in self._runs.values() if run.follow.system_seconds and not run.stages.is_finalized]
        if load := self._load.sample(runs):
            self._training.memory_bytes = int(load.get("process_memory_bytes", 0))

    def _advance(self, run: FollowedRun) -> None:
        """Start what a run is ready for, and stop following it when all is done."""
        if run.stages.begin_comparing(has_metrics=run.facts.has_metrics):
            self._start(run, lambda: self._compare(run))
        if run.stages.is_done and not run.stages.awaits_exit_code:
            del self._runs[run.follow.folder]
            run.flush()
            run.make_durable()
            run.close()
            self._uploads.end(run.servers, run.folder)

    def _flush_uploads(self) -> None:
        """Send the rest at once. When training is over, give up on a server that has accepted nothing for too long."""
        in_use = {url for run in self._runs.values() for url in run.servers}
        patience = max((follow.exit_timeout for follow in self._follows.values()), default=0.0)
        self._uploads.flush_now(in_use, patience=patience)

    def _report_progress(self) -> None:
        """Tell training, which is waiting, what is left to do. First make durable what is done."""
        progress = self._progress()
        if progress != self._reported:
            self._each(FollowedRun.make_durable)
            self._outbox.send(progress)
            self._reported = progress

    def _progress(self) -> Progress | ShutdownDone:
        stages = [run.stages for run in self._runs.values()]
        if not all(run.is_captured and run.is_finalized and run.is_compared for run in stages):
            return Progress(urgent=True, doing="capturing the environment")
        if self._uploads.is_busy:
            return Progress(urgent=True, doing=self._uploads.describe())
        if not all(run.is_done for run in stages):
            return Progress(urgent=False, doing="computing checksums")
        return ShutdownDone()

    def _report(self, run: FollowedRun, problem: str) -> None:
        """Record that a server does not take a run, and say so at once, before somebody looks for the run there."""
        run.notice("remote", problem)
        if not run.follow.quiet:
            self._terminal.say_problem(problem)

    # ---- What the worker thread does

    def _capture_all(self) -> None:
        """Capture once for all runs that wait for it. All of them have started, so one capture is valid for all."""
        waiting = [run for run in list(self._runs.values()) if not run.stages.is_captured]
        by_script_folder: dict[Path | None, list[FollowedRun]] = {}
        for run in waiting:
            subject = run.subject
            by_script_folder.setdefault(subject.script_folder if subject else None, []).append(run)
        try:
            for runs in by_script_folder.values():
                self._captures.take(runs)
        finally:
            for run in waiting:
                run.stages.mark_captured()

    def _compare(self, run: FollowedRun) -> None:
        try:
            comparison = run.add_changes()
            if not run.follow.quiet:
                self._terminal.say_comparison(run.folder, comparison)
        finally:
            run.stages.mark_compared()

    # ---- Helpers

    def _start(self, run: FollowedRun, work: Callable[[], None]) -> None:
        """Have the worker thread do something for a run. The run does not count as done until the job has ended."""
        job = self._worker.submit(self._guarded, lambda _: work(), run)
        run.stages.add_job(job)
        job.add_done_callback(lambda _: self._wakeup.wake())

    def _each(self, act: Callable[[FollowedRun], None]) -> None:
        for run in list(self._runs.values()):
            self._guarded(act, run)

    def _guarded(self, act: Callable[..., None], *args: object) -> None:
        """Call `act`. If it fails, the runs among its arguments get a notice, or all runs if there is none."""
        try:
            act(*args)
        except Exception as fault:  # noqa: BLE001  what fails for one run must not harm others, or training
            concerned = [argument for argument in args if isinstance(argument, FollowedRun)]
            for run in concerned or list(self._runs.values()):
                with contextlib.suppress(Exception):
                    run.notice("sidecar", f"{type(fault).__name__}: {fault}")

    def _wait(self, is_alive: bool) -> None:
        """Wait for a message, for the end of the training process, or for the time of the next work."""
        times = [self._next_update, *filter(None, [self._load.next_sample])]
        seconds = min(max(min(times) - monotonic(), 0.0), _UPDATE_SECONDS)
        fds = [fd for fd in (self._task.wakeup, self._task.process if is_alive else None) if fd is not None]
        if self._task.wakeup is None or self._task.process is None:
            seconds = min(seconds, _POLL_SECONDS)
        if not fds:
            sleep(seconds)
            return
        poll = select.poll()
        for fd in fds:
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)
        self._wakeup.clear()


def _update(run: FollowedRun) -> None:
    if not run.stages.is_finalized:
        run.update()
        run.make_durable()
