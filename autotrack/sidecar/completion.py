"""What a sidecar does for a run, done in one go after the run has ended."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal import summary
from autotrack.journal.reader import journal_sizes
from autotrack.journal.standing import Comparison
from autotrack.protocol import Follow
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.settings import UploadLimits
from autotrack.sidecar.capture.load import LoadSampler
from autotrack.sidecar.capture.runner import CAPTURES, Captures
from autotrack.sidecar.capture.siblings import Siblings
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.output.receiver import OutputReceiver
from autotrack.sidecar.registering import register_models
from autotrack.sidecar.short_run import ShortCompletion
from autotrack.sidecar.silent_server import said_when_silent
from autotrack.sinks import build
from autotrack.sinks.owed import Owed
from autotrack.sinks.shipment import Shipment


class Sent(NamedTuple):
    """What became of a transfer: what broke it off, if anything did, and what the server has not taken."""

    fault: Exception | None
    owed: Owed


class Completed(NamedTuple):
    """What became of a run: how it compares with earlier ones, if that is new, and what could not be written."""

    comparison: Comparison | None
    problems: list[str]


class Completion:
    """Completes runs one by one, and remembers what has been captured for one, in case it is valid for the next.

    Args:
        siblings: Where runs find an environment that nobody has captured for them.
    """

    def __init__(self, siblings: Siblings | None = None) -> None:
        self._siblings = siblings
        self._captures = Captures()
        self._earlier_runs = EarlierRuns()
        self._short = ShortCompletion(os.getpid(), self._captures, self._earlier_runs)

    def complete(
        self, follow: Follow, notices: Iterable[tuple[str, str]] = (), *, output: OutputReceiver | None = None
    ) -> Completed:
        """Add what a run that has ended still lacks, and bring everything derived from it up to date.

        Calling it again does no harm: what is there is not made again. Nothing is sent to servers; `send` does that.

        Args:
            follow: The run, and what is wanted for it.
            notices: Problems that are not yet recorded: what each is about, and a message.
            output: What runs have printed, if their sidecar died before it had read that.
        """
        run = FollowedRun(follow)
        for about, message in notices:
            run.notice(about, message)
        if output is not None and output.has_waiting(follow.output):
            output.open(follow.output, run.open_output())
            output.close(follow.output)
        if follow.is_one_of_many:
            run.read()
            if run.is_short:
                run.close()
                problems = self._short.complete(follow)
                return Completed(None, [*run.problems, *problems])
        run.take_in()
        if self._siblings is not None:
            self._siblings.give_environment(run)
        run.update()
        comparison = None
        if not run.stages.is_captured and run.subject is not None:
            comparison = self._capture(run)
        run.complete_files()
        register_models(run)
        run.flush()
        run.make_durable()
        run.close()
        return Completed(comparison, run.problems)

    def _capture(self, run: FollowedRun) -> Comparison:
        self._captures.take([run], [name for name in CAPTURES if name not in run.facts.captured_kinds])
        started = run.facts.started
        if run.follow.system_seconds and started and started.pid == os.getpid():
            run.put_load(LoadSampler(os.getpid(), run.folder).sample())
        run.update()
        return run.add_changes(self._earlier_runs)


def is_up_to_date(folder: Path) -> bool:
    """Return whether the summary of a run has everything that its journals have."""
    try:
        return summary.read(folder).journals == journal_sizes(folder)
    except (OSError, AutotrackError, msgspec.DecodeError):
        return False


def refresh(follow: Follow) -> list[str]:
    """Bring the files in a run folder up to date, while the run goes on; return what could not be written."""
    run = FollowedRun(follow)
    try:
        run.flush()
        run.make_durable()
    finally:
        run.close()
    return run.problems


def send(
    folder: Path,
    url: str,
    *,
    patience: float,
    uploads: UploadLimits,
    draws: bool = False,
    registers: bool = True,
    on_problem: Callable[[str], None],
    on_silence: Callable[[float], None] = lambda _: None,
) -> Sent:
    """Send to a server what it has not received of a run.

    Args:
        folder: The folder of the run.
        url: The server.
        patience: For how many seconds a server that does not respond is tried again.
        uploads: Which artifacts may be sent.
        draws: Whether the plots of short runs are drawn too.
        registers: Whether the models that the run is registered as become versions there.
        on_problem: Called with a sentence for each problem: what can never be sent, and what broke the transfer off.
        on_silence: Called once, from another thread, with for how many seconds the server has not answered.
    """
    sink = build.remote_sink(
        url, patience=patience, uploads=uploads, draws=draws, registers=registers, on_problem=on_problem
    )
    shipment = Shipment(folder, sink, on_problem=on_problem)
    with said_when_silent(sink, on_silence):
        shipment.carry(flush=True)
        shipment.close()
    return Sent(shipment.fault, sink.owed)
