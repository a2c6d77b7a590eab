"""What is said of the runs that have ended: what they came to, what has changed since earlier ones, how they rank.

The sidecar tells that a summary is made, and how the run compares with earlier ones, in this order or the other. Of a
long run all is known when it ends. What a short one is compared with has not been captured by then.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from autotrack.journal.standing import Comparison
from autotrack.journal.summary import Summary
from autotrack.training import terminal

_MOST_COMPARISONS = 100
"""How many runs, of which nobody may say the end, are remembered with what they are compared with."""

WhenRefreshed = Callable[[Summary, Comparison | None], None]


@dataclass
class _Report:
    say: WhenRefreshed | None
    read: Callable[[], Summary] = Summary
    summary: Summary | None = None
    is_said: bool = False

    def latest(self) -> Summary:
        """Return the summary, read again: the run may have been evaluated meanwhile. Its folder may also be gone."""
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            self.summary = self.read()
        return self.summary or Summary()


class EndReports:
    """The reports that are not said yet, by the folders of their runs."""

    def __init__(self) -> None:
        self._reports: dict[str, _Report] = {}
        self._comparisons: dict[str, Comparison | None] = {}  # None until there is one

    def await_comparison(self, folder: str) -> None:
        """Note that a run is going to be compared with earlier ones."""
        self._comparisons[folder] = None

    def await_summary(self, folder: str, say: WhenRefreshed | None) -> None:
        """Note that a run has ended, and what says so."""
        if say is not None or folder not in self._reports:  # more was logged before the first was answered
            self._reports[folder] = _Report(say)

    def is_to_be_said(self, folder: str) -> bool:
        """Return whether somebody waits to say the end of a run."""
        return self._reports[folder].say is not None

    def are_awaited(self) -> bool:
        """Return whether there is still something to be said of a run that has ended."""
        return any(report.say is not None for report in self._reports.values())

    def lacks_summary(self, folder: str) -> bool:
        """Return whether the summary of a run that has ended is still being made."""
        report = self._reports.get(folder)
        return report is not None and report.summary is None

    def refreshed(self, folder: str, read: Callable[[], Summary]) -> None:
        """Take in that a summary is made; it is read if somebody wants to hear of it."""
        report = self._reports.get(folder)
        if report is None or report.say is None:
            self._reports.pop(folder, None)
        elif report.summary is None:
            report.read, report.summary = read, read()

    def compared(self, folder: str, comparison: Comparison) -> None:
        """Take in how a run compares with earlier ones."""
        self._comparisons[folder] = comparison
        while len(self._comparisons) > _MOST_COMPARISONS:
            self._comparisons.pop(next(iter(self._comparisons)))

    def say(self, *, also_incomplete: bool = False) -> None:
        """Say what is known of runs; of those without a comparison only if `also_incomplete`."""
        for folder, report in list(self._reports.items()):
            if report.summary is None or report.say is None:
                continue
            is_complete = folder not in self._comparisons or self._comparisons[folder] is not None
            comparison = self._comparisons.get(folder)
            if not report.is_said and (is_complete or also_incomplete):
                report.is_said = True
                report.say(report.latest(), comparison)
            elif report.is_said and comparison is not None:
                terminal.compared(report.latest(), comparison)
            if is_complete:
                self._reports.pop(folder)
                self._comparisons.pop(folder, None)

    def take(self, folder: str) -> WhenRefreshed | None:
        """Return what says the end of a run, if it has not been said, and forget about it."""
        self._comparisons.pop(folder, None)
        report = self._reports.pop(folder, None)
        return None if report is None or report.is_said else report.say
