"""Lines for the terminal of the training process, each said once."""

import threading

from autotrack.protocol import MessageFile, Say


class TerminalLines:
    """Sends lines to the training process, which prints them. Any thread may call it."""

    def __init__(self, outbox: MessageFile) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()
        self._problems: set[str] = set()
        self._has_said_changes = False

    def say_changes(self, line: str) -> None:
        """Say how a run differs from earlier ones. In a search with a hundred runs, only the first one says so."""
        with self._lock:
            is_first, self._has_said_changes = not self._has_said_changes, True
        if is_first:
            self._outbox.send(Say(line=line))

    def say_problem(self, problem: str) -> None:
        """Say what does not work, unless the same has been said before."""
        with self._lock:
            is_new = problem not in self._problems
            self._problems.add(problem)
        if is_new:
            self._outbox.send(Say(line=f"autotrack: {problem}"))
