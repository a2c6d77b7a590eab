"""Python's own command line is read as Python reads it."""

import json
import subprocess
import sys

import pytest

from autotrack.cli.python_command import read

SHOW = "import json, sys; print(json.dumps([sys.flags.optimize, sys.flags.isolated, sys.warnoptions, sys._xoptions]))"


@pytest.mark.parametrize(
    ("words", "options", "module"),
    [
        (["-u", "-W", "error", "train.py", "-O"], ["-u", "-W", "error"], None),
        (["-Om", "train", "-u"], ["-O"], "train"),
        (["-mtrain"], [], "train"),
        (["-Werror", "-Xdev", "-c", "pass", "-m"], ["-Werror", "-Xdev"], None),
        (["-OX", "utf8", "-", "-B"], ["-OX", "utf8"], None),
        (["--check-hash-based-pycs", "never", "-B", "-"], ["--check-hash-based-pycs", "never", "-B"], None),
        ([], [], None),
        (["-W"], ["-W"], None),
    ],
)  # fmt: skip
def test_options_end_where_the_script_begins(words: list[str], options: list[str], module: str | None) -> None:
    assert read(words) == (options, module)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["-I", "x.py"], "-I"),
        (["-uE", "x.py"], "-E"),
        (["-W", "S", "x.py", "-I"], None),
        (["-BS"], "-S"),
        (["-WE"], None),
    ],
)
def test_what_keeps_python_from_its_environment_is_found(words: list[str], option: str | None) -> None:
    assert read(words).isolation() == option


def test_python_takes_the_options_apart_in_the_same_way() -> None:
    words = ["-OOX", "a=1", "-Wignore::UserWarning", "-W", "once", "-Ic", SHOW, "-O"]
    shown = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    again = subprocess.run(
        [sys.executable, *read(words).options, "-c", SHOW], capture_output=True, text=True, check=True
    )
    assert json.loads(shown.stdout) == json.loads(again.stdout)
    assert json.loads(shown.stdout)[:2] == [2, 1]
