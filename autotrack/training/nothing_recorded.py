"""Says at the end of a script that nothing was recorded, so that nobody looks for runs that there are not."""

import atexit
import os
import sys
from collections.abc import Callable, Collection

from autotrack.training import terminal
from autotrack.training.hooks.faults import unplaced_faults
from autotrack.training.observe.exits import watch

_ASKED_ONLY = {"-h", "--help", "--version"}


class NothingRecorded:
    """Knows whether anything has been recorded since `autolog` was called, here or perhaps in a child process."""

    def __init__(self) -> None:
        self._is_possible = True
        self._pid: int | None = None
        self._frameworks: Callable[[], Collection[str]] = tuple

    def watch(self, frameworks: Callable[[], Collection[str]]) -> None:
        """Say at exit that nothing was recorded, if so. `frameworks` returns which ones are recorded then."""
        self._frameworks = frameworks
        if self._pid is None:
            os.register_at_fork(after_in_parent=self.is_over)
            atexit.register(self._say)
        self._pid = os.getpid()

    def is_over(self) -> None:
        """Note that something was recorded, or that a child may have done so."""
        self._is_possible = False

    def _say(self) -> None:
        frameworks = sorted(self._frameworks())
        if not (self._is_possible and frameworks) or self._pid != os.getpid():
            return
        if unplaced_faults:  # a warning has said why
            return
        if watch.error() is None and _ASKED_ONLY.isdisjoint(sys.argv):
            terminal.say(
                f"autotrack: nothing was recorded: nothing was trained or written with {_listed(frameworks)}, "
                "and autotrack.start_run() was not called"
            )


def _listed(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


nothing_recorded = NothingRecorded()
