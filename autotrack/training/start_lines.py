"""What has changed since earlier runs, said of a run that has just begun, or not at all.

Nobody waits for it: the sidecar finds it out while training starts. Training hears of it, like of all that the sidecar
says, when it records something, once a second at most.
"""

from time import monotonic

from autotrack.training import terminal

_FIRST_SECONDS, _LAST_SECONDS = 5.0, 120.0
"""A run that is over before the first says it with its end. After the last, nobody would take it for the start."""


class StartLines:
    """The lines that are not said yet, by the folders of their runs."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        self._lines: dict[str, str] = {}

    def begin(self, folder: str) -> None:
        """Note that a run begins, of which somebody wants to hear."""
        self._begun[folder] = monotonic()

    def end(self, folder: str) -> None:
        """Forget a run, which has ended or of which all is said."""
        self._begun.pop(folder, None)
        self._lines.pop(folder, None)

    def take(self, folder: str, line: str) -> None:
        """Take in the line of a run; nothing if nothing differs."""
        if line and folder in self._begun:
            self._lines[folder] = line

    def say(self) -> None:
        """Say what is due."""
        for folder, line in list(self._lines.items()):
            seconds = monotonic() - self._begun[folder]
            if seconds < _FIRST_SECONDS:
                continue
            self.end(folder)
            if seconds <= _LAST_SECONDS:
                terminal.say_amid(f"autotrack: {line}")
