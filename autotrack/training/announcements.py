"""Decides which runs of this process are some of many: the first few are announced on the terminal, and no more.

A script may fit a thousand models. The short ones among the others are counted, and said in one line when it ends.
"""

import atexit
import os
from collections import Counter
from pathlib import Path

from autotrack.format import shown
from autotrack.training import terminal

_FEW = 3
"""How many runs of an experiment and an integration are announced, and recorded as if there were no more."""

_MOST_KINDS, _MOST_COUNTED = 3, 1000


class Announcements:
    """The runs of this process, as far as the terminal is concerned."""

    def __init__(self) -> None:
        self._begun: Counter[tuple[Path, str]] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._folder: Path | None = None
        self._pid = os.getpid()
        self._is_registered = False

    def begin(self, folder: Path, started_by: str) -> bool:
        """Count a run that begins in this folder.

        Returns whether it is one of many: not among the first few of its experiment and integration.
        """
        if len(self._begun) > _MOST_COUNTED:
            self._begun.clear()
        self._begun[folder.parent, started_by] += 1
        return self._begun[folder.parent, started_by] > _FEW

    def leave_out(self, kind: str, folder: Path) -> None:
        """Count a run of which nothing was said. `kind` is what one such run is called, such as "fit of Ridge"."""
        self.say_rest_at_exit()
        if self._pid != os.getpid():  # a forked child says what it did itself
            self._unsaid.clear()
            self._pid = os.getpid()
        self._unsaid[kind] += 1
        self._folder = folder.parent

    def say_rest_at_exit(self) -> None:
        """Say at exit what was left out: after whatever is registered with `atexit` from now on."""
        if not self._is_registered:
            self._is_registered = True
            atexit.register(self._say_rest)

    def _say_rest(self) -> None:
        if self._pid != os.getpid() or self._folder is None or not self._unsaid:
            return
        kinds = self._unsaid.most_common(_MOST_KINDS)
        if len(kinds) == 1:
            text = _counted(kinds[0][1], kinds[0][0], more="more ")
        else:
            listed = ", ".join(_counted(count, kind) for kind, count in kinds)
            text = f"{_counted(self._unsaid.total(), 'run', more='more ')}: {listed}"
            text += ", …" if len(self._unsaid) > _MOST_KINDS else ""
        terminal.say(f"autotrack: … and {text} in {shown(self._folder)}")
        self._unsaid.clear()


def _counted(count: int, kind: str, *, more: str = "") -> str:
    """Return how many there are: "1 fit of Ridge", "2 fits of Ridge"."""
    noun, space, rest = kind.partition(" ")
    return f"{count:,} {more}{noun}{'s' if count > 1 else ''}{space}{rest}"


announcements = Announcements()
