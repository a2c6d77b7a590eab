"""Runs of a process that begins many: as long as one of them is short, hardly anything is done for it.

A script may fit ten thousand models, each within a millisecond. So a run that is one of many is only remembered until
it ends. Then the worker thread completes it in one go, with an environment that it shares with the others, and it is
forgotten. No event file is made, no plot is drawn: `autotrack tensorboard` and `autotrack sync` do so when somebody
wants to look. A run that is still going on after ten seconds is followed like any other from then on.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from autotrack.protocol import SHORT_SECONDS, Finalize, Follow
from autotrack.readers.earlier_runs import EarlierRuns
from autotrack.sidecar.capture.runner import Captures
from autotrack.sidecar.capture.shared import SharedCaptures
from autotrack.sidecar.durability import sync_file_system
from autotrack.sidecar.exit_status import ExitStatus
from autotrack.sidecar.load_schedule import Load
from autotrack.sidecar.short_run import ShortRun

Prepare = Callable[[Follow], Load | None]
"""Does what only the loop can do for a run that ends; returns the load at that time."""

_SETTLED_SECONDS = 1.0
"""A run that goes on for longer gets its environment before it ends: the sidecar may be killed meanwhile."""

_AT_A_TIME = 50


@dataclass
class _Open:
    """A run that is going on, or whose end awaits the exit code of the process."""

    follow: Follow
    since: float = field(default_factory=monotonic)
    has_environment: bool = False
    awaits_exit_code: bool = False


@dataclass(frozen=True)
class _Ended:
    follow: Follow
    load: Load | None = None
    exit_status: ExitStatus | None = None
    awaited_exit_code: bool = False
    is_awaited: bool = False


class ShortRuns:
    """The short runs of a process. The loop calls everything but `work`, which is for the worker thread.

    Args:
        pid: The process.
        captures: What has been captured for other runs of the process.
        earlier_runs: What short runs are compared with.
    """

    def __init__(self, pid: int, *, captures: Captures, earlier_runs: EarlierRuns) -> None:
        self._pid = pid
        self._captures = SharedCaptures(captures)
        self._earlier_runs = earlier_runs
        self._open: dict[str, _Open] = {}
        self._settled: deque[Follow] = deque()
        self._ended: deque[_Ended] = deque()
        self._completed: deque[tuple[Follow, bool]] = deque()
        self._unsynced: dict[Path, None] = {}

    # ---- What the loop says

    def follow(self, follow: Follow) -> None:
        """Remember a run that begins."""
        self._open[follow.folder] = _Open(follow)

    def end(self, message: Finalize, *, prepare: Prepare) -> None:
        """Have a run completed that has ended, or to which something was added after its end.

        A run that ended while Python was exiting waits until it is known how the process has ended.
        """
        run = self._open.get(message.folder)
        if run is None:
            follow = Follow(folder=message.folder, environment=False)
            self._ended.append(_Ended(follow, is_awaited=message.is_awaited))
        elif message.at_exit:
            run.awaits_exit_code = True
        else:
            del self._open[message.folder]
            self._ended.append(_Ended(run.follow, prepare(run.follow), is_awaited=message.is_awaited))

    def record_exits(self, exit_status: ExitStatus, *, prepare: Prepare) -> None:
        """Complete the runs that the process, which is gone, has left open."""
        while self._open:
            _, run = self._open.popitem()
            ended = _Ended(
                run.follow, prepare(run.follow), exit_status=exit_status, awaited_exit_code=run.awaits_exit_code
            )
            self._ended.append(ended)

    def take_grown(self, most: int) -> list[Follow]:
        """Return up to `most` runs that are not short any more, and forget them."""
        until = monotonic() - SHORT_SECONDS
        grown = [folder for folder, run in self._open.items() if run.since < until and not run.awaits_exit_code]
        return [self._open.pop(folder).follow for folder in grown[: max(most, 0)]]

    def settle(self) -> None:
        """Have those runs get their environment that have been going on for a while."""
        until = monotonic() - _SETTLED_SECONDS
        for run in self._open.values():
            if run.since < until and not run.has_environment:
                run.has_environment = True
                self._settled.append(run.follow)
                self._unsynced[Path(run.follow.folder).parent] = None

    def take_completed(self) -> Iterable[tuple[Follow, bool]]:
        """Yield the runs that have been completed since the last call, and whether training waits for that."""
        while self._completed:
            yield self._completed.popleft()

    @property
    def is_open(self) -> bool:
        """Whether the process has left any run open."""
        return bool(self._open)

    @property
    def has_work(self) -> bool:
        """Whether there is anything for the worker thread to do."""
        return bool(self._ended or self._settled or self._unsynced)

    @property
    def is_busy(self) -> bool:
        """Whether any run is open, or not complete."""
        return bool(self._open or self._ended or self._settled or self._completed)

    # ---- What the worker thread does

    def work(self) -> None:
        """Do a part of what is to be done, so that runs which are not short get their turn."""
        for _ in range(min(len(self._settled), _AT_A_TIME)):
            self._give_environment(self._settled.popleft())
        for _ in range(min(len(self._ended), _AT_A_TIME)):
            ended = self._ended[0]
            try:
                self._complete(ended)
            finally:
                self._ended.popleft()
                self._completed.append((ended.follow, ended.is_awaited))
        if not self._ended:
            while self._unsynced:
                folder, _ = self._unsynced.popitem()
                sync_file_system(folder)

    def _give_environment(self, follow: Follow) -> None:
        with ShortRun(follow) as run:
            run.take_environment(self._captures)

    def _complete(self, ended: _Ended) -> None:
        with ShortRun(ended.follow) as run:
            self._unsynced[run.folder.parent] = None
            if ended.exit_status is not None:
                run.record_exit(ended.exit_status, pid=self._pid, awaited=ended.awaited_exit_code)
            run.complete(self._captures, self._earlier_runs, ended.load)
