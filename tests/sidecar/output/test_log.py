"""output.log holds what a run prints: whole lines, in order, at once, bounded, without secrets; and prints go on."""

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal import run_folder
from autotrack.redaction import Redactor
from autotrack.sidecar.output.log import OutputLog
from autotrack.training.observe.output.streams import forget, listen
from tests.support.disks import small_disk
from tests.support.output_logs import Clock, NoRedaction, lines_of, no_problem

TOKEN = "ghp_" + "a1B2" * 9
KEY_BODY = ["MIIEow" + "IBAAKCAQEA" * 5 + f"{line:08d}" for line in range(20)]
KEY = ["-----BEGIN RSA PRIVATE KEY-----", *KEY_BODY, "-----END RSA PRIVATE KEY-----"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Iterator[OutputLog]:
    log = OutputLog(tmp_path / "run" / "output.log", Redactor({}), on_problem=no_problem, clock=clock)
    log.take("stdout", "")  # what is not finished is shown when a second has passed from here on
    yield log
    forget(log)
    log.close()


@pytest.fixture
def listening(log: OutputLog) -> OutputLog:
    listen(log)
    return log


# Lines


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["stdout", "stderr"]),
            st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=20),
            st.floats(0, 2),
        ),
        max_size=40,
    )
)
def test_the_log_holds_the_lines_of_both_streams_in_the_order_they_were_completed(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, str, float]]
) -> None:
    clock = Clock()
    log = OutputLog(tmp_path_factory.mktemp("run") / "output.log", NoRedaction(), on_problem=no_problem, clock=clock)
    expected, unfinished = [], {"stdout": "", "stderr": ""}
    for stream, text, seconds in writes:
        clock.now += seconds
        log.take(stream, text)
        *whole, unfinished[stream] = (unfinished[stream] + text).split("\n")
        expected += whole
        assert lines_of(log)[: len(expected)] == expected
        assert len(lines_of(log)) <= len(expected) + 2
    log.close()
    assert lines_of(log) == expected + [line for line in unfinished.values() if line]


def test_a_line_is_in_the_file_when_print_returns(listening: OutputLog) -> None:
    for step in range(3):
        print("step", step, flush=True)
        assert lines_of(listening) == [f"step {number}" for number in range(step + 1)]


