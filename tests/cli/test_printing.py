"""Texts of a run are data on the terminal too: whatever a run is called or says, it steers nothing."""

import ast
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import autotrack
from autotrack import cli
from tests.support.canned_server import Answer, canned_server

MODULE = [sys.executable, "-m", "autotrack"]
EVIL = "a\x1b]0;title\x07b\x9b31mc\x90q\x9cd\x1b[2Je\rf\bg\u202eh\u2066i\u2028j\x7fk\ud800l"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
OURS = re.compile(r"\x1b\[(?:[\d;]*m|\?25[hl])|\r(?=\x1b\[\?25l|\n)")
"""What tables and progress bars send: colours, the cursor off and on."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run all of whose texts are hostile."""
    store = tmp_path_factory.mktemp("project") / "runs"
    evil = EVIL.replace("\ud800", "")
    run = autotrack.start_run(f"run {evil}\nfake\tline", to=store, experiment="digits", tags={evil: evil})
    run.log_params({evil: evil, "nested": {evil: [evil]}}, source=evil)
    run.log({f"val_loss{evil}": 0.5, "val_loss": 1.0}, step=1, epoch=1)
    run.log({f"val_loss{evil}": 0.4, "val_loss": 1.0}, step=2, epoch=2)
    run.log_text("changes", f"{evil}\nsecond line")
    run.log_dataset(evil, [1, 2, 3], evil)
    run.notice(evil, evil)
    (store.parent / f"file {evil}").write_text("content")
    run.log_artifact(store.parent / f"file {evil}", kind=evil)
    run.finish("failed", error=ValueError(evil))
    return store


def printed_by(*arguments: str | Path) -> str:
    done = subprocess.run([*MODULE, *map(str, arguments)], capture_output=True, timeout=300, check=False)
    assert b"Traceback (most recent call last):\n  File" not in done.stderr
    return (done.stdout + done.stderr).decode()


def on_a_terminal(*arguments: str | Path) -> str:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "400"}
    with subprocess.Popen(
        [*MODULE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, env=environment
    ):
        os.close(follower)
        printed = b"".join(_read(leader))
    os.close(leader)
    return OURS.sub("", printed.decode())


def _read(leader: int) -> Iterator[bytes]:
    with suppress(OSError):  # on Linux, the end of the other side
        while part := os.read(leader, 2**16):
            yield part


@pytest.mark.parametrize("read", [printed_by, on_a_terminal])
@pytest.mark.parametrize("command", ["ls", "show", "sync", "not there"])
def test_no_text_of_a_run_steers_the_terminal(store: Path, command: str, read: object) -> None:
    assert callable(read)
    arguments = {
        "ls": ["ls", store],
        "show": ["show", "latest", "--store", store],
        "sync": ["sync", store],
        "not there": ["show", "nosuch", "--store", store],
    }[command]
    printed = read(*arguments)
    assert not STEERING.search(printed), STEERING.search(printed)
    assert "\nfake" not in printed
    if command != "sync":
        assert r"\x1b]0;title\x07b\x9b31mc" in printed


def test_json_is_ascii_and_says_exactly_what_was_recorded(store: Path) -> None:
    printed = printed_by("ls", store, "--json")
    assert printed.isascii()
    assert not STEERING.search(printed)
    assert json.loads(printed)[0]["name"] == "run " + EVIL.replace("\ud800", "") + "\nfake\tline"


def test_what_a_server_answers_does_not_steer_the_terminal_of_doctor_and_sync(store: Path) -> None:
    refusal = Answer(400, f"no {EVIL[:-2]}")
    with canned_server(refusal) as server:
        for arguments in (["doctor", "--to", server.url], ["sync", store, "--to", server.url]):
            printed = printed_by(*arguments)
            assert r"no a\x1b]0;title" in printed
            assert not STEERING.search(printed), STEERING.search(printed)


def test_characters_that_the_terminal_lacks_end_no_command(tmp_path: Path) -> None:
    autotrack.start_run("größe λ", to=tmp_path, params={"ω": "λ"}).finish()
    done = subprocess.run(
        [*MODULE, "ls", tmp_path],
        capture_output=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "größe".encode("latin-1") + rb" \u03bb" in done.stdout


def test_a_run_printed_in_a_session_steers_nothing(store: Path) -> None:
    runs = autotrack.runs(store)
    assert not STEERING.search(repr(runs[0]) + repr(runs))


def test_what_a_training_says_steers_nothing(run_script: object, tmp_path: Path) -> None:
    script = f"""
import autotrack, warnings
from autotrack.training.hooks.faults import report_fault
with autotrack.start_run({"run " + EVIL[:-2] + chr(10) + "fake line"!r}, to={str(tmp_path)!r}) as run:
    run.log({{{"val_loss" + EVIL[:-2]!r}: 0.5}})
    report_fault("about", {EVIL!r})
    raise ValueError({EVIL[:-2]!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=300, check=False, cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "AUTOTRACK_QUIET"},
    )  # fmt: skip
    ours = [line for line in done.stderr.decode().split("\n") if "autotrack" in line.lower()]
    assert any("failed after" in line for line in ours)
    assert any("training is not affected" in line for line in ours)
    assert not STEERING.search("\n".join(ours)), ours


def test_commands_print_through_one_door() -> None:
    """`autotrack.cli.printing` is that door; a `print` elsewhere would be a second one, without a lock."""
    folder = Path(cli.__file__).parent
    doors = {
        (path.name, name)
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in ("print", "typer.echo", "typer.secho")
    }
    assert {name for name, _ in doors} == {"printing.py"}
