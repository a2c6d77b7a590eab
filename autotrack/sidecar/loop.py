"""The work of the process beside training: it follows every run of one training process, until all is done for them.

A run goes through the stages of `run_stages`. `_handle_message` hears from training that a run begins or ends,
`_record_exits` ends the runs of a training process that is gone, and `_advance` starts whatever a run is ready for.
"""

import os
from time import monotonic
from typing import assert_never

import msgspec

from autotrack.protocol import (
    AnyMessage,
    Compared,
    Finalize,
    Finalized,
    Flush,
    Flushed,
    Follow,
    Hello,
    MakeCopy,
    MessageFile,
    Progress,
    Say,
    Shutdown,
    ShutdownDone,
    Task,
    Wakeup,
)
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.sidecar.capture.runner import Captures
from autotrack.sidecar.flushes import PAUSE_SECONDS, Flushes
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.guard import Guard
from autotrack.sidecar.load_schedule import LoadSchedule
from autotrack.sidecar.open_files import ReadFiles
from autotrack.sidecar.priority import Priority
from autotrack.sidecar.progress import progress_of
from autotrack.sidecar.run_outputs import RunOutputs
from autotrack.sidecar.short_run import ShortCompletion
from autotrack.sidecar.short_runs import ShortRuns
from autotrack.sidecar.terminal_lines import TerminalLines
from autotrack.sidecar.training_exit import ExitStatus, TrainingProcess
from autotrack.sidecar.upload_thread import Uploads
from autotrack.sidecar.waiting import Patience, wait
from autotrack.sidecar.worker import Worker
from autotrack.sinks import named_servers

_UPDATE_SECONDS = 1.0
"""How often journals are read and made durable. A power cut costs no more than what was recorded in this time."""

_MOST_REMEMBERED = 100
"""How many runs that are done can be followed again as they were; others are brought up to date as short runs are."""
_MOST_CLOSELY = 32
"""How many runs, of a process that begins many, are followed closely at the same time."""


