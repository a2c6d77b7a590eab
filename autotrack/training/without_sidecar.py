"""What this process does for its runs when it has no sidecar: the work of one, as each run ends and at exit."""

import atexit
import os
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from autotrack import destinations
from autotrack.journal import summary
from autotrack.output_channel import OutputWriter
from autotrack.protocol import Follow
from autotrack.training import terminal
from autotrack.training.end_reports import WhenRefreshed
from autotrack.training.hooks.faults import attempt, report_fault, unplaced_faults

if TYPE_CHECKING:
    from autotrack.sidecar.completion import Completion
    from autotrack.sidecar.output.receiver import OutputReceiver


class WithoutSidecar:
    """Completes runs in this process, and remembers which of them are still to be sent to servers."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._unsent: dict[str, Follow] = {}
        self._output: OutputReceiver | None = None
        self._completion: Completion | None = None

    def take_over(self, output: OutputWriter | None) -> None:
        """Keep what has been printed, and what open runs still print there, in the logs of runs as they end."""
        from autotrack.sidecar.output.receiver import OutputReceiver  # usually only the sidecar needs it

        self._output = OutputReceiver(output.fd) if output else None

    def complete(self, follow: Follow, when_refreshed: WhenRefreshed | None = None) -> None:
        """Do everything for a run that has ended, except sending it: training never waits for the network.

        Args:
            follow: The run, and what is wanted for it.
            when_refreshed: Called with the summary, and how the run compares with earlier ones.
        """
        from autotrack.sidecar import completion  # sinks and captures; usually only the sidecar needs them
        from autotrack.sinks import named_servers

        if self._completion is None:
            self._completion = completion.Completion()
        lost_sidecar = [unplaced_faults.popleft() for _ in range(len(unplaced_faults))]  # no run has these notices yet
        completed = self._completion.complete(follow, lost_sidecar, output=self._output)
        if any(destinations.is_remote(destination) for destination in follow.destinations):
            named_servers.remember(follow.destinations)
            self._unsent[follow.folder] = follow
            atexit.unregister(self.send_unsent)  # to run before whatever was registered meanwhile
            atexit.register(self.send_unsent)
        try:
            made = summary.read(Path(follow.folder))  # even if nobody asks: a summary that cannot be read is a fault
        except FileNotFoundError:
            if not completed.problems:
                raise
            report_fault("finish", f"{'; '.join(completed.problems)}. Once that is mended, run: autotrack sync")
            return
        if when_refreshed:
            when_refreshed(made, completed.comparison)

    def flush(self, follows: Iterable[Follow], timeout: float) -> list[str]:
        """Bring runs up to date, which may go on, here and on servers; return what is not after `timeout` seconds."""
        from autotrack.sidecar import completion

        deadline, lacking = monotonic() + timeout, list[str]()
        for follow in follows:
            if follow.folder not in self._unsent and completion.is_up_to_date(Path(follow.folder)):
                continue
            if monotonic() > deadline:
                lacking.append(f"{Path(follow.folder).name}: there was no time for it")
                continue
            lacking += completion.refresh(follow)
            for url in filter(destinations.is_remote, follow.destinations):
                sent = completion.send(
                    Path(follow.folder), url, patience=max(deadline - monotonic(), 0.0), uploads=follow.uploads,
                    on_problem=lambda _: None,
                )  # fmt: skip
                problems = [str(sent.fault)] if sent.fault else list(sent.owed.sentences())
                server = destinations.without_credentials(url)
                lacking += [f"{Path(follow.folder).name} at {server}: {problem}" for problem in problems]
                if not problems:
                    self._unsent.pop(follow.folder, None)
        return lacking

    def send_unsent(self) -> None:
        """Send the runs at exit. A server that fails once is left alone: `autotrack sync` sends the rest."""
        from autotrack.sidecar import completion

        if os.getpid() != self._pid:  # a forked child: these are its parent's
            return
        deadline = monotonic() + max((follow.exit_timeout for follow in self._unsent.values()), default=0.0)
        failed: set[str] = set()
        for folder, follow in self._unsent.items():
            for url in follow.destinations:
                if not destinations.is_remote(url) or url in failed:
                    continue
                with attempt("finish"):
                    patience = max(deadline - monotonic(), 0.0)
                    sent = completion.send(
                        Path(folder), url, patience=patience, uploads=follow.uploads, on_problem=_say_unsent
                    )
                    if sent.fault:
                        failed.add(url)
                    for sentence in sent.owed.sentences():
                        _say_unsent(f"{destinations.without_credentials(url)} did not take {sentence}")
        self._unsent.clear()


def _say_unsent(problem: str) -> None:
    terminal.say(f"autotrack: {problem}; to try again, run: autotrack sync")
