"""`autotrack run`: the script runs as under `python`, and is one run if it trains anything."""

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import autotrack
from autotrack import settings
from autotrack.cli import run_options

PYTHON = [sys.executable]
AUTOTRACK = [sys.executable, "-m", "autotrack", "run"]

TRAINS = """
import sys
print("loading")
from sklearn.linear_model import LinearRegression, Ridge
x, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
LinearRegression().fit(x, y)
Ridge(alpha=0.25).fit(x, y)
print("trained")
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it printed."""

    exit_code: int
    out: str
    error: str


def start(*command: str, text: str = "", **environ: str) -> Ended:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environ}
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def same_under_both(*arguments: str, text: str = "") -> Ended:
    """Check that a command line does the same for `python` and for `autotrack run`; return what."""
    with ThreadPoolExecutor() as pool:
        plain = pool.submit(start, *PYTHON, *arguments, text=text)
        watched = pool.submit(start, *AUTOTRACK, *arguments, text=text)
    assert watched.result() == plain.result()
    return plain.result()


def write(name: str, code: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code))
    return name


IDENTITY = """
import json, os, sys
about = {
    "argv": sys.argv, "path": sys.path, "flags": str(sys.flags), "name": __name__, "file": globals().get("__file__"),
    "package": __package__, "spec": getattr(__spec__, "name", None), "folder": os.getcwd(),
    "globals": sorted(globals()), "orig_argv": sys.orig_argv, "warnings": sys.warnoptions, "x": sys._xoptions,
    "executable": sys.executable, "stdin": sys.stdin.read(), "buffered": sys.stdout.line_buffering, "doc": __doc__,
    "sitecustomize": "sitecustomize" in sys.modules, "bytecode": sys.dont_write_bytecode,
}
print(json.dumps(about))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["script.py"],
        ["folder/../script.py", "--help", "-m", "--", "--name=3", ""],
        ["folder"],
        ["packed.zip", "one two"],
        ["-m", "package.part", "-x"],
        ["-m", "package"],
        ["-"],
    ],
)
def test_a_script_finds_its_world_as_python_makes_it(arguments: list[str]) -> None:
    for name in ("script.py", "folder/__main__.py", "package/part.py", "package/__main__.py", "package/__init__.py"):
        write(name, "" if name.endswith("__init__.py") else IDENTITY)
    with zipfile.ZipFile("packed.zip", "w") as packed:
        packed.writestr("__main__.py", IDENTITY)
    found = same_under_both(*arguments, text=IDENTITY if arguments == ["-"] else "given")
    assert found.exit_code == 0, found.error
    assert json.loads(found.out)["argv"][1:] == arguments[1 if arguments[0] != "-m" else 2 :]


@pytest.mark.parametrize(
    "options", [["-O", "-u", "-X", "utf8", "-W", "error", "-B"], ["-sP", "-Werror", "-q"], ["-bb", "-OO", "-X", "dev"]]
)
def test_options_of_python_are_kept(options: list[str]) -> None:
    """Before the script, as in `autotrack run python -u train.py`, or before autotrack itself."""
    write("script.py", IDENTITY)
    plain = start(sys.executable, *options, "script.py", "-O")
    assert start(*AUTOTRACK, sys.executable, *options, "script.py", "-O") == plain
    assert start(sys.executable, *options, "-m", "autotrack", "run", "script.py", "-O") == plain
    assert plain.exit_code == 0


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("pass", 0),
        ("import sys; sys.exit(1)", 1),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('in words')", 1),
        ("import sys; sys.exit()", 0),
        ("def f(n):\n    return 1 / n\nf(0)", 1),
        ("import os; print('said', flush=True); os._exit(5)", 5),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("raise KeyboardInterrupt", -2),
        ("import signal; signal.raise_signal(signal.SIGINT)", -2),
        ("import os; os.abort()", -6),
        ("def f(:", 1),
        ("import missing_module", 1),
        ("import atexit; atexit.register(print, 'bye'); assert __name__ == '__main__'", 0),
        ("print(input('name? '), input())", 0),
        ("import warnings; warnings.warn('careful')", 0),
        ("import inspect, sys; print(inspect.getsource(sys.modules['__main__']))", 0),
    ],
)
def test_a_script_ends_as_under_python(code: str, exit_code: int) -> None:
    write("script.py", code)
    ended = same_under_both("script.py", text="Ada\nBob\n")
    assert ended.exit_code == exit_code


def test_what_cannot_be_run_is_said_with_the_exit_code_of_python() -> None:
    write("train.py", "pass")
    said = start(*AUTOTRACK, "trian.py")
    assert said.exit_code == start(*PYTHON, "trian.py").exit_code == 2
    assert "can't open file" in said.error
    assert "did you mean train.py?" in said.error
    assert same_under_both("-m", "missing_module").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--experimnt", "a", "train.py"], "did you mean --experiment?"),
        (["--lr", "0.1", "train.py"], "autotrack run train.py --lr …"),
        (["--untracked-mb", "many", "train.py"], "expected a number"),
        (["--to", "localhost:5000", "train.py"], "http://localhost:5000"),
        (["--tag", "why", "train.py"], "--tag why=baseline"),
        (["--experiment"], "--experiment NAME"),
        (["--always=yes", "train.py"], "--always takes no value"),
        (["-m"], "-m package.train"),
        ([], "autotrack run train.py"),
    ],
)
def test_a_mistake_is_answered_with_its_correction(arguments: list[str], advice: str) -> None:
    write("train.py", "print('started')")
    said = start(*AUTOTRACK, *arguments)
    assert (said.exit_code, said.out) == (2, "")
    assert advice in said.error
    assert len(said.error.splitlines()) == 1


def test_every_setting_is_an_option_and_is_explained() -> None:
    assert {option.setting for option in run_options.options()} == {*settings.names(), "name", "always"}
    help_text = start(*AUTOTRACK, "--help", COLUMNS="150", _TYPER_FORCE_DISABLE_TERMINAL="1").out
    for option in run_options.options():
        assert option.help
        assert all(name in help_text for name in (*option.names, option.negative or ""))


def test_a_script_that_trains_is_one_run_with_the_settings_of_the_command_line() -> None:
    write("train.py", TRAINS)
    options = ["-e", "digits", "--tag", "why=a,b", "--tag=team=x", "--to", "kept", "--metric", "min cost"]
    ended = start(*AUTOTRACK, *options, "train.py", AUTOTRACK_EXPERIMENT="other", AUTOTRACK_TAGS="by=me")
    assert ended == Ended(0, "loading\ntrained\n", "")
    (run,) = autotrack.runs("kept")
    assert run.name.startswith("train-")
    assert (run.experiment, run.status) == ("digits", "finished")
    assert run.tags.items() >= {"why": "a,b", "team": "x", "by": "me"}.items()
    assert run.params["alpha"] == 0.25
    assert run.summary.metric == "min cost"
    assert not Path("runs").exists()


def test_a_script_that_trains_nothing_leaves_nothing() -> None:
    write("script.py", "print('hello')")
    assert start(*AUTOTRACK, "script.py") == Ended(0, "hello\n", "")
    assert {path.name for path in Path.cwd().iterdir()} <= {"script.py", "state"}
