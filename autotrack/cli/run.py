"""`autotrack run`: runs a script as Python does, with autologging on and one run for the whole script.

This process replaces itself by the script's Python, or by the program that was named. What is chosen here travels in
one environment variable (`autotrack.launch`), and a folder on PYTHONPATH switches autologging on over there.
"""

import difflib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

from autotrack import interpreter, launch, settings
from autotrack.cli import python_command
from autotrack.cli.run_options import Chosen, UsageError, read
from autotrack.errors import AutotrackError

_CANNOT_START = 2  # what Python exits with when it does not understand its command line
_PYTHON_FILES = (".py", ".pyw", ".pyc", ".pyz", ".zip", ".egg", ".whl")


class Target(NamedTuple):
    """What this process turns into: a program with all of its arguments."""

    program: str
    arguments: list[str]


def main(arguments: list[str]) -> None:
    """Turn into what the arguments say. Return only if they ask for help. A mistake exits as in Python."""
    try:
        chosen = read(arguments)
        if not chosen.asks_for_help:
            _run(chosen, arguments)
    except (AutotrackError, OSError) as error:
        _say(f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error))
        sys.exit(_CANNOT_START)


def _run(chosen: Chosen, arguments: list[str]) -> NoReturn:
    target = _project(chosen, arguments) or _target(chosen)
    launched = launch.Choices(
        settings=chosen.settings,
        name=chosen.name,
        always=chosen.always,
        command=["autotrack", "run", *arguments],
    )
    os.environ[launch.VARIABLE] = launch.text_of("script", os.getpid(), launched)
    settings.resolve()  # a mistake is better said now than by a script that runs unrecorded
    os.environ["PYTHONPATH"] = _python_path(os.environ.get("PYTHONPATH", ""))
    _warn_of_isolation(target)
    _restore_signals()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(target.program, target.arguments, os.environ)  # noqa: S606  there is no text for a shell in it


def _project(chosen: Chosen, arguments: list[str]) -> Target | None:
    """Return what runs the project in a folder with an `MLproject`, and go there; None if no such folder is named.

    As with MLflow, its command runs in its folder, and its runs are kept where they would be kept from here. Of
    `arguments`, which are recorded to repeat the run, only the options stay: the script's own command line follows.
    """
    name, *words = chosen.command or [""]
    folder = Path(name)
    if chosen.module is not None or not name or ((folder / "__main__.py").is_file() and not words):
        return None
    from autotrack.cli import mlproject  # most run a script

    description = mlproject.description_of(folder)
    if description is None:
        return None
    command, project = mlproject.shell_command(description, mlproject.read_choices(words))
    before = settings.resolve(**chosen.settings)
    chosen.settings["to"] = [os.path.abspath(before.to), *before.destinations]  # noqa: PTH100  links are not followed
    if project:
        chosen.settings.setdefault("experiment", project)
    arguments[len(arguments) - len(chosen.command) :] = ["--"]
    os.chdir(folder)
    os.environ["PATH"] = os.pathsep.join(filter(None, [os.path.dirname(sys.executable), os.environ.get("PATH")]))  # noqa: PTH120
    shell = shutil.which("bash") or shutil.which("sh")
    if shell is None:
        raise AutotrackError("there is no shell that could run the command of the project")
    return Target(shell, [shell, "-c", command])


def _target(chosen: Chosen) -> Target:
    program, *python = _python()
    if chosen.module is not None:
        return Target(program, [*python, "-m", chosen.module, *chosen.command])
    if not chosen.command:
        raise UsageError("there is no script; write, for example: autotrack run train.py, or see autotrack run --help")
    name, *arguments = chosen.command
    if name == "-" or _is_python_script(name):
        return Target(program, [*python, name, *arguments])
    found = _program(name)
    if found is None:
        _refuse(program, python, name)
    return Target(found, [name, *arguments])


def _python() -> tuple[str, ...]:
    """Return the path of the Python that `python` would start here, what it is called, and its own options.

    The script sees the first as `sys.executable`, and the second in `sys.orig_argv`. The program `autotrack` starts by
    the name that its installer wrote into it, such as `python3`.
    """
    if not interpreter.is_available():
        raise AutotrackError("there is no Python interpreter that could be started")
    command = python_command.read(sys.orig_argv[1:])
    if command.module == "autotrack":  # a person wrote `python -O -m autotrack run train.py`
        return sys.executable, sys.orig_argv[0], *command.options
    usual = os.path.join(os.path.dirname(sys.executable), "python")  # noqa: PTH118, PTH120  links are not followed
    if not (os.path.exists(usual) and os.path.samefile(usual, sys.executable)):  # noqa: PTH110, PTH121
        return sys.executable, sys.executable
    return usual, "python" if shutil.which("python") == usual else usual


def _is_python_script(name: str) -> bool:
    """Whether Python is to run it: any file, and any folder with a `__main__.py`, unless the file is a program."""
    path = Path(name)
    if path.is_dir():
        return (path / "__main__.py").is_file()
    if not path.exists():
        return False
    if path.suffix in _PYTHON_FILES or not os.access(path, os.X_OK):
        return True
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        return True  # Python says why
    return not start.startswith((b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"))


def _program(name: str) -> str | None:
    """Return the path of a program, which may also lie beside the interpreter; None if there is none of this name."""
    beside_python = os.path.dirname(sys.executable)  # noqa: PTH120  a link to the interpreter is not followed
    return shutil.which(name) or (None if os.sep in name else shutil.which(name, path=beside_python))


def _refuse(program: str, python: list[str], name: str) -> NoReturn:
    """Let Python say what is wrong with a script that it cannot run, add advice, and exit as Python does."""
    done = subprocess.run([*python, name], executable=program, check=False)
    if advice := _advice(Path(name)):
        _say(advice)
    sys.exit(done.returncode)


def _advice(path: Path) -> str:
    if path.is_dir():
        return f"{str(path)!r} has no __main__.py; name a script in it, or a module with -m"
    is_program = path.parent == Path() and not path.suffix
    folders = [path.parent, *([Path(sys.executable).parent] if is_program else ())]
    close = difflib.get_close_matches(path.name, [name for folder in folders for name in _names_in(folder)], n=1)
    known = [f"there is no program {path.name!r} either"] if is_program else []
    return "; ".join([*known, *(f"did you mean {path.with_name(found)}?" for found in close)])


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder)]
    except OSError:
        return []


def _say(text: str) -> None:
    from autotrack.escapes import printable  # most starts have nothing to say

    sys.stderr.write(f"autotrack run: {printable(text)}\n")


def _python_path(before: str) -> str:
    """Return PYTHONPATH with our folder in front, once."""
    others = [path for path in before.split(os.pathsep) if path != str(launch.FOLDER)] if before else []
    return os.pathsep.join([str(launch.FOLDER), *others])


def _warn_of_isolation(target: Target) -> None:
    if not Path(target.arguments[0]).name.startswith("python"):
        return
    option = python_command.read(target.arguments[1:]).isolation()
    if option is not None:
        sys.stderr.write(
            f"autotrack: python {option} ignores what switches autologging on, so nothing is recorded; leave it out, "
            "or call autotrack.autolog() in the script\n"
        )


def _restore_signals() -> None:
    """Stop ignoring what Python ignores in itself: a program that is not Python would go on to ignore it."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
