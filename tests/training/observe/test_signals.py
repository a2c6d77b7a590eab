"""Signals that end the process are noted, with the place in the code, and do what they always did."""

import faulthandler
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(faulthandler, "register"), reason="there are no such signals")

WATCHING = """
import faulthandler, json, os, signal, sys, time
from autotrack.training.observe import signals

def read(noted):
    return {name: os.pread(fd, 10000, 0).decode() for name, fd in noted.items()}

def handlers():
    return [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())]
"""


@pytest.fixture
def said(run_script: Callable[..., str]) -> Callable[..., list[object]]:
    """Run code, in which `signals` and `read` are, and return the JSON lines that it printed."""

    def run(code: str, exit_code: int = 0) -> list[object]:
        return [json.loads(line) for line in run_script(WATCHING + code, exit_code=exit_code).splitlines()]

    return run


def test_no_handler_of_python_is_touched(said: Callable[..., list[object]]) -> None:
    before, noted, during = said("""
print(json.dumps(handlers()))
print(json.dumps(sorted(signals.watch())))
print(json.dumps(handlers()))
""")
    assert before == during
    assert noted == sorted(["SIGTERM", "SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2", "fatal"])


def test_watching_twice_watches_once(said: Callable[..., list[object]]) -> None:
    assert said("first = signals.watch()\nprint(json.dumps(signals.watch() == first))") == [True]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR2"])
def test_a_signal_is_noted_and_ends_the_process(run_script: Callable[..., str], tmp_path: Path, name: str) -> None:
    run_script(
        f"""{WATCHING}
# A file with a name takes the place of the one without.
signals.nameless_file = lambda name: os.open(name, os.O_RDWR | os.O_CREAT)
signals.watch()
def train():
    os.kill(os.getpid(), signal.{name})
    time.sleep(10)
train()
""",
        exit_code=-getattr(signal, name),
    )
    assert "in train" in (tmp_path / name).read_text()
    assert (tmp_path / "fatal").read_text() == ""


def test_what_the_user_has_set_is_left_alone(said: Callable[..., list[object]]) -> None:
    noted, still_there, empty = said("""
faulthandler.enable()
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
noted = signals.watch()
print(json.dumps(sorted(noted)))
for number in (signal.SIGTERM, signal.SIGHUP):
    os.kill(os.getpid(), number)
print(json.dumps(faulthandler.is_enabled()))
print(json.dumps(set(read(noted).values()) == {""}))
""")
    assert noted == ["SIGUSR1", "SIGUSR2", "SIGXCPU"]
    assert still_there is True
    assert empty is True


def test_a_script_sees_faulthandler_as_it_has_set_it(said: Callable[..., list[object]]) -> None:
    """Scripts ask before they switch it on: `if not faulthandler.is_enabled(): faulthandler.enable()`."""
    (seen,) = said("""
signals.watch()
seen = [faulthandler.is_enabled(), faulthandler.disable(), faulthandler.enable(), faulthandler.is_enabled()]
print(json.dumps([*seen, faulthandler.disable(), faulthandler.is_enabled()]))
""")
    assert seen == [False, False, None, True, True, False]


def test_what_the_user_sets_later_takes_the_place_of_ours(said: Callable[..., list[object]]) -> None:
    (noted,) = said("""
noted = signals.watch()
signal.signal(signal.SIGTERM, lambda *_: None)
faulthandler.register(signal.SIGUSR1, file=sys.stderr)
for number in (signal.SIGTERM, signal.SIGUSR1):
    os.kill(os.getpid(), number)
print(json.dumps([name for name, text in read(noted).items() if text]))
""")
    assert noted == []


def test_the_default_put_back_by_the_user_is_the_default(run_script: Callable[..., str]) -> None:
    run_script(
        f"""{WATCHING}
signals.watch()
before = signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGTERM, before)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(10)
""",
        exit_code=-signal.SIGTERM,
    )


def test_how_a_forked_child_ends_is_not_noted(said: Callable[..., list[object]]) -> None:
    codes, noted = said("""
import ctypes
noted = signals.watch()
codes = []
for end in (lambda: os.kill(os.getpid(), signal.SIGTERM), lambda: ctypes.string_at(0)):
    child = os.fork()
    if not child:
        end()
        time.sleep(10)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
print(json.dumps([name for name, text in read(noted).items() if text]))
""")
    assert codes == [-signal.SIGTERM, -signal.SIGSEGV]
    assert noted == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_program_that_the_script_starts_has_the_default_handlers(said: Callable[..., list[object]]) -> None:
    (codes,) = said("""
import subprocess
signals.watch()
codes = []
for number in (signal.SIGTERM, signal.SIGUSR1):
    child = subprocess.Popen(["sleep", "10"])
    child.send_signal(number)
    codes.append(child.wait())
print(json.dumps(codes))
""")
    assert codes == [-signal.SIGTERM, -signal.SIGUSR1]