class Sidecar:
    """Follows the runs of one training process, of which `reads` sees what it reads.

    Three kinds of threads share the work: the loop hears from training and does the quick work, a worker thread does
    what takes time (`worker.py`), and every server has an upload thread.
    """

    def __init__(self, task: Task, priority: Priority, reads: ReadFiles) -> None:
        self._task = task
        self._priority = priority
        self._inbox, self._outbox = MessageFile(task.to_sidecar), MessageFile(task.from_sidecar)
        self._wakeup = Wakeup(task.wakeup)
        self._output = RunOutputs(task.output, self._wakeup.wake)
        self._training = TrainingProcess(task)
        self._load = LoadSchedule(task.pid)
        self._reads = reads
        self._uploads = Uploads()
        self._terminal = TerminalLines(self._outbox)
        self._runs: dict[str, FollowedRun] = {}
        self._guard = Guard(self._runs)
        captures, earlier_runs = Captures(), EarlierRuns()
        self._short_runs = ShortRuns(
            ShortCompletion(task.pid, captures, earlier_runs),
            output=self._output,
            load=self._load,
            uploads=self._uploads,
            terminal=self._terminal,
            outbox=self._outbox,
        )
        self._worker = Worker(
            self._guard.call,
            self._wakeup.wake,
            captures=captures,
            earlier_runs=earlier_runs,
            terminal=self._terminal,
            reads=self._reads,
        )
        self._flushes = Flushes(self._runs, self._short_runs, self._uploads, guard=self._guard, outbox=self._outbox)
        self._follows: dict[str, Follow] = {}  # also of runs that are done: something may be added to them
        self._modules: list[str] = []
        self._packages: list[str] = []
        self._exit_timeout = 0.0
        self._next_update = 0.0
        self._is_shutting_down = self._is_told_to_end = False
        self._reported: Progress | ShutdownDone | None = None

    def run(self) -> bool:
        """Work until the training process has ended and nothing is left to do; return False if something is."""
        is_alive, patience = True, Patience()
        while is_alive or self._runs or self._short_runs.is_busy or self._uploads.is_busy:
            if self._is_told_to_end or (not is_alive and patience.is_over(self._left())):
                return False
            self._wait(is_alive)
            is_alive = is_alive and self._training.is_alive()
            for message in self._inbox.receive():
                self._guard.call(self._handle_message, message)
            self._guard.call(self._output.receive)
            if not is_alive:
                self._guard.call(self._record_exits)
            if monotonic() >= self._next_update:
                self._next_update = monotonic() + _UPDATE_SECONDS
                self._guard.each(FollowedRun.keep_up)
                self._guard.call(self._reads.look, self._load.children)
                self._guard.call(self._follow_grown)
                self._guard.call(self._inbox.free_read)
            self._guard.call(self._sample)
            self._guard.each(self._advance)
            self._guard.call(self._short_runs.advance)
            self._worker.complete(self._short_runs)
            self._guard.call(self._flushes.advance)
            if self._is_shutting_down or not is_alive:
                self._priority.restore()
                self._flush_uploads()
            if self._is_shutting_down:
                self._report_progress()
        return True

    def break_off(self) -> bool:
        """Have `run` return unless training goes on, whose end is still to be recorded. Signal handlers call it."""
        self._is_told_to_end = not self._training.is_alive()
        self._wakeup.wake()
        return self._is_told_to_end

    def record_exits(self) -> None:
        """Record how training ended, and leave everything else to `autotrack sync`."""
        for message in self._inbox.receive():
            self._guard.call(self._handle_message, message)
        exit_status = self._training.exit_status(os.environ)
        for run in self._unsettled():
            self._guard.call(FollowedRun.settle_exit, run, exit_status, self._task.pid)
        self._short_runs.settle_exits(exit_status)

    # ---- What training tells it

    def _handle_message(self, message: AnyMessage) -> None:
        match message:
            case Follow():
                self._follow(message)
            case MakeCopy():
                self._worker.copy(message.copy, self._runs.get(message.folder))
            case Finalize():
                self._finalize(message)
            case Flush():
                self._guard.call(self._output.receive)
                self._flushes.add(message)
            case Shutdown():
                self._is_shutting_down = True
                self._guard.each(lambda run: self._end(run) if run.follow.only_load else None)
            case Hello() | Finalized() | Flushed() | Compared() | Say() | Progress() | ShutdownDone():
                pass  # the sidecar sends these and never receives them
            case _:
                assert_never(message)

    def _follow(self, follow: Follow) -> None:
        if follow.modules is None:
            follow = msgspec.structs.replace(follow, modules=self._modules)
        if follow.packages is None:
            follow = msgspec.structs.replace(follow, packages=self._packages)
        self._modules, self._packages = follow.modules or [], follow.packages or []
        self._exit_timeout = max(self._exit_timeout, follow.exit_timeout)
        named_servers.remember(follow.destinations)
        self._close_outputs()
        if follow.is_one_of_many:
            self._short_runs.follow(follow)
        else:
            self._follow_closely(follow)

    def _follow_closely(self, follow: Follow) -> None:
        run = self._runs.get(follow.folder)
        if run is None:
            run = FollowedRun(follow)
        else:
            run.resume(follow)
        self._guard.call(
            FollowedRun.read, run
        )  # first: the worker may be about to capture for all runs that are there
        self._runs[follow.folder] = run
        self._follows[follow.folder] = follow
        while len(self._follows) > _MOST_REMEMBERED:
            del self._follows[next(iter(self._follows))]
        self._output.open(run)
        self._next_update = 0.0  # after all other messages: a short run may be over already
        if not follow.only_load:
            self._guard.call(self._upload, run)
        self._load.sample_at_once()
        if run.subject is not None:
            self._reads.watch(os.path.normpath(run.subject.started.cwd / run.subject.script_folder))
        if not run.stages.is_captured:
            self._worker.capture(run, self._runs.values)

    def _follow_grown(self) -> None:
        """Follow runs closely that turn out not to be short."""
        for follow in self._short_runs.take_grown(_MOST_CLOSELY - len(self._runs)):
            self._follow_closely(msgspec.structs.replace(follow, is_one_of_many=False))
        self._short_runs.settle()

    def _upload(self, run: FollowedRun) -> None:
        for url in run.servers:
            self._uploads.add(url, run.folder, run.follow.uploads, on_problem=lambda text: self._report(run, text))

    def _finalize(self, message: Finalize) -> None:
        folder = message.folder
        if folder not in self._runs and not self._follow_again(folder):
            self._short_runs.end(message)
            return
        run = self._runs[folder]
        if run.follow.system_seconds and not run.stages.is_finalized:  # a short run gets one sample, too
            run.put_load(self._load.latest(run.folder))
        self._end(run, awaits_exit_code=message.at_exit)
        if message.is_awaited:
            self._outbox.send(Finalized(folder=folder))

    def _follow_again(self, folder: str) -> bool:
        """Follow a run that was done, because something was added to it; return False if it was a short one."""
        if follow := self._follows.get(folder):
            self._follow_closely(msgspec.structs.replace(follow, environment=False, system_seconds=0.0, output=0))
        return follow is not None

    def _end(self, run: FollowedRun, *, awaits_exit_code: bool = False) -> None:
        run.stages.finalize(awaits_exit_code=awaits_exit_code)
        self._output.end(run)
        run.flush()
        if not run.follow.only_load:
            self._reads.opened.look()
            self._worker.complete_files(run)

    def _close_outputs(self) -> None:
        """Close the logs of runs that have ended: what is printed from now on is not theirs."""
        for folder in self._output.close_ended():
            if folder in self._runs or self._follow_again(folder):
                self._runs[folder].add_output()
                self._end(self._runs[folder])

    # ---- What it does by itself

    def _record_exits(self) -> None:
        """Record how the training process ended in the runs that it left open or ended without knowing."""
        unsettled = self._unsettled()
        if unsettled or self._short_runs.is_open:
            exit_status = self._training.exit_status(os.environ)
            for run in unsettled:
                self._guard.call(self._record_exit, run, exit_status)
            self._short_runs.record_exits(exit_status)
        if folder := self._output.write_last_short():
            self._finalize(Finalize(folder=folder))
        self._close_outputs()

    def _unsettled(self) -> list[FollowedRun]:
        return [run for run in self._runs.values() if run.stages.awaits_exit_code or not run.stages.is_finalized]

    def _left(self) -> object:
        return len(self._runs), self._short_runs.left, self._uploads.is_busy and monotonic()

    def _record_exit(self, run: FollowedRun, exit_status: ExitStatus) -> None:
        run.settle_exit(exit_status, self._task.pid)
        self._end(run)

    def _sample(self) -> None:
        runs = [run for run in self._runs.values() if run.follow.system_seconds and not run.stages.is_finalized]
        if load := self._load.sample(runs):
            self._training.memory_bytes = int(load.get("process_memory_bytes", 0))

    def _advance(self, run: FollowedRun) -> None:
        """Start what a run is ready for, and stop following it when all is done."""
        if run.stages.begin_comparing(has_metrics=run.facts.has_metrics):
            self._worker.compare(run)
        elif run.is_worth_a_preview and run.stages.begin_preview():
            self._worker.preview(run)
        if run.stages.is_done and not run.stages.awaits_exit_code:
            del self._runs[run.follow.folder]
            run.flush()
            run.make_durable()
            run.close()
            self._uploads.end(run.servers, run.folder)

    def _flush_uploads(self) -> None:
        """Send the rest at once. When training is over, give up on a server that has accepted nothing for too long."""
        in_use = {url for run in self._runs.values() for url in run.servers}
        self._uploads.flush_now(in_use, patience=self._exit_timeout)

    def _report_progress(self) -> None:
        """Tell training, which is waiting, what is left to do. First make durable what is done."""
        progress = progress_of([run.stages for run in self._runs.values()], self._short_runs, self._uploads)
        if progress != self._reported:
            self._guard.each(FollowedRun.make_durable)
            self._outbox.send(progress)
            self._reported = progress

    def _report(self, run: FollowedRun, problem: str) -> None:
        """Record that a server does not take a run, and say so at once, before somebody looks for the run there."""
        run.notice("remote", problem)
        if not run.follow.quiet:
            self._terminal.say_problem(problem)

    # ---- Helpers

    def _wait(self, is_alive: bool) -> None:
        """Wait for a message, for the end of the training process, or for the time of the next work."""
        times = [self._next_update, *filter(None, [self._load.next_sample])]
        longest = PAUSE_SECONDS if self._flushes.is_awaited else _UPDATE_SECONDS
        seconds = min(max(min(times) - monotonic(), 0.0), longest)
        wait(self._task, seconds, is_alive=is_alive)
        self._wakeup.clear()
