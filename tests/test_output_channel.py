"""What is printed arrives whole, in order and once, however much it is and whoever prints it; memory stays bounded."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack import output_channel
from autotrack.output_channel import MOST_SEGMENTS, SEGMENT_BYTES, OutputReader, OutputWriter, PrintedText, RunWriter
from autotrack.protocol import nameless_file

pytestmark = pytest.mark.skipif(not output_channel.is_supported(), reason="there are no files in memory")


@dataclass
class Channel:
    """Both ends, in one process."""

    fd: int = field(default_factory=lambda: nameless_file("test"))
    woken: int = 0

    def __post_init__(self) -> None:
        self.writer = OutputWriter(self.fd, self.wake)
        self.run = self.writer.for_run()
        self.reader = OutputReader(self.fd)

    def wake(self) -> None:
        self.woken += 1

    def read(self) -> list[PrintedText]:
        found: list[PrintedText] = []
        while texts := list(self.reader.read()):
            found += texts
        return found

    def text(self) -> str:
        return "".join(printed.text for printed in self.read())

    def memory_bytes(self) -> int:
        return os.fstat(self.fd).st_blocks * 512


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    os.close(channel.fd)


TEXTS = st.text(st.characters(codec=None) | st.sampled_from("\0\xff\udcff\n\U0001f525 :"), max_size=30)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["stdout", "stderr"]), TEXTS, st.booleans()), max_size=30)
)
def test_every_text_arrives_as_it_was_with_its_run_stream_and_thread(
    writes: list[tuple[int, str, str, bool]],
) -> None:
    channel = Channel()
    runs = [channel.run, channel.writer.for_run()]
    found = []
    for run, stream, text, reads_now in writes:
        runs[run].write(stream, text)
        if reads_now:
            found += channel.read()
    found += channel.read()
    assert channel.read() == []
    os.close(channel.fd)
    here = threading.get_ident()
    assert found == [PrintedText(runs[run].number, stream, here, text) for run, stream, text, _ in writes]


@pytest.mark.parametrize("size", [10, 100, 5_000, 100_000])
def test_texts_go_on_in_the_next_segment_and_the_reader_is_woken(channel: Channel, size: int) -> None:
    number = 3 * SEGMENT_BYTES // size
    for step in range(number):
        channel.run.write("stdout", f"{step:0{size}d}"[:size])
    assert [printed.text for printed in channel.read()] == [f"{step:0{size}d}"[:size] for step in range(number)]
    assert channel.woken >= 2


@pytest.mark.parametrize("character", ["x", "\U0001f525"])
def test_a_text_longer_than_a_segment_arrives_in_pieces(channel: Channel, character: str) -> None:
    channel.run.write("stdout", character * 3 * SEGMENT_BYTES)
    channel.run.write("stdout", "next")
    assert channel.text() == character * 3 * SEGMENT_BYTES + "next"


def test_a_record_that_is_not_complete_yet_is_left_for_later(channel: Channel) -> None:
    channel.run.write("stdout", "complete")
    at = SEGMENT_BYTES + len(channel.run._heads["stdout", threading.get_ident()]) + len("complete") + 1
    for written in (b"1 std", b"1 stdout 1:te", b"\0\0stdout 1:text\xff"):
        os.pwrite(channel.fd, written, at)
        assert [printed.text for printed in channel.read()] == ["complete"][: written == b"1 std"]
    os.pwrite(channel.fd, b"1 ", at)
    assert channel.read() == [PrintedText(1, "stdout", 1, "text")]


# Memory


def test_what_has_been_read_takes_no_memory(channel: Channel) -> None:
    for _ in range(100):
        channel.run.write("stdout", "x" * (SEGMENT_BYTES // 4))
        assert channel.text() == "x" * (SEGMENT_BYTES // 4)
        assert channel.memory_bytes() <= 3 * SEGMENT_BYTES


def test_without_a_reader_the_oldest_texts_are_given_up_and_counted(channel: Channel) -> None:
    channel.run.write("stdout", "the first")
    channel.read()
    number = 4 * MOST_SEGMENTS * SEGMENT_BYTES // 1024
    for step in range(number):
        channel.run.write("stdout", f"{step:01000d}")
        assert channel.memory_bytes() <= (MOST_SEGMENTS + 2) * SEGMENT_BYTES
    texts = channel.read()
    found, lost_bytes = [int(printed.text) for printed in texts], texts[0].lost_bytes
    assert found == list(range(found[0], number))
    assert found[0] * 1000 < lost_bytes < found[0] * 1040 + SEGMENT_BYTES
    assert len(found) * 1000 > MOST_SEGMENTS // 2 * SEGMENT_BYTES
    assert sum(printed.lost_bytes for printed in texts) == lost_bytes


def test_texts_that_are_given_up_while_they_are_read_are_not_taken_for_others(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.run.write("stdout", "old")
    pread = os.pread

    def overtaken(fd: int, size: int, offset: int) -> bytes:
        monkeypatch.undo()
        for _ in range(3 * MOST_SEGMENTS):
            channel.run.write("stdout", "new" * (SEGMENT_BYTES // 8))
        return pread(fd, size, offset)

    monkeypatch.setattr("autotrack.output_channel.os.pread", overtaken)
    texts = channel.read()
    assert texts[0].lost_bytes > 0
    assert {printed.text[:3] for printed in texts} == {"new"}


def test_without_memory_a_text_raises_and_later_ones_arrive(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("autotrack.output_channel.os.posix_fallocate", refuse)
        with pytest.raises(OSError, match="No space"):
            channel.run.write("stdout", "one ")
    channel.run.write("stdout", "two")
    assert channel.text() == "one two"


def test_a_descriptor_that_somebody_closed_and_opened_again_is_left_alone(channel: Channel, tmp_path: Path) -> None:
    channel.run.write("stdout", "captured")
    with (tmp_path / "theirs").open("w") as theirs:
        os.dup2(theirs.fileno(), channel.fd)
        with pytest.raises(OSError, match="the memory for it was closed"):
            channel.run.write("stdout", "x" * SEGMENT_BYTES)
    assert (tmp_path / "theirs").stat().st_size == 0


def test_no_descriptor_takes_the_place_of_a_standard_stream_that_is_closed(run_script: Callable[..., str]) -> None:
    said = run_script(
        """
        import os, sys
        from autotrack.output_channel import OutputReader, OutputWriter, SEGMENT_BYTES
        from autotrack.protocol import nameless_file
        terminal = os.dup(1)
        for fd in range(3):
            os.close(fd)
        channel = nameless_file("test")
        run = OutputWriter(channel, lambda: None).for_run()
        reader = OutputReader(channel)
        for _ in range(3):
            run.write("stdout", "x" * SEGMENT_BYTES)
            while list(reader.read()):
                pass
        names = [name for name in map(int, os.listdir("/proc/self/fd")) if name < 3]
        os.write(terminal, f"{len(names)}".encode())  # the listing itself has one
        os._exit(0)
        """
    )
    assert said == "1"


# Another reader


def test_another_reader_begins_with_what_the_first_was_working_on(channel: Channel) -> None:
    channel.run.write("stdout", "done\n")
    assert channel.text() == "done\n"
    channel.run.write("stdout", "in work")
    assert next(channel.reader.read()).text == "in work"
    channel.run.write("stdout", "new")
    channel.reader = OutputReader(channel.fd)
    assert [printed.text for printed in channel.read()] == ["in work", "new"]


def test_another_reader_begins_with_the_line_that_the_first_had_a_part_of(channel: Channel) -> None:
    for text in ("whole\n", "\r1/4", "printed", " "):  # as print makes pieces of a line
        channel.run.write("stdout", text)
    assert channel.text() == "whole\n\r1/4printed "
    channel.run.write("stdout", "1\n")
    channel.reader = OutputReader(channel.fd)
    assert channel.text() == "printed 1\n"


# Whoever prints


def test_threads_lose_no_text_and_keep_their_order(channel: Channel) -> None:
    def work(name: str) -> None:
        for step in range(4000):
            channel.run.write("stdout", f"{name} {step} {'x' * 100}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    found: list[PrintedText] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            found += channel.read()
    finally:
        sys.setswitchinterval(interval)
    found += channel.read()
    for name in "abcd":
        steps = [int(printed.text.split()[1]) for printed in found if printed.text[0] == name]
        assert steps == list(range(4000))


def test_what_prints_while_a_segment_begins_comes_after_what_was_printed_before(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    allocate, nested = os.posix_fallocate, iter("bc")

    def interrupted(fd: int, offset: int, size: int) -> None:
        for text in nested:
            channel.run.write("stdout", text)
        allocate(fd, offset, size)

    monkeypatch.setattr("autotrack.output_channel.os.posix_fallocate", interrupted)
    for text in "ade":
        channel.run.write("stdout", text)
    assert channel.text() == "abcde"


def test_a_keyboard_interrupt_while_a_segment_begins_loses_nothing(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("autotrack.output_channel.os.posix_fallocate", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            channel.run.write("stdout", "interrupted ")
    channel.run.write("stdout", "goes on")
    assert channel.text() == "interrupted goes on"


@pytest.mark.parametrize("before", ["", "the parent has printed before"])
def test_a_forked_child_is_told_that_it_cannot_write(channel: Channel, before: str) -> None:
    def write_in_child(stream_name: str, text: str) -> None:
        os.write(ends[1], f"{stream_name}: {text}".encode())

    channel.run.write_in_child = write_in_child
    if before:
        channel.run.write("stdout", before)
    ends = os.pipe()
    child = os.fork()
    if child == 0:
        channel.run.write("stderr", "from the child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(ends[0], 100) == b"stderr: from the child"
    channel.run.write("stdout", "!")
    assert channel.text() == before + "!"
    for end in ends:
        os.close(end)


def test_many_threads_leave_nothing_behind(channel: Channel) -> None:
    run: RunWriter = channel.run
    for number in range(1000):
        run._make_head("stdout", number)
    assert len(run._heads) <= 102
