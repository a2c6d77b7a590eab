"""Each text goes to the log of its run, before that is announced or after, and a log in trouble is alone with it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autotrack import output_channel
from autotrack.output_channel import MOST_SEGMENTS, SEGMENT_BYTES, OutputWriter, RunWriter
from autotrack.protocol import nameless_file
from autotrack.redaction import Redactor
from autotrack.sidecar.output.log import OutputLog
from autotrack.sidecar.output.receiver import OutputReceiver
from tests.support.output_logs import NoRedaction

pytestmark = pytest.mark.skipif(not output_channel.is_supported(), reason="there are no files in memory")


@pytest.fixture
def writer() -> Iterator[OutputWriter]:
    fd = nameless_file("test")
    yield OutputWriter(fd, lambda: None)
    os.close(fd)


@pytest.fixture
def receiver(writer: OutputWriter) -> OutputReceiver:
    return OutputReceiver(writer.fd)


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def logs(tmp_path: Path, problems: list[str]) -> list[OutputLog]:
    return [OutputLog(tmp_path / f"{name}.log", Redactor({}), on_problem=problems.append) for name in "ab"]


@pytest.fixture
def runs(writer: OutputWriter) -> list[RunWriter]:
    return [writer.for_run(), writer.for_run()]


def text_of(log: OutputLog) -> str:
    return log.path.read_text() if log.path.exists() else ""


def test_runs_that_take_turns_get_their_own_lines(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    for run, log in zip(runs, logs, strict=True):
        receiver.open(run.number, log)
    for step in range(3):
        for name, run in zip("ab", runs, strict=True):
            run.write("stdout", f"{name} {step}")
            run.write("stdout", "\n")
    assert not receiver.receive()
    assert [text_of(log) for log in logs] == ["a 0\na 1\na 2\n", "b 0\nb 1\nb 2\n"]


def test_text_that_is_there_before_its_run_waits_for_it(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    runs[0].write("stdout", "early\n")
    receiver.receive()
    assert receiver.has_waiting(runs[0].number)
    receiver.open(runs[0].number, logs[0])
    assert not receiver.has_waiting(runs[0].number)
    runs[0].write("stdout", "late\n")
    receiver.receive()
    assert text_of(logs[0]) == "early\nlate\n"


def test_closing_a_log_writes_all_that_was_printed_before(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    receiver.open(runs[0].number, logs[0])
    for step in range(20 * SEGMENT_BYTES // 1000):
        runs[0].write("stdout", f"{step:0999d}\n")
    runs[0].write("stdout", "no end")
    receiver.close(runs[0].number)
    receiver.close(runs[0].number)
    assert text_of(logs[0]).endswith(f"{step:0999d}\nno end\n")
    assert text_of(logs[0]).count("\n") == step + 2


def test_pieces_of_threads_are_put_together(
    receiver: OutputReceiver, writer: OutputWriter, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    receiver.open(1, logs[0])
    for thread, text in ((7, "seven "), (8, "eight "), (7, "one\n"), (8, "two\n")):
        writer.write_later(b"1 stdout %x:%b\xff" % (thread, text.encode()))
    receiver.receive()
    assert text_of(logs[0]) == "seven one\neight two\n"


def test_much_text_is_taken_in_turns_with_other_work(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    receiver.open(runs[0].number, logs[0])
    for _ in range(10 * SEGMENT_BYTES // 1000):
        runs[0].write("stdout", "x" * 999 + "\n")
    assert receiver.receive()
    while receiver.receive():
        pass
    assert text_of(logs[0]).count("\n") == 10 * SEGMENT_BYTES // 1000


def test_a_log_says_where_text_is_missing(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog], problems: list[str]
) -> None:
    receiver.open(runs[0].number, logs[0])
    runs[0].write("stdout", "before\n")
    receiver.receive()
    for _ in range(2 * MOST_SEGMENTS * SEGMENT_BYTES // 10_000):
        runs[0].write("stdout", "x" * 9_999 + "\n")
    receiver.receive()
    lines = text_of(logs[0]).splitlines()
    assert lines[:2] == ["before", ""]
    assert lines[2].startswith("[autotrack left out about ")
    assert problems == ["text was printed faster than it could be kept; a.log says where some is left out"]


def test_the_fault_of_one_log_is_not_that_of_another(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog], problems: list[str], tmp_path: Path
) -> None:
    class Faulty(NoRedaction):
        def redact_text(self, text: str) -> tuple[str, list[str]]:
            raise ZeroDivisionError("a fault of ours")

    receiver.open(runs[0].number, OutputLog(tmp_path / "faulty.log", Faulty(), on_problem=problems.append))
    receiver.open(runs[1].number, logs[1])
    for step in range(3):
        runs[0].write("stdout", f"{step}\n")
        runs[1].write("stdout", f"{step}\n")
    receiver.receive()
    assert text_of(logs[1]) == "0\n1\n2\n"
    assert problems == ["output is not captured any more: ZeroDivisionError: a fault of ours"]


def test_without_a_channel_there_is_nothing() -> None:
    receiver = OutputReceiver(None)
    receiver.close(0)
    assert not receiver.receive()
    assert not receiver.has_waiting(0)


def test_a_secret_that_is_set_during_a_run_is_in_no_log(
    receiver: OutputReceiver, writer: OutputWriter, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    receiver.open(runs[0].number, logs[0])
    runs[0].write_secrets({"HUB_TOKEN": "ad3bf3f2e1ca8dac"})
    runs[0].write("stdout", "the hub uses ad3bf3f2e1ca8dac\n")
    receiver.receive()
    runs[1].write_secrets({"HUB_TOKEN": "7c1d9be0a2f4"})
    receiver.receive()
    receiver.open(runs[1].number, logs[1])
    for run in runs:
        run.write("stdout", "both: ad3bf3f2e1ca8dac 7c1d9be0a2f4\n")
    another = OutputReceiver(writer.fd)
    receiver.receive()
    assert text_of(logs[0]) == "the hub uses [redacted]\nboth: [redacted] [redacted]\n"
    assert text_of(logs[1]) == "both: [redacted] [redacted]\n"
    log = OutputLog(logs[0].path.with_name("c.log"), Redactor({}), on_problem=print)
    another.open(runs[0].number, log)
    another.receive()
    assert text_of(log) == "both: [redacted] [redacted]\n", "also for who reads in the place of one who has died"


def test_a_secret_is_known_also_when_the_texts_after_it_were_given_up(
    receiver: OutputReceiver, runs: list[RunWriter], logs: list[OutputLog]
) -> None:
    receiver.open(runs[0].number, logs[0])
    runs[0].write_secrets({"HUB_TOKEN": "ad3bf3f2e1ca8dac"})
    for _ in range(2 * MOST_SEGMENTS * SEGMENT_BYTES // 10_000):
        runs[0].write("stdout", "x" * 9_999 + "\n")
    runs[0].write("stdout", "ad3bf3f2e1ca8dac\n")
    receiver.close(runs[0].number)
    assert text_of(logs[0]).endswith("\n[redacted]\n")
