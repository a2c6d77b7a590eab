"""Tells how a script ends, while it ends."""

import contextlib
import sys
import threading
from collections.abc import Generator
from typing import Any

from autotrack.interactive import interactive_session
from autotrack.training.hooks.patch import Outcome, Patch


class ExitWatch:
    """Notes calls of `sys.exit` in the main thread, because Python does not tell afterwards that it was called.

    A `SystemExit` that is raised in another way goes unnoticed here; the exit code of the process shows it.
    """

    def __init__(self) -> None:
        self._called_with: SystemExit | None = None
        self._runs = 0
        self._patch = Patch(sys, "exit", self._note)

    def begin(self) -> None:
        """Start to watch for a run; calls are counted."""
        self._runs += 1
        self._called_with = None  # an earlier call did not end the script
        self._patch.apply()

    def end(self) -> None:
        """Stop watching for a run."""
        self._runs -= 1
        if not self._runs:
            self._patch.revert()

    def error(self) -> BaseException | None:
        """Return the exception that ends the script, or None if the script ran to its end. Call it while Python exits.

        In an interactive session exceptions end nothing, so it returns None.
        """
        if interactive_session():
            return None
        uncaught = getattr(sys, "last_value", None)  # set by the interpreter, but not for SystemExit
        return uncaught if isinstance(uncaught, BaseException) else self._called_with

    def keep_exit_code(self) -> None:
        """Make sure that a script that Ctrl-C ended also exits by SIGINT, whatever was imported since.

        Python exits by SIGINT only if the last code that it compiled from text was interrupted. `namedtuple` and
        `dataclass`, in modules that are imported at exit, compile code from text (CPython 3.11 to 3.13).
        """
        if isinstance(self.error(), KeyboardInterrupt):
            with contextlib.suppress(KeyboardInterrupt):
                exec("raise KeyboardInterrupt")  # noqa: S102  see above

    def _note(self, *args: Any) -> Generator[None, Outcome, None]:
        outcome = yield
        if (
            isinstance(outcome.error, SystemExit)
            and outcome.error.code not in (None, 0)
            and threading.current_thread() is threading.main_thread()
        ):
            self._called_with = SystemExit(*args)  # a new one: the frames of the original keep objects alive


watch = ExitWatch()
