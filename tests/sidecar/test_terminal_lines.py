"""Of many runs with the same to say, the terminal hears it once."""

import os
from collections.abc import Iterator

import pytest

from autotrack.protocol import MessageFile, Say
from autotrack.sidecar.terminal_lines import TerminalLines


@pytest.fixture
def outbox() -> Iterator[MessageFile]:
    file = MessageFile.create("test")
    yield file
    os.close(file.fd)


def test_each_problem_is_said_once(outbox: MessageFile) -> None:
    terminal = TerminalLines(outbox)
    for problem in ("a is away", "b is away", "a is away"):
        terminal.say_problem(problem)
    assert outbox.receive() == [Say(line="autotrack: a is away"), Say(line="autotrack: b is away")]


def test_only_the_first_run_says_how_it_differs(outbox: MessageFile) -> None:
    terminal = TerminalLines(outbox)
    for line in ("since b: lr", "since c: lr"):
        terminal.say_changes(line)
    assert outbox.receive() == [Say(line="since b: lr")]
