"""The few lines that a run prints: one when it starts, some when it ends.

They go to standard error, so that a script whose output is piped behaves as before.
"""

import contextlib
import sys
from pathlib import Path

from autotrack.summary import MetricSummary, Summary

_MOST_METRICS = 6


def say(line: str) -> None:
    """Print one line; a closed or full terminal is not an error of the training."""
    if sys.stderr is None:  # it was closed before Python started; `print` would take standard output instead
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)


def say_amid(line: str) -> None:
    """Print one line while the script may be drawing a progress bar, which draws itself anew below."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    say(f"\r\x1b[2K{line}" if is_terminal else line)


class Waiting:
    """Shows on a terminal, from the first second on, what is being waited for."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, doing: str, seconds: float) -> None:
        """Say what is going on; nothing when it is said already."""
        text = f"autotrack: {doing}, {seconds:.0f} s (Ctrl-C leaves it to go on by itself)"
        if seconds >= 1 and text != self._shown and sys.stderr is not None and sys.stderr.isatty():
            self._shown = text
            with contextlib.suppress(OSError, ValueError):
                print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)

    def over(self) -> None:
        """Take away what was shown."""
        if self._shown:
            with contextlib.suppress(OSError, ValueError):
                print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def started(name: str, folder: Path, *, resumed: bool) -> None:
    """Say that a run started or goes on, and where it is kept."""
    say(f"autotrack: run {name} {'goes on' if resumed else 'started'} in {shown(folder)}")


def ended(summary: Summary, folder: Path) -> None:
    """Say how the run ended, its main metrics, and where to look."""
    duration = human_seconds(summary.duration_seconds or 0.0)
    reason = f" ({summary.error})" if summary.error else ""
    count = len(summary.notices)
    noticed = f"    {count} {'notice' if count == 1 else 'notices'}" if count else ""
    say_amid(
        "\n".join(
            [
                f"autotrack: run {summary.name} {summary.status} after {duration}{reason[:200]}",
                *(f"  {name:<20} {describe(summary.metrics[name])}" for name in main_metrics(summary)[:_MOST_METRICS]),
                f"  autotrack show {summary.name}    {shown(folder)}{noticed}",
            ]
        )
    )


def patience(seconds: float) -> float:
    """Return how long the end of a run of so many seconds may wait, to say at once what it came to.

    A hundredth of it, and 0.3 seconds at most, or where a person sits before a prompt.
    """
    is_interactive = hasattr(sys, "ps1") or "ipykernel" in sys.modules
    return 0.3 if is_interactive else min(0.3, seconds / 100)


def main_metrics(summary: Summary) -> list[str]:
    """Return the metrics a person looks at first: those with a better direction, per epoch, evaluation first."""
    names = [name for name, metric in summary.metrics.items() if metric.better and not name.endswith("_step")]
    names = [name for name in names if not name.startswith(("epoch_seconds", "samples_per_second"))]
    return sorted(names, key=lambda name: (summary.metrics[name].last.stage == "train", name))


def describe(metric: MetricSummary) -> str:
    """Say a metric's last and best value, as `0.0912  best 0.0874 in epoch 6`."""
    text = short(metric.last.value)
    if metric.best is None or metric.count < 2:
        return text
    where = ""
    if metric.best.epoch is not None:
        where = f" in epoch {metric.best.epoch}"
    elif metric.best.step is not None:
        where = f" at step {metric.best.step}"
    return f"{text}  best {short(metric.best.value)}{where}"


def short(value: object) -> str:
    """Write a value in few characters: floats with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def human_seconds(seconds: float) -> str:
    """Write a duration for people.

    >>> human_seconds(3.21), human_seconds(75), human_seconds(7260)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def shown(folder: Path) -> str:
    """Write a path relative to the working folder when it lies below it."""
    try:
        return str(folder.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(folder)
