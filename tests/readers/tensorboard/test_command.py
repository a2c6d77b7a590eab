"""`autotrack tensorboard`, as a person starts and ends it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import psutil
import pytest

from tests.support.processes import wait_until
from tests.support.tensorboard_pages import is_gone, record, runs_in


class Command:
    """`autotrack tensorboard` as a person starts it."""

    def __init__(self, *arguments: str | Path, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autotrack", "tensorboard", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def address(self) -> str:
        """Return the address that it says in its first line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert re.match(r"TensorBoard with 1 run: http://127\.0\.0\.1:\d+/ ", line), self.end()
        return line.split()[4]

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code, and what it said on standard error."""
        _, errors = self.process.communicate(timeout=300)
        return self.process.returncode, errors


def test_the_command_says_the_address_and_ends_with_ctrl_c(store: Path, scratch: Path) -> None:
    record(store, "a")
    record(store, "b")
    with Command("--where", "name == 'a'") as command:
        address = command.address()
        wait_until(lambda: runs_in(address) == {"a"})
        started = psutil.Process(command.process.pid).children(recursive=True)
        assert started
        command.process.send_signal(signal.SIGINT)
        assert command.end() == (0, "\n")
    wait_until(lambda: all(map(is_gone, started)))
    wait_until(lambda: not list(scratch.iterdir()))


def test_the_command_opens_the_browser_when_asked_to(store: Path, tmp_path: Path) -> None:
    record(store, "a")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened.new; mv {tmp_path}/opened.new {tmp_path}/opened\n')
    browser.chmod(0o755)
    with Command("--open", BROWSER=str(browser)) as command:
        address = command.address()
        wait_until((tmp_path / "opened").exists)
        assert (tmp_path / "opened").read_text().strip() == address


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no runs in runs; record one"),
        (["nowhere"], "no run 'nowhere' in runs, which does not exist; there are none"),
        (["--where", "lr <"], "this cannot be read"),
    ],
)
def test_the_command_says_what_went_wrong(arguments: list[str], said: str, store: Path) -> None:
    if "--where" in arguments:
        record(store, "a")
    with Command(*arguments) as command:
        code, errors = command.end()
    assert code == 1
    assert errors.startswith("autotrack: ")
    assert said in errors
