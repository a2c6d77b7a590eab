"""What has changed is said of a run that has just begun: once, in time, and never of one that is over."""

import pytest

from autotrack.training import start_lines
from autotrack.training.start_lines import StartLines

LINE = "run calm-lynx: since noble-owl (last run): params (lr 0.1 → 0.01)"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(start_lines, "monotonic", clock)
    return clock


def begun(line: str = LINE) -> StartLines:
    lines = StartLines()
    lines.begin("folder")
    lines.take("folder", line)
    return lines


def test_it_is_said_once_when_the_run_has_gone_on_for_some_seconds(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = begun()
    for seconds in (1.0, 3.0, 7.0, 1.0):
        clock.seconds += seconds
        lines.say()
        lines.take("folder", LINE)
    assert capsys.readouterr() == ("", f"autotrack: {LINE}\n")


def test_what_is_known_only_long_after_the_start_is_left_to_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = begun()
    clock.seconds += 600
    lines.say()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", [LINE, ""])
def test_of_a_run_that_is_over_or_differs_in_nothing_nothing_is_said(
    line: str, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = begun(line)
    if line:
        lines.end("folder")
    lines.take("of another process", LINE)
    clock.seconds += 10
    lines.say()
    assert capsys.readouterr().err == ""
