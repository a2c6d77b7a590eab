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
    Done,
    Doorbell,
    Follow,
    Hello,
    Leave,
    Mailbox,
    Progress,
    Say,
    Settle,
    Settled,
    nameless_file,
)

text = st.text(max_size=50)
MESSAGES: st.SearchStrategy[AnyMessage] = st.one_of(
    st.builds(
        Follow,
        folder=text,
        modules=st.lists(text, max_size=3),
        secrets=st.dictionaries(text, text, max_size=3),
        environment=st.booleans(),
        system_seconds=st.floats(0, 1e6),
        rank=st.integers(0, 10**6),
    ),
    st.builds(Settle, folder=text, at_exit=st.booleans()),
    st.builds(Settled, folder=text),
    st.builds(Say, line=text),
    st.builds(Progress, urgent=st.booleans(), doing=text),
    st.builds(Hello, pid=st.integers(0, 2**22)),
    st.sampled_from([Leave(), Done()]),
)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    made = Mailbox.create("test")
    yield made
    os.close(made.fd)


@given(st.lists(st.lists(MESSAGES, max_size=4), max_size=4))
def test_messages_arrive_whole_in_order_and_once(batches: list[list[AnyMessage]]) -> None:
    box = Mailbox.create("test")
    reader = Mailbox(box.fd)
    try:
        for batch in batches:
            for message in batch:
                box.send(message)
            assert reader.receive() == batch
            assert reader.receive() == []
    finally:
        os.close(box.fd)


def test_half_a_message_waits_for_its_other_half(box: Mailbox) -> None:
    box.send(Hello(pid=1))
    line = os.pread(box.fd, 1000, 0)
    os.write(box.fd, line[:7])
    assert box.receive() == [Hello(pid=1)]
    assert box.receive() == []
    os.write(box.fd, line[7:])
    assert box.receive() == [Hello(pid=1)]


def test_another_process_reads_what_was_said_before_and_after_it_began(box: Mailbox) -> None:
    code = f"""
from autotrack.protocol import Mailbox
box, seen = Mailbox({box.fd}), []
while "Leave" not in seen:
    seen += [type(message).__name__ for message in box.receive()]
print(*seen)
"""
    box.send(Hello(pid=1))
    reader = subprocess.Popen([sys.executable, "-c", code], pass_fds=[box.fd], stdout=subprocess.PIPE, text=True)
    box.send(Settle(folder="a"))
    box.send(Leave())
    assert reader.communicate(timeout=60)[0] == "Hello Settle Leave\n"


def test_telling_one_who_has_died_is_no_error(box: Mailbox) -> None:
    subprocess.run([sys.executable, "-c", ""], pass_fds=[box.fd], check=True)
    for _ in range(1000):
        box.send(Say(line="x" * 1000))  # more than a pipe would hold


def test_a_file_without_a_name_vanishes_with_the_last_who_holds_it() -> None:
    fd = nameless_file("test")
    assert os.fstat(fd).st_nlink == 0 or "memfd:" in os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115  not a path
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="there are no bells")
def test_a_bell_wakes_until_it_is_silenced_however_often_it_was_rung() -> None:
    bell = Doorbell.create()
    assert bell.fd is not None
    poll = select.poll()
    poll.register(bell.fd, select.POLLIN)
    bell.silence()  # nobody rang
    for _ in range(2):
        assert poll.poll(0) == []
        for _ in range(3):
            bell.ring()
        assert poll.poll(0)
        bell.silence()
    os.close(bell.fd)


def test_without_a_bell_ringing_does_nothing() -> None:
    bell = Doorbell(None)
    bell.ring()
    bell.silence()


def test_no_descriptor_of_ours_takes_the_place_of_a_standard_stream() -> None:
    code = """
import os
from autotrack.protocol import Doorbell, Mailbox
made = [Mailbox.create("a").fd, Mailbox.create("b").fd, Doorbell.create().fd]
assert all(fd > 2 for fd in made), made
assert not any(os.get_inheritable(fd) for fd in made)
"""
    shell = ["sh", "-c", '"$0" -c "$1" <&- >&-', sys.executable, code]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_descriptor_that_is_in_nobodys_place_stays_where_it_is(box: Mailbox) -> None:
    assert above_standard_streams(box.fd) == box.fd
