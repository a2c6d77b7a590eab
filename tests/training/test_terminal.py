"""What a run prints: a line at its start, some at its end, on standard error, and nothing else ever."""

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.format import describe, human_seconds, shown
from autotrack.integrations import end_run
from autotrack.journal.fold import Fold
from autotrack.journal.judging import main_metrics
from autotrack.journal.records import Metrics, Notice, Number, RunStarted
from autotrack.journal.summary import Summary
from autotrack.sidecar.output.screen import Screen
from autotrack.training import terminal

TRAINING = """
import os, sys, autotrack
with autotrack.start_run("mine", to="runs", experiment="digits") as run:
    run.log_params({"lr": 0.1})
    for step, loss in enumerate([0.5, 0.25, 0.75]):
        run.log({"val_loss": loss, "momentum": 0.9}, step=step, epoch=step, stage="validate")
    run.log_text("notes", "hello")
with autotrack.start_run("short", to="runs", experiment="digits") as run:
    run.log({"accuracy": 1.0, "val_f1": 0.5})
"""

FAILING = """
import autotrack
with autotrack.start_run("mine", to="runs", experiment="digits") as run:
    raise ValueError("too much")
"""


@pytest.fixture(autouse=True)
def _not_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTRACK_QUIET", raising=False)


def script(code: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], text=True, timeout=300, check=False, **options)


def test_a_run_says_where_it_is_and_what_it_came_to_on_standard_error_alone() -> None:
    done = script(TRAINING, capture_output=True)
    assert (done.returncode, done.stdout) == (0, "")
    expected = [
        r"autotrack: run mine started in runs/digits/\d{8}-\d{6}-mine",
        r"autotrack: run mine finished after \d+\.\d s",
        r"  val_loss             0\.75  best 0\.25 in epoch 1",
        r"  autotrack show mine    runs/digits/\d{8}-\d{6}-mine",
        r"autotrack: run short started in runs/digits/\d{8}-\d{6}-short",
        r"autotrack: run short finished after \d+\.\d s    autotrack show short",
        r"  accuracy 1; val_f1 0.5",
    ]
    lines = done.stderr.splitlines()
    assert len(lines) == len(expected), done.stderr
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def test_a_failed_run_says_why() -> None:
    done = script(FAILING, capture_output=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"^autotrack: run mine failed after .* \(ValueError: too much\)$", done.stderr, re.MULTILINE)
    assert done.stderr.endswith("ValueError: too much\n"), "the user's traceback comes last, as without us"


@pytest.mark.parametrize("code", [TRAINING, FAILING], ids=["training", "failing"])
def test_where_it_shall_be_quiet_a_run_prints_nothing(code: str) -> None:
    done = script(code, capture_output=True, env={**os.environ, "AUTOTRACK_QUIET": "1"})
    assert done.stdout == ""
    assert "autotrack: " not in done.stderr
    assert (done.stderr == "") == (code is TRAINING)


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device on this system")


