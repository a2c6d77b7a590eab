"""The process beside this one, as seen from here: what it is told, what it replies, and whether it lives."""

from functools import partial
from itertools import islice
from math import isfinite
from pathlib import Path
from time import monotonic, sleep
from typing import assert_never

import msgspec

from autotrack.journal import summary
from autotrack.output_channel import OutputWriter
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
    Progress,
    Say,
    Shutdown,
    ShutdownDone,
)
from autotrack.training import terminal
from autotrack.training.end_reports import EndReports, WhenRefreshed
from autotrack.training.hooks.faults import report_fault
from autotrack.training.spawn import Spawned
from autotrack.training.terminal import StartLines, held_lines

_NOT_URGENT_SECONDS = 0.3
"""How long the end of this process waits for work that is not urgent, if something is to be said of it."""

_UNSEEN_SECONDS = 0.05
"""How long it waits for work of which nobody hears, such as the summaries of a hundred short fits."""

_POLL_SECONDS = 0.003

_MOST_ENDED = 1000
_MOST_TAKEN_OVER = 100
"""How many runs this process completes should the sidecar die: that takes milliseconds each."""


class SidecarProcess:
    """A sidecar that has been started.

    Args:
        spawned: The process, and the ways to talk to it.
        secrets: The secret variables that it has in its own environment.

    Attributes:
        pid: The process id; None until it has said hello.
        progress: What it last said it was doing.
        followed: The folders of the runs that it was told to follow. The oldest of those that have ended are
            forgotten.
        ended: The folders of those that have ended, in the order of their ends.
        left: How many of them `take_latest` has left out.
        is_done: Whether it has said, after `Shutdown`, that nothing is left to do.
    """

    def __init__(self, spawned: Spawned, secrets: dict[str, str]) -> None:
        self._spawned = spawned
        self._secrets = secrets
        self._reports = EndReports()
        self._starts = StartLines()
        self.pid: int | None = None
        self.progress = Progress(urgent=True, doing="starting the process beside training")
        self.followed: set[str] = set()
        self.ended: dict[str, None] = {}
        self.left = 0
        self._modules: list[str] | None = None
        self._packages: list[str] | None = None
        self.is_done = False
        self._flushes = 0
        self._flushed: Flushed | None = None

    def is_alive(self) -> bool:
        """Whether it is there or starting."""
        return self._spawned.is_alive()

    @property
    def output(self) -> OutputWriter | None:
        """What hands the output of runs to it; None where that stays in this process."""
        return self._spawned.output

    def secrets_it_lacks(self, secrets: dict[str, str]) -> dict[str, str]:
        """Return those of the secrets that are not in its own environment."""
        return {name: value for name, value in secrets.items() if self._secrets.get(name) != value}

    def send(self, message: AnyMessage, *, at_once: bool = True) -> None:
        """Send a message. Raises `OSError` when it cannot be written.

        Args:
            message: What to send.
            at_once: Wake the process. Otherwise it reads the message within a second: waking costs more than sending.
        """
        self._spawned.to_sidecar.send(message)
        if at_once:
            self._spawned.wakeup.wake()

    def follow(self, message: Follow) -> None:
        """Have it follow a run. Only the first one wakes it: a short fit should not do so each time."""
        is_first = not self.followed
        self.followed.add(message.folder)
        if message.environment and not (message.quiet or message.only_load or message.is_one_of_many):
            self._reports.await_comparison(message.folder)
            self._starts.begin(message.folder)
        if message.modules == self._modules:
            message = msgspec.structs.replace(message, modules=None)  # there may be thousands
        else:
            self._modules = message.modules
        if message.packages == self._packages:
            message = msgspec.structs.replace(message, packages=None)
        else:
            self._packages = message.packages
        self.send(message, at_once=is_first)

    def finalize(self, folder: str, *, at_exit: bool, when_refreshed: WhenRefreshed | None, patience: float) -> None:
        """Tell it that a run has ended, and wait for up to `patience` seconds until the summary is made.

        What is known then is said.
        """
        self.ended.pop(folder, None)
        self.ended[folder] = None
        self._starts.end(folder)
        self._reports.await_summary(folder, when_refreshed)
        is_awaited = patience > _POLL_SECONDS
        is_answered = is_awaited or self._reports.is_to_be_said(folder)
        self.send(Finalize(folder=folder, at_exit=at_exit, is_awaited=is_answered), at_once=is_awaited)
        if not is_answered:
            self._reports.take(folder)
        begun = monotonic()
        while is_awaited and self.is_alive():
            self.listen()
            if not self._reports.lacks_summary(folder) or monotonic() - begun >= patience:
                break
            sleep(_POLL_SECONDS)
        self._reports.say(also_incomplete=is_awaited)

    def flush(self, folders: list[str], timeout: float) -> list[str]:
        """Have it bring runs up to date, here and on servers; return what is not after `timeout` seconds.

        Raises `OSError` when it cannot be told.
        """
        self._flushes, self._flushed = self._flushes + 1, None
        begun = monotonic()
        self.send(Flush(number=self._flushes, folders=folders, seconds=timeout if isfinite(timeout) else None))
        while self.is_alive():
            self.listen()
            answer = self._flushed
            if answer is not None and (answer.is_final or monotonic() - begun >= timeout):
                return answer.lacking
            if monotonic() - begun >= timeout:
                return ["the process beside training has not answered yet"]
            sleep(_POLL_SECONDS)
        return ["the process beside training has ended"]

    def forget_oldest(self) -> list[str]:
        """Forget the runs that ended first, if there are too many, and return their folders."""
        oldest = list(islice(self.ended, max(len(self.ended) - _MOST_ENDED, 0)))  # asked at the end of each run
        for folder in oldest:
            del self.ended[folder]
            self.followed.discard(folder)
        return oldest

    def take_latest(self) -> list[str]:
        """Return the folders of the runs that ended last, which it may not have completed when it died."""
        latest = list(self.ended)[-_MOST_TAKEN_OVER:]
        self.left = len(self.ended) - len(latest)
        return latest

    def take_awaited(self, folder: str) -> WhenRefreshed | None:
        """Return whom to tell of the summary of this run, if nobody has been told yet."""
        return self._reports.take(folder)

    def say_reports(self) -> None:
        """Say of runs that have ended what it has said since: between runs, there is no progress bar to disturb."""
        self.listen()
        self._reports.say()

    def listen(self) -> None:
        """Take in what it has said since the last call. Only problems are said at once, and what a run begins with."""
        for message in self._spawned.from_sidecar.receive():
            match message:
                case Hello():
                    self.pid = message.pid
                case Finalized():
                    self._take_summary(message.folder)
                case Flushed():  # those of earlier questions may still come
                    self._flushed = message if message.number == self._flushes else self._flushed
                case Compared():
                    self._take_comparison(message)
                case Say():
                    terminal.say_amid(message.line)
                case Progress():
                    self.progress = message
                case ShutdownDone():
                    self.is_done = True
                case Follow() | MakeCopy() | Finalize() | Flush() | Shutdown():
                    pass  # these go the other way
                case _:
                    assert_never(message)
        self._starts.say()

    def _take_comparison(self, message: Compared) -> None:
        self._starts.take(message.folder, message.comparison.at_start)
        if not message.is_preliminary:
            self._reports.compared(message.folder, message.comparison)

    def _take_summary(self, folder: str) -> None:
        try:
            self._reports.refreshed(folder, partial(summary.read, Path(folder)))
        except (OSError, msgspec.DecodeError) as error:
            self._reports.take(folder)
            why = f"its disk may be full, or its folder may be gone: {error}"
            report_fault(
                "finish", f"{Path(folder).name} has no summary: {why}. Once that is mended, run: autotrack sync"
            )

    def _patience(self) -> float:
        return _NOT_URGENT_SECONDS if self._reports.are_awaited() else _UNSEEN_SECONDS

    def wait_for_shutdown(self, exit_timeout: float, waiting: terminal.Waiting) -> bool:
        """Wait until it has done what is urgent, for `exit_timeout` seconds at most; `waiting` says so.

        Returns:
            False if it died before it was done.
        """
        begun = monotonic()
        while self.is_alive():
            self.listen()
            self._reports.say()
            waited = monotonic() - begun
            if self.is_done or waited > (exit_timeout if self.progress.urgent else self._patience()):
                waiting.over()
                self._reports.say(also_incomplete=True)
                held_lines.release(at_once=True)
                return True
            waiting.show(self.progress.doing, waited)
            sleep(_POLL_SECONDS)
        waiting.over()
        return self.is_done
