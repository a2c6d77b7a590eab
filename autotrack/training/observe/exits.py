"""How a script is ending, asked while it ends."""

import contextlib
import sys
import threading
from collections.abc import Generator
from typing import Any

from autotrack.interactive import interactive_session
from autotrack.training.hooks.patch import Outcome, Patch


class ExitWatch:
    """Notes `sys.exit` in the main thread, because Python tells nobody afterwards that it was called.

    A `SystemExit` that is raised in another way is not seen here; whoever learns the exit code of the process knows
    better.
    """

    def __init__(self) -> None:
        self._called_with: SystemExit | None = None
        self._runs = 0
        self._patch = Patch(sys, "exit", self._note)

    def begin(self) -> None:
        """Watch for one run more."""
        self._runs += 1
        self._called_with = None  # whatever it was, it did not end the script
        self._patch.apply()

    def end(self) -> None:
        """Watch for one run less."""
        self._runs -= 1
        if not self._runs:
            self._patch.revert()

    def error(self) -> BaseException | None:
        """Return the exception that ends the script, when called while Python exits; None when it just ended.

        In an interactive session exceptions end nothing, and None is returned.
        """
        if interactive_session():
            return None
        uncaught = getattr(sys, "last_value", None)  # set by the interpreter, but not for SystemExit
        return uncaught if isinstance(uncaught, BaseException) else self._called_with

    def keep_exit_code(self) -> None:
        """See to it that a script that Ctrl-C has ended exits so, whatever was imported since.

        Python exits by SIGINT if the last code that it ran from a text was interrupted, and `namedtuple` and
        `dataclass`, in modules imported at exit, run code from texts (CPython 3.11 to 3.13).
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
            self._called_with = SystemExit(*args)  # not that one: its frames hold on to all that they hold


watch = ExitWatch()
