"""Finds metrics in a line by the patterns of the setting `printed_patterns`."""

import contextlib
import math
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from types import FrameType

from autotrack.sidecar.output.printed_metrics import Said
from autotrack.sidecar.output.printed_names import clean

_LONGEST_LINE = 500
_SECONDS = 0.1
"""For one pattern and one line. `autotrack.printed_patterns` refuses what could take forever; others are just slow."""


class _TooSlowError(Exception):
    pass


class UserPatterns:
    """The patterns of a run. One that takes too long on a line is not tried again, and `say` is told."""

    def __init__(self, patterns: Sequence[str], say: Callable[[str], None]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._say = say

    def find(self, line: str) -> Said | None:
        """Return what the patterns find in a line, of which the beginning is looked at; None if none matches."""
        if not self._patterns or threading.current_thread() is not threading.main_thread():
            return None  # only the main thread can be interrupted
        found: Said | None = None
        for pattern in list(self._patterns):
            try:
                with _time_limit():
                    match = pattern.search(line[:_LONGEST_LINE])
            except _TooSlowError:
                self._patterns.remove(pattern)
                self._say(f"the pattern {pattern.pattern!r:.100} takes too long on a line; it is not used any more")
                continue
            if match is not None:
                found = _merged(found, match)
        return found


def _merged(found: Said | None, match: re.Match[str]) -> Said:
    said = found or Said({}, {})
    groups = {name: text for name, text in match.groupdict().items() if text is not None}
    epoch, step = (_whole(groups.pop(name, None)) for name in ("epoch", "step"))
    if "name" in groups and "value" in groups:
        groups[groups.pop("name")] = groups.pop("value")
    numbers = {clean(name): number for name, text in groups.items() if (number := _number(text)) is not None}
    numbers.pop("", None)
    return Said(
        {**said.values, **numbers}, {}, said.epoch if epoch is None else epoch, said.step if step is None else step
    )


def _number(text: str) -> float | None:
    try:
        number = float(text.strip().rstrip("%").replace(",", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Raise `_TooSlowError` when the block takes too long. A timer that is running goes on afterwards."""
    handler = signal.signal(signal.SIGALRM, _interrupt)
    begun = monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (monotonic() - begun), 0.001), interval)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise _TooSlowError
