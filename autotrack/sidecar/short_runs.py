"""Runs of a process that begins many: as long as one of them is short, hardly anything is done for it.

A script may fit ten thousand models, each within a millisecond. So a run that is one of many is only remembered until
it ends. Then the worker thread completes it in one go, with an environment that it shares with the others, and it is
forgotten. No event file is made, no plot is drawn: `autotrack tensorboard` and `autotrack sync` do so when somebody
wants to look. A run that is still going on after ten seconds is followed like any other from then on.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from autotrack.protocol import SHORT_SECONDS, Finalize, Finalized, Follow, MessageFile
from autotrack.sidecar.durability import sync_file_system
from autotrack.sidecar.load_schedule import Load, LoadSchedule
from autotrack.sidecar.run_outputs import RunOutputs
from autotrack.sidecar.short_run import ShortCompletion
from autotrack.sidecar.terminal_lines import TerminalLines
from autotrack.sidecar.training_exit import ExitStatus
from autotrack.sidecar.upload_thread import Uploads
from autotrack.sinks import build

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
    """A run that waits to be completed; `is_awaited` says whether training waits for that."""

    follow: Follow
    load: Load | None = None
    exit_status: ExitStatus | None = None
    awaited_exit_code: bool = False
    is_awaited: bool = False


class ShortRuns:
    """The short runs of a process. The loop calls everything but `work`, which is for the worker thread."""

    def __init__(
        self,
        completion: ShortCompletion,
        *,
        output: RunOutputs,
        load: LoadSchedule,
        uploads: Uploads,
        terminal: TerminalLines,
        outbox: MessageFile,
    ) -> None:
        self._completion = completion
        self._output = output
        self._load = load
        self._uploads = uploads
        self._terminal = terminal
        self._outbox = outbox
        self._open: dict[str, _Open] = {}
        self._settled: deque[Follow] = deque()
        self._ended: deque[_Ended] = deque()
        self._completed: deque[_Ended] = deque()
        self._unsynced: dict[Path, None] = {}

    # ---- What the loop says

    def follow(self, follow: Follow) -> None:
        """Remember a run that begins."""
        self._open[follow.folder] = _Open(follow)

    def end(self, message: Finalize) -> None:
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
            self._ended.append(_Ended(run.follow, self._last_look(run.follow), is_awaited=message.is_awaited))

    def record_exits(self, exit_status: ExitStatus) -> None:
        """Complete the runs that the process, which is gone, has left open."""
        while self._open:
            _, run = self._open.popitem()
            load = self._last_look(run.follow)
            ended = _Ended(run.follow, load, exit_status=exit_status, awaited_exit_code=run.awaits_exit_code)
            self._ended.append(ended)

    def settle_exits(self, exit_status: ExitStatus) -> None:
        """Record how the process has ended in the runs that it has left open, and do nothing else for them."""
        for run in self._open.values():
            self._completion.record_exit(run.follow, exit_status, awaited=run.awaits_exit_code)
        for ended in list(self._ended):
            if ended.exit_status is not None:
                self._completion.record_exit(ended.follow, exit_status, awaited=ended.awaited_exit_code)

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

    def advance(self) -> None:
        """Say which runs have been completed, and have them sent to servers."""
        while self._completed:
            ended = self._completed.popleft()
            follow, folder = ended.follow, Path(ended.follow.folder)
            if ended.is_awaited:
                self._outbox.send(Finalized(folder=follow.folder))
            servers = build.servers(follow.destinations)
            for url in servers:
                self._uploads.add(url, folder, follow.uploads, on_problem=self._terminal.say_problem)
            self._uploads.end(servers, folder)

    def _last_look(self, follow: Follow) -> Load | None:
        """Put what a run that ends has printed into its log, and return the load at this time."""
        self._output.end_short(follow)
        return self._load.latest(Path(follow.folder)) if follow.system_seconds else None

    @property
    def is_open(self) -> bool:
        """Whether the process has left any run open."""
        return bool(self._open)

    @property
    def is_busy(self) -> bool:
        """Whether any run is open, or not complete."""
        return bool(self._open or self._ended or self._settled or self._completed)

    @property
    def left(self) -> int:
        """How many runs are not complete."""
        return len(self._open) + len(self._ended)

    def being_completed(self, folders: Collection[str]) -> int:
        """Return how many of these runs have ended and are not complete; of all if there are none."""
        ended = [one.follow.folder for one in (*list(self._ended), *list(self._completed))]
        return sum(not folders or folder in folders for folder in ended)

    def open_among(self, folders: Collection[str]) -> int:
        """Return how many of these runs are open; of all if there are none."""
        return sum(not folders or folder in folders for folder in self._open)

    # ---- What the worker thread does

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._ended or self._settled or self._unsynced)

    def work(self) -> None:
        """Do a part of what is to be done, so that runs which are not short get their turn."""
        for _ in range(min(len(self._settled), _AT_A_TIME)):
            self._completion.give_environment(self._settled.popleft())
        for _ in range(min(len(self._ended), _AT_A_TIME)):
            try:
                self._complete(self._ended[0])
            finally:
                self._completed.append(self._ended.popleft())
        if not self._ended:
            while self._unsynced:
                folder, _ = self._unsynced.popitem()
                sync_file_system(folder)

    def _complete(self, ended: _Ended) -> None:
        if ended.exit_status is not None:
            self._completion.record_exit(ended.follow, ended.exit_status, awaited=ended.awaited_exit_code)
        self._completion.complete(ended.follow, ended.load)
        self._unsynced[Path(ended.follow.folder).parent] = None
