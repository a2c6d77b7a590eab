"""The few lines that a run prints: one or two when it starts, some when it ends.

They go to standard error, so that piping the output of a script works as before.
"""

import atexit
import contextlib
import os
import shlex
import sys
from collections.abc import Container
from pathlib import Path
from time import monotonic

from autotrack import settings
from autotrack.escapes import printable
from autotrack.format import describe, first_line, human_seconds, shown, verdict
from autotrack.interactive import interactive_session
from autotrack.journal.judging import main_metrics
from autotrack.journal.standing import Comparison
from autotrack.journal.summary import Summary
from autotrack.training.observe.output.streams import not_captured
from autotrack.training.progress_bars import bars_put_aside, is_bar_drawn

_MOST_METRICS = 6
_LONGEST_REASON = 200
_FIRST_SECONDS, _LAST_SECONDS = 5.0, 120.0
"""When it is said what a run begins with: one that is over before says it with its end, and later is not the start."""


def say(*lines: str) -> None:
    """Print lines. A closed or full terminal, or what a script has put in its place, is no fault of the training."""
    if sys.stderr is None:  # closed before Python started; `print` would use standard output instead
        return
    with contextlib.suppress(Exception), not_captured():
        print(*map(printable, lines), sep="\n", file=sys.stderr, flush=True)


def say_amid(*lines: str) -> None:
    """Print lines while the script may be drawing a progress bar, which is then drawn again below."""
    with contextlib.suppress(Exception), not_captured(), bars_put_aside():
        if _is_terminal():
            print("\r\x1b[2K", end="", file=sys.stderr)
        say(*lines)


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except Exception:  # noqa: BLE001  an object of the script's, which may lack anything
        return False


