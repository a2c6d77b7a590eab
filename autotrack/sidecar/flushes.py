"""Training asks for everything to be brought up to date while it goes on, and hears what is not so yet.

This is what `Run.wait` and `autotrack.flush` wait for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from time import monotonic

from autotrack.destinations import without_credentials
from autotrack.protocol import Flush, Flushed, MessageFile
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.guard import Guard
from autotrack.sidecar.short_runs import ShortRuns
from autotrack.sidecar.upload_thread import Uploads

PAUSE_SECONDS = 0.02
"""How often it is looked, while training waits."""


@dataclass
class _Request:
    """What training waits for, until when, and when the files in the run folders were brought up to date for that."""

    message: Flush
    until: float
    flushed_at: float | None = None
    told: Flushed | None = None


class Flushes:
    """What training waits for. The loop of the sidecar calls all of this.

    Args:
        runs: The runs that are followed closely, by their folders.
        short_runs: The others.
        uploads: What sends runs to servers.
        guard: Calls a function for a run; if that fails, it leaves a notice there.
        outbox: Where training hears of it.
    """

    def __init__(
        self,
        runs: Mapping[str, FollowedRun],
        short_runs: ShortRuns,
        uploads: Uploads,
        *,
        guard: Guard,
        outbox: MessageFile,
    ) -> None:
        self._runs, self._short_runs, self._uploads = runs, short_runs, uploads
        self._guard, self._outbox = guard, outbox
        self._requests: list[_Request] = []

    @property
    def is_awaited(self) -> bool:
        """Whether training waits for anything."""
        return bool(self._requests)

    def add(self, message: Flush) -> None:
        """Begin with what training asks for: whatever it is waiting for, readers find what is there so far."""
        request = _Request(message, until=inf if message.seconds is None else monotonic() + message.seconds)
        for run in self._wanted(message):
            self._guard.call(_flush, run)
        self._requests.append(request)

    def advance(self) -> None:
        """Go on with what training waits for, and tell it what is left."""
        for request in list(self._requests):
            lacking = list(self._being_made(request.message))
            is_final = False
            if not lacking:
                self._begin_sending(request)
                lacking, is_final = self._unsent(request)
            told = Flushed(number=request.message.number, lacking=lacking, is_final=is_final)
            if told != request.told:
                request.told = told
                self._outbox.send(told)
            if is_final or monotonic() > request.until:  # a server may be away for as long as training goes on
                self._requests.remove(request)

    def _wanted(self, message: Flush) -> list[FollowedRun]:
        return [run for folder, run in self._runs.items() if not message.folders or folder in message.folders]

    def _being_made(self, message: Flush) -> Iterator[str]:
        """Say what will still be added to the runs without training."""
        for run in self._wanted(message):
            if not run.stages.is_captured:
                yield f"{run.folder.name}: its environment is being captured"
            elif run.stages.is_finalized and not run.stages.is_done:
                yield f"{run.folder.name}: checksums are being computed"
        if ended := self._short_runs.being_completed(message.folders):
            yield f"{ended} short run{'s are' if ended > 1 else ' is'} being completed"

    def _begin_sending(self, request: _Request) -> None:
        if request.flushed_at is not None:
            return
        for run in self._wanted(request.message):
            self._guard.call(_flush, run)
        request.flushed_at = monotonic()
        self._uploads.send_now()

    def _unsent(self, request: _Request) -> tuple[list[str], bool]:
        """Say what servers lack, and what the disk refused; and whether waiting longer changes nothing."""
        problems = [problem for run in self._wanted(request.message) for problem in run.problems]
        since = request.flushed_at or 0.0
        waiting = False
        for url, folder, state in self._uploads.states(since):
            if request.message.folders and str(folder) not in request.message.folders:
                continue
            waiting = waiting or not state.is_settled
            problems += [f"{folder.name} at {without_credentials(url)}: {problem}" for problem in state.problems]
        if opened := self._short_runs.open_among(request.message.folders):
            problems.append(f"{opened} short run{'s' if opened > 1 else ''} of many: completed at the end of each")
        return problems, not waiting


def _flush(run: FollowedRun) -> None:
    run.flush()
    run.make_durable()
