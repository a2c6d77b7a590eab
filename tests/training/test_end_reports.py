"""The end of a run is said once, with what is known of earlier runs, or that follows."""

from collections.abc import Callable

import pytest

from autotrack.journal.standing import Comparison
from autotrack.journal.summary import Summary
from autotrack.training.end_reports import EndReports

COMPARISON = Comparison("since before (last run): nothing changed")


class Heard:
    """What was said of a run."""

    def __init__(self) -> None:
        self.comparisons: list[Comparison | None] = []

    def __call__(self, _summary: Summary, comparison: Comparison | None) -> None:
        self.comparisons.append(comparison)


@pytest.mark.parametrize("comparison_first", [True, False])
def test_the_end_waits_for_the_summary_and_the_comparison_in_either_order(comparison_first: bool) -> None:
    reports, heard = EndReports(), Heard()
    reports.await_comparison("a")
    reports.await_summary("a", heard)
    steps: list[Callable[[], None]] = [
        lambda: reports.compared("a", COMPARISON),
        lambda: reports.refreshed("a", Summary),
    ]
    for step in steps if comparison_first else reversed(steps):
        reports.say()
        assert heard.comparisons == []
        step()
    for _ in range(2):
        reports.say()
    assert heard.comparisons == [COMPARISON]


def test_a_comparison_that_comes_late_is_said_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    reports, heard = EndReports(), Heard()
    reports.await_comparison("a")
    reports.await_summary("a", heard)
    reports.refreshed("a", lambda: Summary(name="mine"))
    for _ in range(2):
        reports.say(also_incomplete=True)
    assert heard.comparisons == [None]
    reports.compared("a", COMPARISON)
    for _ in range(2):
        reports.say()
    assert capsys.readouterr().err == f"autotrack: run mine: {COMPARISON.since}\n"


def test_of_a_run_that_is_compared_with_none_the_end_is_said_at_once() -> None:
    reports, heard = EndReports(), Heard()
    reports.await_summary("a", heard)
    assert reports.lacks_summary("a")
    reports.refreshed("a", Summary)
    assert not reports.lacks_summary("a")
    reports.say()
    assert heard.comparisons == [None]


def test_a_run_that_was_not_expected_to_be_compared_is_said_with_its_comparison() -> None:
    """It was one of many, but a long one."""
    reports, heard = EndReports(), Heard()
    reports.compared("a", COMPARISON)
    reports.await_summary("a", heard)
    reports.refreshed("a", Summary)
    reports.say()
    assert heard.comparisons == [COMPARISON]


def said_of(states: list[Summary | OSError]) -> str:
    """Return which summary is said of a run, when reading it gives these one after the other."""
    said: list[str] = []
    coming = iter(states)

    def read() -> Summary:
        state = next(coming)
        if isinstance(state, OSError):
            raise state
        return state

    reports = EndReports()
    reports.await_summary("a", lambda summary, _: said.append(summary.name))
    reports.refreshed("a", read)
    reports.say()
    return said[0]


def test_what_was_logged_until_the_end_is_said_counts() -> None:
    assert said_of([Summary(name="fitted"), Summary(name="evaluated")]) == "evaluated"


def test_a_run_that_was_removed_meanwhile_harms_nothing() -> None:
    assert said_of([Summary(name="fitted"), FileNotFoundError()]) == "fitted"


def test_what_was_not_said_is_left_to_others() -> None:
    reports, heard = EndReports(), Heard()
    reports.await_summary("a", heard)
    reports.refreshed("a", Summary)
    assert reports.take("a") is heard
    reports.say()
    assert (heard.comparisons, reports.take("a")) == ([], None)