class HeldLines:
    """Lines that keep out of progress bars: while one is drawn, they wait until somebody finds it gone."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.has_said_an_end = False
        self.has_said_what_is_missing = False

    def say(self, *lines: str) -> None:
        """Print lines, now or when no bar is drawn any more."""
        if not self.waiting:
            atexit.register(self.release, at_once=True)
        self.waiting += lines
        self.release()

    def release(self, *, at_once: bool = False) -> None:
        """Print what waits if no bar is drawn, or `at_once`, because there is no later."""
        if self.waiting and (at_once or not is_bar_drawn()):
            atexit.unregister(self.release)
            lines, self.waiting = self.waiting, []
            say_amid(*lines)


held_lines = HeldLines()  # of this process, as is its terminal


class StartLines:
    """What has changed since earlier runs, said of a run that has just begun, or not at all.

    Nobody waits for it: the sidecar finds it out while training starts. Training hears of it, like of all that the
    sidecar says, when it records something, once a second at most. The lines are kept by the folders of their runs.
    """

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
                say_amid(f"autotrack: {line}")


class Waiting:
    """Says what autotrack waits for and for how long at most, once it has waited for a second.

    On a terminal, that is kept up to date. Elsewhere, it is a line for each thing that takes two seconds.
    """

    def __init__(self, most: float, *, is_quiet: bool = False) -> None:
        self._most = most
        self._is_quiet = is_quiet
        self._shown = ""

    def show(self, doing: str, seconds: float) -> None:
        """Show what is being done, unless it is shown already."""
        is_terminal = _is_terminal()
        if self._is_quiet or seconds < (1 if is_terminal else 2):
            return
        passed = f"{seconds:.0f} s of {self._most:g} s" if is_terminal else f"{self._most:g} s"
        text = f"autotrack: {doing}, {passed} at most; Ctrl-C is safe: it goes on by itself"
        if text == self._shown:
            return
        self._shown = text
        if not is_terminal:
            say(text)
        else:
            with contextlib.suppress(OSError, ValueError), not_captured():
                print(f"\r\x1b[2K{printable(text)}", end="", file=sys.stderr, flush=True)

    def over(self) -> None:
        """Erase what was shown on a terminal."""
        if self._shown and _is_terminal():
            with contextlib.suppress(OSError, ValueError), not_captured():
                print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def started(name: str, folder: Path, *, resumed: bool) -> None:
    """Print that a run started or goes on, and where it is kept."""
    held_lines.release()
    say_amid(f"autotrack: run {name} {'goes on' if resumed else 'started'} in {shown(folder)}")


def ended(summary: Summary, folder: Path, comparison: Comparison | None = None) -> None:
    """Print how a run ended, its main metrics, what has changed since earlier runs, and how it ranks among them.

    Of the first run of a process, each metric has a line; those after it are told in fewer lines. While a progress bar
    is drawn, this waits.
    """
    is_first, held_lines.has_said_an_end = not held_lines.has_said_an_end, True
    duration = human_seconds(summary.duration_seconds or 0.0)
    why = summary.error or summary.stop_reason
    reason = f" ({_cut(first_line(why), _LONGEST_REASON)})" if why else ""
    count = len(summary.notices)
    noticed = f"    {count} {'notice' if count == 1 else 'notices'}" if count else ""
    end = f"autotrack: run {summary.name} {summary.status} after {duration}{reason}"
    main = main_metrics(summary)[:_MOST_METRICS]
    if is_first:
        lines = [f"{name:<20} {describe(summary.metrics[name])}" for name in main]
        lines.append(f"{_how_to_show(summary.name, folder)}{noticed}")
    else:
        end += f"    {_how_to_show(summary.name, folder, with_folder=False)}{noticed}"
        lines = ["; ".join(f"{name} {describe(summary.metrics[name])}" for name in main)] if main else []
    held_lines.say(end, *(f"  {line}" for line in [*lines, *_compared(summary, comparison)]))


def compared(summary: Summary, comparison: Comparison) -> None:
    """Print how a run compares with earlier ones, if that was not known when its end was said."""
    held_lines.say(*(f"autotrack: run {summary.name}: {line}" for line in _compared(summary, comparison)))


def added(summary: Summary, told: Container[str]) -> None:
    """Print the main metrics that a run has got since those that were `told` at its end."""
    names = [name for name in main_metrics(summary) if name not in told][:_MOST_METRICS]
    if names:
        metrics = "; ".join(f"{name} {describe(summary.metrics[name])}" for name in names)
        held_lines.say(f"autotrack: run {summary.name}: {metrics}")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _compared(summary: Summary, comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return []
    since, standing = comparison.of(summary)
    said = [*filter(None, [since]), *([verdict(standing)] if standing else [])]
    if comparison.to_repeat and not held_lines.has_said_what_is_missing:  # the runs of a process lack the same
        held_lines.has_said_what_is_missing = True
        said.append(f"reproducible: {comparison.to_repeat} (autotrack show --all)")
    return said


def _how_to_show(name: str, folder: Path, *, with_folder: bool = True) -> str:
    """Return the command that shows a run to who has started the script, and where the run is.

    Its name is enough in the store that the command uses by itself, as long as the script has not changed its folder.
    """
    is_at_home = os.path.realpath(os.curdir) == os.path.realpath(_folder_of_shell())
    if is_at_home and "AUTOTRACK_TO" not in os.environ:  # which the script may have set itself
        usual = Path(settings.resolve().to).expanduser().absolute()
        if usual == folder.parent.parent:
            reference = folder.name if _has_namesake(folder, name) else name
            where = f"    {shown(folder)}" if with_folder else ""
            return f"autotrack show {shlex.quote(reference)}{where}"
    return f"autotrack show {shlex.quote(shown(folder) if is_at_home else str(folder))}"


def _has_namesake(folder: Path, name: str) -> bool:
    """Whether another run of the experiment seems to have the same name, as when a script names its run."""
    with contextlib.suppress(OSError), os.scandir(folder.parent) as entries:
        return any(entry.name.endswith(f"-{name}") and entry.name != folder.name for entry in entries)
    return False


def _folder_of_shell() -> Path:
    """Return the working directory of the process that has started this one, which is usually a shell."""
    try:
        return Path(f"/proc/{os.getppid()}/cwd").readlink()
    except OSError:  # not on Linux, or somebody else's
        return Path(os.environ.get("PWD", ""))


def patience(seconds: float) -> float:
    """Return how many seconds the end of a run may wait in order to print its results at once.

    That is a hundredth of the run's own `seconds`, at most 0.3. In an interactive session it is always 0.3.
    """
    return 0.3 if interactive_session() else min(0.3, seconds / 100)
