"""What the sidecar has for the terminal: problems, each once, and how runs compare with earlier ones."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autotrack.journal.standing import Comparison
from autotrack.protocol import Compared, MessageFile, Say
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


def test_how_a_run_compares_is_told_with_its_folder(outbox: MessageFile) -> None:
    comparison = Comparison("since b (last run): nothing changed", {"val_loss": [("b", 0.5)]})
    TerminalLines(outbox).say_comparison(Path("runs/c"), comparison)
    TerminalLines(outbox).say_comparison(Path("runs/c"), comparison, is_preliminary=True)
    assert outbox.receive() == [
        Compared(folder="runs/c", comparison=comparison),
        Compared(folder="runs/c", comparison=comparison, is_preliminary=True),
    ]
