"""What the terminal of the training process is to hear."""

import threading
from pathlib import Path

from autotrack.journal.standing import Comparison
from autotrack.protocol import Compared, MessageFile, Say


class TerminalLines:
    """Sends lines to the training process, which prints them. Any thread may call it."""

    def __init__(self, outbox: MessageFile) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()
        self._problems: set[str] = set()

    def say_comparison(self, folder: Path, comparison: Comparison, *, is_preliminary: bool = False) -> None:
        """Say how a run compares with earlier ones. Training says so at the start of the run, and with its end."""
        self._outbox.send(Compared(folder=str(folder), comparison=comparison, is_preliminary=is_preliminary))

    def say_problem(self, problem: str) -> None:
        """Say what does not work, unless the same has been said before."""
        with self._lock:
            is_new = problem not in self._problems
            self._problems.add(problem)
        if is_new:
            self._outbox.send(Say(line=f"autotrack: {problem}"))
