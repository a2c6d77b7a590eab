"""Shows something again and again, in place, until Ctrl-C."""

import shutil
import sys
import time
from collections.abc import Callable

from autotrack.cli.printing import is_terminal, width

_SECONDS = 1.0
_TO_LINE_END, _TO_SCREEN_END = "\x1b[K", "\x1b[J"
_BESIDE_ROWS = 7
"""Lines beside those of the rows: the head, the title of groups, what is left out, and where the cursor is."""


def repeat(draw: Callable[[int, int], list[str]]) -> None:
    """Show what `draw` returns for a width and a number of rows whenever it has changed.

    On a terminal, it replaces what was shown before; elsewhere it is printed below.
    """
    before: list[str] | None = None
    try:
        while True:
            rows = max(1, shutil.get_terminal_size().lines - _BESIDE_ROWS)
            lines = draw(width(), rows)
            if lines != before:
                sys.stdout.write(_replacing(lines, before) if is_terminal() else "\n".join([*lines, "", ""]))
                sys.stdout.flush()
                before = lines
            time.sleep(_SECONDS)
    except KeyboardInterrupt:
        if is_terminal():
            sys.stdout.write(f"\r{_TO_LINE_END}")  # the terminal has shown ^C
            sys.stdout.flush()


def _replacing(lines: list[str], before: list[str] | None) -> str:
    """Return what a terminal has to be sent, so that lines take the place of those before."""
    back = f"\x1b[{len(before)}F" if before else ""
    return back + "".join(f"{line}{_TO_LINE_END}\n" for line in lines) + _TO_SCREEN_END
