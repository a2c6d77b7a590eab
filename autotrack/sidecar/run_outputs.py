"""Which log gets what the training process prints, from the start of a run until the next one starts."""

from collections.abc import Callable

from autotrack.protocol import Follow
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.output.receiver import OutputReceiver


class RunOutputs:
    """The logs of the runs of one training process.

    `fd` is the memory in which it leaves what it prints; `wake` is called when there is more than can be read at once.

    What it prints after a run has ended still belongs to that run, until another one starts. Of the short runs of a
    process that begins many, only the last one gets that.
    """

    def __init__(self, fd: int | None, wake: Callable[[], None]) -> None:
        self._receiver = OutputReceiver(fd)
        self._wake = wake
        self._last_short: Follow | None = None

    def receive(self) -> None:
        """Give the logs what was printed since the last call."""
        if self._receiver.receive():
            self._wake()  # for the rest

    def open(self, run: FollowedRun) -> None:
        """Open the log of a run that begins, if its output is kept."""
        if run.follow.output:
            self._receiver.open(run.follow.output, run.open_output())

    def end(self, run: FollowedRun) -> None:
        """Complete the log of a run that has ended. It stays open for what is printed next."""
        self._receiver.pause(run.follow.output)

    def end_short(self, follow: Follow) -> None:
        """Write the log of a short run that has ended, if it has printed anything."""
        self._write_short(follow)
        self._last_short = follow if follow.output else None

    def close_ended(self) -> list[str]:
        """Close the logs of runs that have ended, because another begins; return the folders of those that grew."""
        if self._last_short is not None:
            self._receiver.forget(self._last_short.output)
            self._last_short = None
        return [str(log.path.parent) for log in self._receiver.close_paused()]

    def write_last_short(self) -> str | None:
        """Write what was printed after the last short run; return its folder if anything was."""
        follow, self._last_short = self._last_short, None
        return follow.folder if follow is not None and self._write_short(follow, is_over=True) else None

    def _write_short(self, follow: Follow, *, is_over: bool = False) -> bool:
        if not follow.output or not self._receiver.has_waiting(follow.output):
            return False
        run = FollowedRun(follow)
        self._receiver.open(follow.output, run.open_output(is_over=is_over))
        self._receiver.close(follow.output)
        run.close()
        return True
