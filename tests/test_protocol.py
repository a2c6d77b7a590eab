"""What two processes tell each other arrives whole, in order and once, and nobody waits for anybody."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.journal.files import above_standard_streams
from autotrack.protocol import (
    AnyMessage,
    Finalize,
    Finalized,
    Follow,
    Hello,
    MessageFile,
    Progress,
    Say,
    Shutdown,
    ShutdownDone,
    Wakeup,
    nameless_file,
)

text = st.text(st.characters(), max_size=50) | st.text("a\udcff", max_size=3)  # also from names that are not UTF-8
MESSAGES: st.SearchStrategy[AnyMessage] = st.one_of(
    st.builds(
        Follow,
        folder=text,
        modules=st.lists(text, max_size=3),
        packages=st.lists(text, max_size=3),
        secrets=st.dictionaries(text, text, max_size=3),
        environment=st.booleans(),
        system_seconds=st.floats(0, 1e6),
        rank=st.integers(0, 10**6),
    ),
    st.builds(Finalize, folder=text, at_exit=st.booleans()),
    st.builds(Finalized, folder=text),
    st.builds(Say, line=text),
    st.builds(Progress, urgent=st.booleans(), doing=text),
    st.builds(Hello, pid=st.integers(0, 2**22)),
    st.sampled_from([Shutdown(), ShutdownDone()]),
)


@pytest.fixture
def file() -> Iterator[MessageFile]:
    made = MessageFile.create("test")
    yield made
    os.close(made.fd)


@given(st.lists(st.lists(MESSAGES, max_size=4), max_size=4))
def test_messages_arrive_whole_in_order_and_once(batches: list[list[AnyMessage]]) -> None:
    file = MessageFile.create("test")
    reader = MessageFile(file.fd)
    try:
        for batch in batches:
            for message in batch:
                file.send(message)
            assert reader.receive() == batch
            assert reader.receive() == []
    finally:
        os.close(file.fd)


def test_half_a_message_waits_for_its_other_half(file: MessageFile) -> None:
    file.send(Hello(pid=1))
    line = os.pread(file.fd, 1000, 0)
    os.write(file.fd, line[:7])
    assert file.receive() == [Hello(pid=1)]
    assert file.receive() == []
    os.write(file.fd, line[7:])
    assert file.receive() == [Hello(pid=1)]


def test_another_process_reads_what_was_said_before_and_after_it_began(file: MessageFile) -> None:
    code = f"""
from autotrack.protocol import MessageFile
file, seen = MessageFile({file.fd}), []
while "Shutdown" not in seen:
    seen += [type(message).__name__ for message in file.receive()]
print(*seen)
"""
    file.send(Hello(pid=1))
    reader = subprocess.Popen([sys.executable, "-c", code], pass_fds=[file.fd], stdout=subprocess.PIPE, text=True)
    file.send(Finalize(folder="a"))
    file.send(Shutdown())
    assert reader.communicate(timeout=300)[0] == "Hello Finalize Shutdown\n"


def test_telling_one_who_has_died_is_no_error(file: MessageFile) -> None:
    subprocess.run([sys.executable, "-c", ""], pass_fds=[file.fd], check=True)
    for _ in range(1000):
        file.send(Say(line="x" * 1000))  # more than a pipe would hold


def test_a_file_without_a_name_vanishes_with_the_last_who_holds_it() -> None:
    fd = nameless_file("test")
    assert os.fstat(fd).st_nlink == 0 or "memfd:" in os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115  not a path
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="there are no bells")
def test_a_bell_wakes_until_it_is_silenced_however_often_it_was_rung() -> None:
    wakeup = Wakeup.create()
    assert wakeup.fd is not None
    poll = select.poll()
    poll.register(wakeup.fd, select.POLLIN)
    wakeup.clear()  # nobody rang
    for _ in range(2):
        assert poll.poll(0) == []
        for _ in range(3):
            wakeup.wake()
        assert poll.poll(0)
        wakeup.clear()
    os.close(wakeup.fd)


def test_without_a_bell_ringing_does_nothing() -> None:
    wakeup = Wakeup(None)
    wakeup.wake()
    wakeup.clear()
    assert wakeup.fd is None


def test_no_descriptor_of_ours_takes_the_place_of_a_standard_stream() -> None:
    code = """
import os
from autotrack.protocol import Wakeup, MessageFile
made = [MessageFile.create("a").fd, MessageFile.create("b").fd, Wakeup.create().fd]
assert all(fd > 2 for fd in made), made
assert not any(os.get_inheritable(fd) for fd in made)
"""
    shell = ["sh", "-c", '"$0" -c "$1" <&- >&-', sys.executable, code]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_descriptor_that_is_in_nobodys_place_stays_where_it_is(file: MessageFile) -> None:
    assert above_standard_streams(file.fd) == file.fd


def test_what_is_no_message_ends_nobody_and_hides_no_other(file: MessageFile) -> None:
    for line in (b"no json", b'{"type": "Unknown"}', b'{"type": "Flush", "number": null}', b"[" * 5000, b"\xff", b"1"):
        os.write(file.fd, line + b"\n")
        file.send(Hello(pid=1))
        assert MessageFile(file.fd).receive()[-1] == Hello(pid=1)
    assert len(MessageFile(file.fd).receive()) == 6
