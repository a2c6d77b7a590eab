"""The process beside training: looks after every run of one training process, until that has ended and all is done."""

import contextlib
import os
import select
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import msgspec

from autotrack.protocol import (
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
from autotrack.sidecar.capture.load import LoadSampler
from autotrack.sidecar.capture.runner import Captures
from autotrack.sidecar.exit_status import ExitStatus, TrainingProcess
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.upload_thread import UploadThread

_LOOK_SECONDS = 1.0
"""How often journals are read and made durable: what a power cut costs at most."""

_RECENT_SECONDS = 0.5
_WITHOUT_A_BELL_SECONDS = 0.05
_NICENESS = 10


class Sidecar:
    """Does what it is told, and once a second what is always to do; slow work is done by a thread beside."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._inbox, self._outbox = MessageFile(task.to_sidecar), MessageFile(task.from_sidecar)
        self._wakeup = Wakeup(task.wakeup)
        self._training = TrainingProcess(task)
        self._sampler: LoadSampler | None = None
        self._sampled: dict[str, float | int] = {}
        self._sampled_at = 0.0
        self._captures = Captures()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="autotrack-worker")
        self._runs: dict[str, FollowedRun] = {}
        self._jobs: dict[str, list[Future[None]]] = {}
        self._upload_threads: dict[str, UploadThread] = {}
        self._known: dict[str, Follow] = {}
        self._next_look = self._next_sample = 0.0
        self._is_leaving = self._has_said_changes = False
        self._has_said: set[str] = set()
        self._told: Progress | ShutdownDone | None = None

    def run(self) -> None:
        """Work until the training process has ended and nothing is left to do."""
        self._outbox.send(Hello(pid=os.getpid()))
        is_alive = True
        while is_alive or self._runs or self._upload_threads:
            self._wait(is_alive)
            is_alive = is_alive and self._training.is_alive()
            for message in self._inbox.receive():
                self._guarded(self._take, message)
            if not is_alive:
                self._guarded(self._record_exits)
            if monotonic() >= self._next_look:
                self._next_look = monotonic() + _LOOK_SECONDS
                self._each(_look)
            self._guarded(self._sample)
            self._each(self._advance)
            if self._is_leaving or not is_alive:
                self._flush_now()
            if self._is_leaving:
                self._tell_progress()

    # ---- what it is told

    def _take(self, message: object) -> None:
        if isinstance(message, Follow):
            self._follow(message)
        elif isinstance(message, Finalize):
            self._finalize(message)
        elif isinstance(message, Shutdown):
            self._is_leaving = True
            for run in [run for run in self._runs.values() if run.follow.only_load]:
                self._end(run)

    def _follow(self, follow: Follow) -> None:
        run = self._runs.get(follow.folder)
        if run is None:
            run = self._runs[follow.folder] = FollowedRun(follow)
            self._jobs[follow.folder] = []
        else:
            run.go_on(follow)
        self._known[follow.folder] = follow
        run.take_in()
        self._next_look = 0.0  # after what else is said: a short run may be over already
        if not follow.only_load:
            self._guarded(self._send, run)
        self._next_sample = 0.0
        if not run.is_captured:
            self._start(run, self._capture_waiting)

    def _send(self, run: FollowedRun) -> None:
        for url in run.servers:
            if url not in self._upload_threads:
                self._upload_threads[url] = UploadThread(url)
            self._upload_threads[url].add(
                run.folder, run.follow.uploads, on_problem=lambda text: self._trouble(run, text)
            )

    def _finalize(self, message: Finalize) -> None:
        folder = message.folder
        if folder not in self._runs:  # it has ended before, and something was added to it
            known = self._known.get(folder, Follow(folder=folder))
            self._follow(msgspec.structs.replace(known, environment=False, system_seconds=0.0))
        run = self._runs[folder]
        if run.follow.system_seconds and not run.is_finalized:  # a short run has one sample, too
            run.put_load(self._load(run))
        run.ended_at_exit = message.at_exit
        self._end(run)
        self._outbox.send(Finalized(folder=folder))

    def _end(self, run: FollowedRun) -> None:
        run.is_finalized = True
        run.flush()
        if not run.follow.only_load:
            self._start(run, run.add_checksums)

    def _record_exits(self) -> None:
        """The training process is gone: end the runs that it has not ended itself, or not knowing how."""
        concerned = [run for run in self._runs.values() if run.ended_at_exit or not run.is_finalized]
        if concerned:
            exit_status = self._training.exit_status(os.environ)
            for run in concerned:
                self._guarded(self._record_exit_of, run, exit_status)

    def _record_exit_of(self, run: FollowedRun, exit_status: ExitStatus) -> None:
        ended_at_exit, run.ended_at_exit, run.is_finalized = run.ended_at_exit, False, True  # even if this fails
        run.look()
        if run.is_left_by(self._task.pid):
            run.record_exit(exit_status)
        elif ended_at_exit and exit_status.is_certain:
            run.correct(exit_status)
        self._end(run)

    # ---- what it does by itself

    def _sample(self) -> None:
        runs = [run for run in self._runs.values() if run.follow.system_seconds and not run.is_finalized]
        if not runs:
            self._next_sample = 0.0  # nothing is due
            return
        if monotonic() < self._next_sample:
            return
        self._next_sample = monotonic() + min(run.follow.system_seconds for run in runs)
        values = self._load(runs[0])
        self._training.memory_bytes = int(values.get("process_memory_bytes", 0))
        for run in runs:
            run.put_load(values)

    def _load(self, run: FollowedRun) -> dict[str, float | int]:
        """Sample the load, or return the last sample where that is recent: runs may end a hundred times a second."""
        if self._sampler is None:
            self._sampler = LoadSampler(self._task.pid, run.folder)
        if not self._sampled or monotonic() - self._sampled_at > _RECENT_SECONDS:
            self._sampled, self._sampled_at = self._sampler.sample(), monotonic()
        return self._sampled

    def _advance(self, run: FollowedRun) -> None:
        """Start what a run is ready for; let go of it when it has ended and nothing is left to do."""
        if run.is_captured and not run.is_compared and (run.has_metrics or run.is_finalized):
            run.is_compared = True  # params are known: they come before the first metrics
            self._start(run, lambda: self._compare(run))
        jobs = self._jobs[run.follow.folder]
        run.is_done = run.is_finalized and run.is_captured and run.is_compared and all(job.done() for job in jobs)
        if run.is_done and not run.ended_at_exit:
            del self._runs[run.follow.folder], self._jobs[run.follow.folder]
            run.flush()
            run.make_durable()
            run.close()
            for url in run.servers:
                if url in self._upload_threads:
                    self._upload_threads[url].end(run.folder)

    def _capture_waiting(self) -> None:
        """Capture for all runs that wait, at once: what is found after they began holds for each of them."""
        waiting = [run for run in list(self._runs.values()) if not run.is_captured]
        places: dict[Path | None, list[FollowedRun]] = {}
        for run in waiting:
            subject = run.subject
            places.setdefault(subject.script_folder if subject else None, []).append(run)
        try:
            for runs in places.values():
                self._captures.take(runs)
        finally:
            for run in waiting:  # once is enough, also where it failed: they are to end
                run.is_captured = True

    def _compare(self, run: FollowedRun) -> None:
        line = run.add_changes()
        if line and not run.follow.quiet and not self._has_said_changes:
            self._has_said_changes = True  # of a search with a hundred runs, the first says it
            self._outbox.send(Say(line=line))
        run.has_said = True

    def _trouble(self, run: FollowedRun, said: str) -> None:
        """A server does not take a run: its user should know at once, not when looking for it there."""
        run.notice("remote", said)
        if not run.follow.quiet and said not in self._has_said:
            self._has_said.add(said)
            self._outbox.send(Say(line=f"autotrack: {said}"))

    def _flush_now(self) -> None:
        """Have the rest sent at once; give up, once training is over, when nothing arrives any more."""
        for url, thread in list(self._upload_threads.items()):
            patience = max((known.exit_timeout for known in self._known.values()), default=0.0)
            if thread.is_done and not any(url in run.servers for run in self._runs.values()):
                thread.stop()
                del self._upload_threads[url]
            elif thread.seconds_stuck() > patience:
                thread.stop()
            else:
                thread.flush_now()

    def _tell_progress(self) -> None:
        now: Progress | ShutdownDone = ShutdownDone()
        runs = list(self._runs.values())
        if not all(run.is_captured and run.is_finalized and run.has_said for run in runs):
            now = Progress(urgent=True, doing="capturing the environment")
        elif self._upload_threads:
            now = Progress(urgent=True, doing=next(iter(self._upload_threads.values())).describe())
        elif not all(run.is_done for run in runs):
            now = Progress(urgent=False, doing="computing checksums")
        if now != self._told:
            self._each(_make_durable)
            self._outbox.send(now)
            self._told = now

    # ---- how it does it

    def _start(self, run: FollowedRun, work: Callable[[], None]) -> None:
        def job() -> None:
            self._guarded(lambda _: work(), run)
            self._wakeup.wake()

        self._jobs[run.follow.folder].append(self._worker.submit(job))

    def _each(self, act: Callable[[FollowedRun], None]) -> None:
        for run in list(self._runs.values()):
            self._guarded(act, run)

    def _guarded(self, act: Callable[..., None], *args: object) -> None:
        try:
            act(*args)
        except Exception as fault:  # noqa: BLE001  the trouble of one run is not that of others, or of training
            concerned = [one for one in args if isinstance(one, FollowedRun)]
            for run in concerned or list(self._runs.values()):
                with contextlib.suppress(Exception):
                    run.notice("sidecar", f"{type(fault).__name__}: {fault}")

    def _wait(self, is_alive: bool) -> None:
        due = min(self._next_look, self._next_sample) if self._next_sample else self._next_look
        seconds = min(max(due - monotonic(), 0.0), _LOOK_SECONDS)
        heard = [fd for fd in (self._task.wakeup, self._task.process if is_alive else None) if fd is not None]
        if self._task.wakeup is None or self._task.process is None:
            seconds = min(seconds, _WITHOUT_A_BELL_SECONDS)
        if not heard:
            sleep(seconds)
            return
        poll = select.poll()
        for fd in heard:
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)
        self._wakeup.clear()


def _look(run: FollowedRun) -> None:
    if not run.is_finalized:
        run.look()
        run.make_durable()


def _make_durable(run: FollowedRun) -> None:
    run.make_durable()


def main(task_json: str) -> None:
    """Be the sidecar of the process that wrote this task."""
    task = msgspec.json.decode(task_json, type=Task)
    _settle_in(task)
    Sidecar(task).run()


def _settle_in(task: Task) -> None:
    """Leave the session of the training process, its terminal and its descriptors; be in nobody's way."""
    with contextlib.suppress(OSError):  # it leads a session already
        os.setsid()
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # meant for the training process, whose end is then to be recorded
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    kept = {0, 1, 2, *task.descriptors()}
    for fd in _open_descriptors():
        if fd not in kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def _open_descriptors() -> list[int]:
    for place in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return [int(name) for name in os.listdir(place)]  # noqa: PTH208  names, not paths
    return list(range(3, 256))