def test_print_logging_and_tracebacks_are_in_it(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "terminal").open("w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        handler = logging.StreamHandler(sys.stderr)  # before the run: it keeps the stream object
        logger = logging.Logger("user")
        logger.addHandler(handler)
        listen(log)
        logger.warning("logged")
        print("printed", file=sys.stderr)
        sys.stderr.writelines(["in ", "pieces\n"])
        try:
            raise ValueError("raised")
        except ValueError:
            sys.excepthook(*cast("tuple[Any, Any, Any]", sys.exc_info()))
    said = lines_of(log)
    assert said[:3] == ["logged", "printed", "in pieces"]
    assert said[-1] == "ValueError: raised"
    assert (tmp_path / "terminal").read_text().split("\n")[:-1] == said


def test_what_is_no_text_in_utf_8_is_escaped(log: OutputLog) -> None:
    log.take("stdout", "caf\u00e9 \udcff \U0001f525\n")
    assert log.path.read_bytes() == "café \\udcff \U0001f525\n".encode()


def test_a_log_goes_on_after_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_text("before\nkilled in the mid")
    log = OutputLog(path, Redactor({}), on_problem=no_problem)
    log.take("stdout", "after\n")
    log.close()
    log.take("stdout", "too late\n")
    log.close()
    assert lines_of(log) == ["before", "killed in the mid", "after"]
    assert log.path.stat().st_size == path.stat().st_size


# Bars and unfinished lines


def test_an_unfinished_line_is_in_the_file_within_a_second_and_once(log: OutputLog, clock: Clock) -> None:
    log.take("stdout", "loading ...")
    assert lines_of(log) == []
    clock.now = 1.0
    log.take("stderr", "\r 10%")
    assert lines_of(log) == ["loading ...", " 10%"]
    log.take("stderr", "\r 20%")
    assert lines_of(log) == ["loading ...", " 10%"]
    clock.now = 2.0
    log.take("stderr", "\r 30%")
    assert lines_of(log) == ["loading ...", " 30%"]
    log.take("stdout", " done\n")
    assert lines_of(log) == ["loading ... done", " 30%"]
    log.take("stderr", "\r100%\n")
    log.close()
    assert lines_of(log) == ["loading ... done", "100%"]


def test_plain_lines_printed_while_bars_hold_rows_are_in_the_file_methods(log: OutputLog, clock: Clock) -> None:
    log.take("stderr", "\x1b[?25louter 0%\ninner 0%\x1b[A\r\x1b[B\r")
    for step in range(100):
        log.take("stderr", "\n")
        log.take("stderr", f"step {step}\n")
        assert lines_of(log)[-1] == f"step {step}"
        log.take("stderr", "\x1b[A\x1b[B")
    assert [line for line in lines_of(log) if line] == ["outer 0%", "inner 0%", *(f"step {n}" for n in range(100))]


def test_what_somebody_else_appended_is_never_cut_off(log: OutputLog, clock: Clock) -> None:
    for second in range(1, 4):
        clock.now = float(second)
        log.take("stderr", f"\r{second}0%")
        with log.path.open("a") as file:
            file.write(f"other {second}\n")
    log.take("stderr", "\r100%\n")
    assert [line for line in lines_of(log) if "other" in line] == ["other 1", "other 2", "other 3"]
    assert lines_of(log)[-1] == "100%"


# Secrets


def test_a_secret_is_found_in_whatever_pieces_it_is_written(listening: OutputLog) -> None:
    print("token", TOKEN)
    print("whole ghp_", TOKEN[4:], sep="")
    sys.stdout.write(f"split {TOKEN[:9]}")
    sys.stdout.write(f"{TOKEN[9:]}\npassword=hun")
    sys.stdout.write("ter2x9\n")
    print(f"\r\x1b[31mcoloured {TOKEN[:8]}\x1b[0m{TOKEN[8:]}")
    listening.close()
    assert lines_of(listening) == [
        "token [redacted]",
        "whole [redacted]",
        "split [redacted]",
        "password=[redacted]",
        "coloured [redacted]",
    ]


@pytest.mark.parametrize(
    "over",
    ["\r*", "\b\b\b\bXXXX", "\x1b[5D*", "\x1b[5G*", "\x1b[2D\x1b[K", "\x1b[A\x1b[B\r*", "\n\x1b[A*", "\r\n\x1b[A**"],
)
@pytest.mark.parametrize("before", ["", "\x1b[?25l", "a bar with the letters of an earlier state\r", "password="])
@pytest.mark.parametrize("size", [1000, 7, 1])
def test_a_secret_is_found_before_a_part_of_it_is_overwritten(
    log: OutputLog, over: str, before: str, size: int, clock: Clock
) -> None:
    known = "tok-Abc123-XyzQQ"
    log.learn_secret("DB_PASSWORD", known)
    for secret in (known, TOKEN):
        text = before + secret + over + "\n"
        for begin in range(0, len(text), size):
            log.take("stdout", text[begin : begin + size])
            clock.now += 0.5
    log.close()
    content = "".join(lines_of(log))
    assert content
    assert not re.search("Abc123|XyzQ|a1B2", content)


def test_a_key_is_hidden_although_its_first_line_is_partly_overwritten(log: OutputLog) -> None:
    log.take("stdout", "\n".join([f"{KEY[0]}\r*", *KEY[1:], "after", ""]))
    assert lines_of(log)[1:] == ["after"]


def test_what_is_drawn_over_a_secret_covers_it(log: OutputLog) -> None:
    for step in range(3):
        log.take("stdout", f"\rstep {step} token=abc1{step} loss=0.{step}")
    log.take("stdout", "\n")
    assert lines_of(log) == ["step 2 token=[redacted] loss=0.2"]


def test_a_secret_in_a_bar_or_an_unfinished_line_is_hidden_too(log: OutputLog, clock: Clock) -> None:
    clock.now = 1.0
    log.take("stderr", f"\r 50% {TOKEN}")
    clock.now = 2.0
    log.take("stdout", f"with {TOKEN}")
    assert lines_of(log) == ["with [redacted]", " 50% [redacted]"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("armed", ["", "\x1b[?25l\x1b[A\x1b[B"])
@pytest.mark.parametrize("together", [True, False])
def test_a_private_key_is_hidden_together_and_line_by_line(
    log: OutputLog, clock: Clock, *, together: bool, armed: str, ends: str
) -> None:
    log.take("stdout", armed)
    text = ends.join(["before", f"key: {KEY[0]}", *KEY[1:], "after", ""])
    for piece in [text] if together else text.splitlines(keepends=True):
        clock.now += 0.6
        for part in (piece[: len(piece) // 2], piece[len(piece) // 2 :]):
            log.take("stdout", part)
            log.take("stderr", "meanwhile\n")
            assert not any(body[:20] in line for body in KEY_BODY for line in lines_of(log))
    log.close()
    said = [line for line in lines_of(log) if line and line != "meanwhile"]
    assert said == ["before", "key: [redacted]", "after"]


def test_output_comes_back_when_a_key_has_no_end(log: OutputLog) -> None:
    log.take("stdout", f"{KEY[0]}\n")
    for number in range(210):
        log.take("stdout", f"line {number}\n")
    assert lines_of(log) == ["[redacted]", *(f"line {number}" for number in range(200, 210))]


# Bounds


def test_a_log_keeps_its_head_and_its_tail_and_counts_what_is_between(tmp_path: Path) -> None:
    limit = 10_000
    log = OutputLog(tmp_path / "output.log", NoRedaction(), limit_bytes=limit, on_problem=no_problem)
    printed = [f"line {number} " + "é" * (number % 50) for number in range(2000)]
    for number, line in enumerate(printed):
        log.take("stdout", f"{line}\n")
        assert log.path.stat().st_size <= limit + 200
        if number % 100 == 0:  # a resumed run counts on
            log.close()
            log = OutputLog(log.path, NoRedaction(), limit_bytes=limit, on_problem=no_problem)
    log.close()
    said = lines_of(log)
    (at,) = [at for at, line in enumerate(said) if "left out" in line]
    match = re.fullmatch(r"\[autotrack left out (\d+) lines, (\d+) bytes\]", said[at])
    assert match
    left_out = printed[at : at + int(match[1])]
    assert said[:at] + left_out + said[at + 1 :] == printed
    assert sum(len(line.encode()) + 1 for line in left_out) == int(match[2])
    assert 0 < sum(map(len, said[:at])) <= limit // 10
    assert sum(map(len, said[at + 1 :])) > limit // 4


def test_shortening_costs_little_for_each_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, written = 100_000, [0]
    write = run_folder.replace_file

    def counting(folder: Path, name: str, content: bytes) -> None:
        written[0] += len(content)
        write(folder, name, content)

    monkeypatch.setattr("autotrack.sidecar.output.bounded_file.replace_file", counting)
    log = OutputLog(tmp_path / "output.log", NoRedaction(), limit_bytes=limit, on_problem=no_problem)
    for _ in range(10_000):
        log.take("stdout", "x" * 99 + "\n")
    log.close()
    assert written[0] < 3 * 1_000_000


def test_a_line_without_end_is_bounded_in_memory_and_in_the_file(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "output.log", NoRedaction(), limit_bytes=10**6, on_problem=no_problem)
    log.take("stdout", "y" * 3_000_000)
    for _ in range(300):
        log.take("stdout", "x" * 10_000)
    log.take("stdout", "\rthe end\n")
    log.close()
    assert log.path.stat().st_size <= 10**6 + 2**17
    assert lines_of(log)[-1].startswith("the end")


# In the middle of things


def test_what_prints_in_the_middle_of_a_print_is_kept(listening: OutputLog, monkeypatch: pytest.MonkeyPatch) -> None:
    write, nested = os.write, iter(["a finalizer", "and another"])

    def interrupted(fd: int, data: bytes) -> int:
        for text in nested:
            print(text)
        return write(fd, data)

    monkeypatch.setattr("autotrack.sidecar.output.bounded_file.os.write", interrupted)
    print("outer")
    print("next")
    assert lines_of(listening) == ["outer", "a finalizer", "and another", "next"]


def test_a_keyboard_interrupt_in_the_middle_leaves_everything_in_order(
    listening: OutputLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "autotrack.sidecar.output.bounded_file.os.write",
            lambda fd, data: signal.raise_signal(signal.SIGINT),
        )
        with pytest.raises(KeyboardInterrupt):
            print("interrupted")
    print("goes on")
    assert lines_of(listening) == ["interrupted", "goes on"]


def test_a_fault_of_ours_ends_the_capture_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Faulty(NoRedaction):
        def redact_text(self, text: str) -> tuple[str, list[str]]:
            raise ZeroDivisionError("a fault of ours")

    said: list[str] = []

    def on_problem(message: str) -> None:
        said.append(message)
        print("a warning about it", file=sys.stderr)

    log = OutputLog(tmp_path / "output.log", Faulty(), on_problem=on_problem)
    listen(log)
    print("one")
    print("two")
    forget(log)
    log.close()
    assert capsys.readouterr() == ("one\ntwo\n", "a warning about it\n")
    assert said == ["output is not captured any more: ZeroDivisionError: a fault of ours"]


def test_a_recursion_error_of_the_program_does_not_end_the_capture(listening: OutputLog) -> None:
    def deep() -> None:
        print("deeper", end="")
        deep()

    with pytest.raises(RecursionError):
        deep()
    print("\nback")
    assert lines_of(listening)[-1] == "back"


def test_threads_that_print_methods_lose_and_tear_no_line(listening: OutputLog) -> None:
    def work(name: str) -> None:
        for number in range(300):
            print(name, number)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    said = lines_of(listening)
    for name in "abcd":
        assert [line for line in said if line[0] == name] == [f"{name} {number}" for number in range(300)]
    assert len(said) == 1200


# Trouble


def test_a_full_disk_stops_no_print_and_what_waits_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def on_problem(message: str) -> None:
        said.append(message)
        print(message, file=sys.stderr)  # as a warning does

    log = OutputLog(tmp_path / "output.log", Redactor({}), on_problem=on_problem)
    listen(log)
    write, room = os.write, [30]

    def full(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = write(fd, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr("autotrack.sidecar.output.bounded_file.os.write", full)
    for number in range(10):
        print("line", number)
    room[0] = 10**6
    print("room again")
    forget(log)
    log.close()
    assert [what.partition(";")[0] for what in said] == [f"No space left on device ({log.path})"]
    lines = lines_of(log)
    assert [line for line in lines if line != said[0]] == [*(f"line {number}" for number in range(10)), "room again"]
    assert said[0] in lines
    assert capsys.readouterr().out.count("line") == 10


def test_a_disk_that_stays_full_costs_no_memory_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = OutputLog(tmp_path / "output.log", NoRedaction(), on_problem=said.append)
    printed = [f"line {number} {'x' * 200}" for number in range(3000)]
    with monkeypatch.context() as patched:

        def full(fd: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        patched.setattr("autotrack.sidecar.output.bounded_file.os.write", full)
        for line in printed:
            log.take("stdout", f"{line}\n")
    log.take("stdout", "room again\n")
    log.close()
    lost = re.match(r"\n\[autotrack lost (\d+) lines: the disk was full\]\n", log.path.read_text())
    assert lost
    assert lines_of(log)[2:] == [*printed[int(lost[1]) :], "room again"]
    assert log.path.stat().st_size < 300_000
    assert len(said) == 1


def test_what_a_full_disk_refuses_to_the_end_waits_elsewhere_until_sync(tmp_path: Path) -> None:
    """Also of a run that was moved since, and without a line more or less."""
    with autotrack.start_run("one", to=tmp_path / "runs") as run:
        pass
    said: list[str] = []
    with small_disk(tmp_path / "disk") as disk:
        folder = disk.path / "store" / "exp" / "run"
        shutil.copytree(run.folder, folder)
        log = OutputLog(folder / "output.log", NoRedaction(), on_problem=said.append)
        printed = [f"line {number} {'x' * 100}" for number in range(3000)]
        log.take("stdout", f"{printed[0]}\n")
        disk.fill()
        for line in printed[1:]:
            log.take("stdout", f"{line}\n")
        log.close()
        (waiting,) = (tmp_path / "state" / "autotrack" / "unwritten").iterdir()
        assert str(waiting) in said[0]
        disk.make_room()
        folder = folder.rename(folder.with_name("moved"))
        ended = CliRunner().invoke(app, ["sync", str(disk.path / "store")])
        assert ended.output == "1 run complete\n"
        assert (folder / "output.log").read_text().splitlines() == printed
        assert not waiting.exists()
        (output,) = autotrack.load(folder).artifacts
        assert output.bytes == (folder / "output.log").stat().st_size
        assert output.sha256


def test_lines_that_no_disk_takes_are_counted_in_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = OutputLog(tmp_path / "output.log", NoRedaction(), on_problem=said.append)

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autotrack.sidecar.output.bounded_file.os.write", full)
    for number in range(7):
        log.take("stdout", f"line {number}\n")
    log.close()
    assert said[-1] == "7 lines of output.log are lost, because no disk took them"


def test_a_folder_that_vanishes_is_made_again_within_a_second(tmp_path: Path, clock: Clock) -> None:
    said: list[str] = []
    log = OutputLog(tmp_path / "run" / "output.log", Redactor({}), on_problem=said.append, clock=clock)
    for second in range(4):
        clock.now = float(second)
        log.take("stdout", f"second {second}\n")
        if second in (0, 1):
            shutil.rmtree(log.path.parent)
    log.close()
    assert lines_of(log) == ["second 2", "second 3"]
    assert said == [f"{log.path} vanished; it was made again from here on"]


def test_a_folder_that_cannot_be_made_stops_no_print(tmp_path: Path, clock: Clock) -> None:
    said: list[str] = []
    (tmp_path / "run").write_text("a file in its place")
    log = OutputLog(tmp_path / "run" / "output.log", NoRedaction(), on_problem=said.append, clock=clock)
    for _ in range(2000):
        clock.now += 0.1
        log.take("stdout", "x" * 500 + "\n")
        log.take("stderr", "\r 50%")
    (tmp_path / "run").unlink()
    clock.now += 1
    log.take("stdout", "there\n")
    assert lines_of(log)[-2:] == ["there", " 50%"]
    assert len(said) == 1
    assert said[0].startswith("File exists")
    log.close()


def test_a_descriptor_that_somebody_closed_and_opened_again_is_left_alone(log: OutputLog, clock: Clock) -> None:
    log.take("stdout", "one\n")
    fd = log._file._fd
    other = os.open(log.path.with_name("other"), os.O_RDWR | os.O_CREAT)
    os.dup2(other, fd)
    clock.now = 1.0
    log.take("stderr", "\r 50%")
    log.take("stdout", "two\n")
    assert lines_of(log) == ["one", "two", " 50%"]
    assert log.path.with_name("other").read_bytes() == b""
    os.close(other)
    os.close(fd)


# Processes

HEADER = """
import os, sys, time
from pathlib import Path
from autotrack.sidecar.output.log import OutputLog
from autotrack.training.observe.output.streams import forget, listen
from autotrack.redaction import Redactor
log = OutputLog(Path(sys.argv[1]), Redactor(), on_problem=lambda message: os.write(2, message.encode()))
listen(log)
"""

PRINTING = """
import logging, os, sys, warnings
logging.basicConfig(level="INFO")
print("printed", 1, 2.5, None)
print("no end", end="")
sys.stdout.write(" ... end\\n")
logging.info("logged")
print("to stderr", file=sys.stderr)
for done in range(5):
    sys.stderr.write(f"\\r{done}/4 é")
sys.stdout.flush()
sys.stdout.buffer.write(b"bytes\\n")
sys.stdout.buffer.flush()
os.system("echo from a child program")
warnings.warn("a warning", stacklevel=1)
print(sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.line_buffering)
raise SystemExit("the end")
"""


def run_python(code: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    script = cwd / "script.py"
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=300, check=False, cwd=cwd)


def test_a_script_prints_the_same_bytes_with_and_without(tmp_path: Path) -> None:
    runner = """
        import runpy, sys
        if sys.argv[1:]:
            exec(sys.argv[2])
        runpy.run_path("printing.py", run_name="__main__")
    """
    (tmp_path / "printing.py").write_text(PRINTING, encoding="utf-8")
    without = run_python(runner, cwd=tmp_path)
    captured = run_python(runner, tmp_path / "output.log", HEADER, cwd=tmp_path)
    assert without.returncode == captured.returncode == 1
    assert captured.stdout == without.stdout
    assert captured.stderr == without.stderr
    said = (tmp_path / "output.log").read_text(encoding="utf-8").splitlines()
    assert said[:4] == ["printed 1 2.5 None", "no end ... end", "INFO:root:logged", "to stderr"]
    assert any("UserWarning: a warning" in line for line in said)
    assert "bytes" not in said
    assert "from a child program" not in said


def test_kill_right_after_print_loses_no_line(tmp_path: Path) -> None:
    script = """
        sys.stderr.write("\\r 50%|#####     |")
        for step in range(100):
            print("step", step)
        os.kill(os.getpid(), 9)
    """
    done = run_python(HEADER + textwrap.dedent(script), tmp_path / "output.log", cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    said = (tmp_path / "output.log").read_text().splitlines()
    assert said == [*(f"step {step}" for step in range(100)), " 50%|#####     |"]


def test_forked_children_add_whole_lines_and_change_nothing_else(tmp_path: Path) -> None:
    script = """
        log._file._limit_bytes = log._file._shorten_above = 30_000
        print("half of a line of the parent", end="")
        sys.stderr.write("\\rbar 10%")
        sys.stdout.flush()
        children = []
        for name in "abc":
            child = os.fork()
            if child == 0:
                for number in range(300):
                    print("child", name, number)
                    sys.stderr.write(f"\\rbar of {name}")
                forget(log)
                log.close()
                os._exit(0)
            children.append(child)
        for number in range(300):
            time.sleep(0.0002)
            log._next_show = 0.0  # as if a second had passed
            sys.stderr.write(f"\\rbar {number}")
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        print(" and the other")
        sys.stderr.write("\\rbar end\\n")
        forget(log)
        log.close()
    """
    done = run_python(HEADER + textwrap.dedent(script), tmp_path / "output.log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "output.log").read_text().splitlines()
    for name in "abc":
        lines = [line for line in said if line.startswith(f"child {name}")]
        assert lines == [f"child {name} {number}" for number in range(300)]
        assert said.count(f"bar of {name}") == 1
    assert said[-2:] == ["half of a line of the parent and the other", "bar end"]
    assert all(re.fullmatch(r"child \w \d+|bar \w+%?|bar of \w|half of a line of the parent.*", line) for line in said)


def test_forked_children_lose_no_line_while_the_parent_shortens_the_file(tmp_path: Path) -> None:
    script = """
        log._file._limit_bytes = log._file._shorten_above = 100_000
        log._next_show = float("inf")  # no half line is shown, and left behind a line of the child
        child = os.fork()
        if child == 0:
            for number in range(500):
                print("child", number)
                time.sleep(0.0001)
            os._exit(0)
        number = 0
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            print("parent", number, "x" * 500)
            number += 1
        print(number, file=sys.__stdout__)
        forget(log)
        log.close()
    """
    done = run_python(HEADER + textwrap.dedent(script), tmp_path / "output.log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "output.log").read_text().splitlines()
    printed = int(done.stdout.split()[-1])
    left_out = [re.search(r"left out (\d+) lines", line) for line in said]
    (count,) = [int(match[1]) for match in left_out if match]
    assert len(said) - 1 + count == 500 + printed + 1


def test_a_fork_in_the_middle_of_a_print_of_another_thread_locks_nothing_up(tmp_path: Path) -> None:
    script = """
        import threading
        stop = threading.Event()
        def work():
            while not stop.is_set():
                print("thread")
        thread = threading.Thread(target=work)
        thread.start()
        for number in range(30):
            child = os.fork()
            if child == 0:
                log.take("stdout", f"child {number}\\n")
                os._exit(0)
            os.waitpid(child, 0)
        stop.set()
        thread.join()
    """
    done = run_python(HEADER + textwrap.dedent(script), tmp_path / "output.log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "output.log").read_text().splitlines()
    assert [line for line in said if "child" in line] == [f"child {number}" for number in range(30)]
    assert set(said) == {"thread"} | {f"child {number}" for number in range(30)}
