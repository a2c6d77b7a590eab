"""The few lines that a run prints: one when it starts, some when it ends.

They go to standard error, so that piping the output of a script works as before.
"""

import contextlib
import sys
from pathlib import Path

from autotrack.format import describe, human_seconds, printable, shown
from autotrack.interactive import interactive_session
from autotrack.journal.judging import main_metrics
from autotrack.journal.summary import Summary

_MOST_METRICS = 6


def say(*lines: str) -> None:
    """Print lines. A closed or full terminal is ignored, as it is no fault of the training."""
    if sys.stderr is None:  # closed before Python started; `print` would use standard output instead
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(*map(printable, lines), sep="\n", file=sys.stderr, flush=True)


def say_amid(*lines: str) -> None:
    """Print lines while the script may be drawing a progress bar, which is then drawn again below."""
    if sys.stderr is not None and sys.stderr.isatty():
        with contextlib.suppress(OSError, ValueError):
            print("\r\x1b[2K", end="", file=sys.stderr)
    say(*lines)


class Waiting:
    """Shows on a terminal what autotrack waits for, once it has waited for a second."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, doing: str, seconds: float) -> None:
        """Show what is being done, unless it is shown already."""
        text = f"autotrack: {doing}, {seconds:.0f} s (Ctrl-C leaves it to go on by itself)"
        if seconds >= 1 and text != self._shown and sys.stderr is not None and sys.stderr.isatty():
            self._shown = text
            with contextlib.suppress(OSError, ValueError):
                print(f"\r\x1b[2K{printable(text)}", end="", file=sys.stderr, flush=True)

    def over(self) -> None:
        """Erase what was shown."""
        if self._shown:
            with contextlib.suppress(OSError, ValueError):
                print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def started(name: str, folder: Path, *, resumed: bool) -> None:
    """Print that a run started or goes on, and where it is kept."""
    say(f"autotrack: run {name} {'goes on' if resumed else 'started'} in {shown(folder)}")


def ended(summary: Summary, folder: Path) -> None:
    """Print how the run ended, its main metrics, and where to find more."""
    duration = human_seconds(summary.duration_seconds or 0.0)
    reason = f" ({summary.error})" if summary.error else ""
    count = len(summary.notices)
    noticed = f"    {count} {'notice' if count == 1 else 'notices'}" if count else ""
    say_amid(
        f"autotrack: run {summary.name} {summary.status} after {duration}{reason[:200]}",
        *(f"  {name:<20} {describe(summary.metrics[name])}" for name in main_metrics(summary)[:_MOST_METRICS]),
        f"  autotrack show {summary.name}    {shown(folder)}{noticed}",
    )


def patience(seconds: float) -> float:
    """Return how many seconds the end of a run may wait in order to print its results at once.

    That is a hundredth of the run's own `seconds`, at most 0.3. In an interactive session it is always 0.3.
    """
    return 0.3 if interactive_session() else min(0.3, seconds / 100)