@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", "<&- >&- 2>&-", pytest.param(">/dev/full 2>/dev/full", marks=FULL)]
)
def test_closed_and_full_streams_break_nothing(streams: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {streams}', sys.executable, TRAINING],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    for run in autotrack.runs(tmp_path / "runs"):
        assert (run.status, run.left_out, run.notices) == ("finished", [], [])
    assert len(autotrack.runs(tmp_path / "runs")) == 2


def test_a_reader_of_standard_error_that_went_away_breaks_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = script(TRAINING, stderr=writer, stdout=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "")
    assert {run.status for run in autotrack.runs(tmp_path / "runs")} == {"finished"}


def test_a_stream_that_python_code_closed_breaks_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
    terminal.say("nobody listens")
    monkeypatch.setattr(sys, "stderr", None)
    terminal.say("nobody listens")
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        terminal.say("grün")
    assert "gr" not in (tmp_path / "log").read_text()  # what the stream cannot take is left out


def test_a_stream_that_was_replaced_gets_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("hello")
    assert capsys.readouterr() == ("", "hello\n")


# ---- amid what the script prints, and while somebody waits


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal_in_place(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Have standard error be a terminal; not as a fixture, for pytest puts its own stream there before each test."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def rows(stream: Terminal) -> list[str]:
    """What is seen on the terminal in the end."""
    shown = Screen(str)
    return [*shown.feed(stream.getvalue()), *shown.rows]


def test_a_line_amid_a_progress_bar_takes_its_place_and_the_bar_goes_on_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal_in_place(monkeypatch)
    screen.write("\r 10 % of a rather long progress bar [=====>      ]")
    terminal.say_amid("autotrack: since run1")
    screen.write("\r 20 % of a rather long progress bar [=======>    ]")
    assert rows(screen) == ["autotrack: since run1", " 20 % of a rather long progress bar [=======>    ]"]


def test_in_a_file_a_line_amid_others_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_amid("autotrack: since run1")
    assert capsys.readouterr() == ("", "autotrack: since run1\n")


def test_who_waits_is_told_from_the_first_second_on_for_what(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal_in_place(monkeypatch)
    waiting = terminal.Waiting(30.0)
    for seconds in (0.1, 0.9, 1.2, 1.3, 2.1):
        waiting.show("computing checksums", seconds)
    assert rows(screen) == [
        "autotrack: computing checksums, 2 s of 30 s at most; Ctrl-C is safe: it goes on by itself"
    ]
    assert screen.getvalue().count("autotrack") == 2, "once a second"
    waiting.over()
    terminal.say("$")
    assert rows(screen) == ["$"]


def test_who_hardly_waits_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal_in_place(monkeypatch)
    waiting = terminal.Waiting(30.0)
    waiting.show("computing checksums", 0.4)
    waiting.over()
    assert screen.getvalue() == ""


def test_in_a_file_each_thing_that_is_waited_for_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = terminal.Waiting(30.0)
    for seconds in (0.1, 1.5, 2.5, 5.0, 5.1):
        waiting.show("sending 1 run to http://host:5000", seconds)
    waiting.over()
    line = "autotrack: sending 1 run to http://host:5000, 30 s at most; Ctrl-C is safe: it goes on by itself\n"
    assert capsys.readouterr() == ("", line)


def test_where_it_shall_be_quiet_nobody_is_told_of_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = terminal.Waiting(30.0, is_quiet=True)
    waiting.show("computing checksums", 5.0)
    waiting.over()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_that_was_closed_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = terminal.Waiting(30.0)
    for stream in (None, Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        waiting.show("computing checksums", 5.0)
        if stream is not None:
            stream.close()
        monkeypatch.setattr(sys, "stderr", None)
        terminal.say_amid("nobody listens")
        waiting.show("capturing the environment", 6.0)
        waiting.over()


def test_the_end_of_a_run_waits_a_hundredth_of_it_to_say_what_it_came_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [terminal.patience(seconds) for seconds in (0.01, 10.0, 3600.0)] == [0.0001, 0.1, 0.3]
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert terminal.patience(0.01) == 0.3, "somebody sits before a prompt"


# ---- what a run begins with


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
    monkeypatch.setattr(terminal, "monotonic", clock)
    return clock


def begun(line: str = LINE) -> terminal.StartLines:
    lines = terminal.StartLines()
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


# ---- how things are said


def summary_of(*records: Any) -> Summary:
    fold = Fold()
    fold.add([RunStarted(time=1.0, id="abc", name="mine", experiment="digits"), *records])
    return fold.summary()


def test_the_main_metrics_are_those_with_a_direction_evaluation_first() -> None:
    summary = summary_of(
        Metrics(time=2.0, values={"train_loss": 0.5, "loss_step": 0.5, "epoch_seconds": 3.0}, stage="train"),
        Metrics(time=2.0, values={"samples_per_second": 9.0, "lr-Adam": 0.1, "momentum": 0.9}, stage="train"),
        Metrics(time=3.0, values={"val_loss": 0.5, "val_acc": 0.9}, stage="validate"),
    )
    assert main_metrics(summary) == ["val_acc", "val_loss", "train_loss"]


def test_only_the_first_main_metrics_and_the_number_of_notices_are_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: dict[str, Number] = {f"loss_{index}": 0.5 for index in range(10)}
    notices = [Notice(time=2.0, about="journal", message="full"), Notice(time=2.0, about="other", message="gone")]
    for found, said in ((notices[:1], "    1 notice"), (notices, "    2 notices")):
        monkeypatch.setattr(terminal, "held_lines", terminal.HeldLines())  # as in a process of its own
        terminal.ended(summary_of(Metrics(time=2.0, values=values), *found), tmp_path)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 8
        assert lines[-1].endswith(said)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (3.21, "3.2 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (75, "1 min 15 s"),
     (3599.9, "59 min 59 s"), (7260, "2 h 1 min"), (360000, "100 h 0 min")],
)  # fmt: skip
def test_durations_are_said_for_people(seconds: float, said: str) -> None:
    assert human_seconds(seconds) == said


def test_a_metric_is_said_with_its_best_where_it_has_more_than_one_value() -> None:
    summary = summary_of(
        Metrics(time=2.0, values={"loss": 0.123456, "val_loss": 1e-7, "acc": 7, "f1": "NaN"}, step=0),
        Metrics(time=2.0, values={"val_loss": 12345.678}, step=1),
    )
    said = {name: describe(metric) for name, metric in summary.metrics.items()}
    assert said == {"loss": "0.1235", "val_loss": "1.235e+04  best 1e-07 at step 0", "acc": "7", "f1": "NaN"}


def test_folders_below_the_working_folder_are_said_from_there(tmp_path: Path) -> None:
    assert shown(tmp_path / "runs" / "digits") == "runs/digits"
    assert shown(tmp_path.parent) == str(tmp_path.parent)


@pytest.mark.slow
@pytest.mark.parametrize("sidecar", ["on", "off"])
def test_the_end_of_a_run_is_said_once_when_more_is_logged_after_it(run_script: Any, sidecar: str) -> None:
    said = run_script(
        f"""
        import os, sys
        os.environ.update(AUTOTRACK_QUIET="off", AUTOTRACK_SIDECAR={sidecar!r})
        sys.stderr = sys.stdout
        import autotrack
        with autotrack.start_run("gap", to="runs") as run:
            run.log({{"val_loss": 1.0}}, step=0)
        run.log({{"val_acc": 0.5}}, step=1)
        """
    )
    assert said.count("run gap finished after") == 1
    assert "autotrack show gap" in said
    assert len(re.findall(r"val_acc +0\.5\b", said)) == 1


def test_what_is_measured_after_the_end_was_said_is_said_once(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with autotrack.start_run("fitted", to=store) as run:
        run.log({"val_loss": 1.0}, step=0)
    capsys.readouterr()
    for value in (0.5, 0.25):
        run.log({"test_acc": value, "val_loss": value}, stage="test")
        end_run(run, None, is_own=False)
    assert capsys.readouterr() == ("", "autotrack: run fitted: test_acc 0.5\n")
    monkeypatch.setenv("AUTOTRACK_QUIET", "1")
    with autotrack.start_run(to=store) as quiet:
        quiet.log({"val_loss": 1.0}, step=0)
    quiet.log({"test_acc": 0.5})
    end_run(quiet, None, is_own=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("autotrack.start_run('mine')", r"autotrack show mine    runs/digits/\d{8}-\d{6}-mine"),
        ("autotrack.start_run('my run')", r"autotrack show 'my run'    runs/digits/\d{8}-\d{6}-my-run"),
        ("autotrack.start_run('mine', to='other store')", r"autotrack show 'other store/digits/\d{8}-\d{6}-mine'"),
        ("os.environ['AUTOTRACK_TO'] = 'other'; autotrack.start_run('mine')", r"autotrack show other/digits/.*-mine"),
        (
            "os.mkdir('sub'); os.chdir('sub'); autotrack.start_run('mine')",
            r"autotrack show /.*/sub/runs/digits/.*e",
        ),
    ],
)
def test_the_hint_works_where_the_script_was_started(code: str, hint: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"env": {**os.environ, "AUTOTRACK_EXPERIMENT": "digits"}, "capture_output": True}
    done = script(f"import os, autotrack\n{code}.finish()", **options)
    [line] = [line.strip() for line in done.stderr.splitlines() if "autotrack show" in line]
    assert re.fullmatch(hint, line), line
    command = shlex.split(line.partition("    ")[0])[1:]
    shown = subprocess.run([sys.executable, "-m", "autotrack", *command], capture_output=True, text=True, check=False)
    assert re.match(r"(mine|my run)  finished after ", shown.stdout), shown.stderr
