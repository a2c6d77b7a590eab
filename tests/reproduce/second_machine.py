"""A second machine, as far as this one can be it: a store, a clone and a home, and where tests may, another user."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from autotrack.readers.recorded_run import RecordedRun, load
from tests.reproduce.planted import environ_of_users

_USER = "nobody"


def move(root: Path) -> None:
    """Clone the repository elsewhere, copy only the store, and let the machine go."""
    machine = _machine(root)
    subprocess.run(["git", "clone", "--quiet", root, machine / "clone"], check=True)
    shutil.copytree(root / "runs", machine / "runs")
    (machine / "home").mkdir()
    shutil.rmtree(root)
    if _as_user():
        root.parent.chmod(0o711)  # a temporary folder is its owner's alone
        for path in (machine, *machine.rglob("*")):
            os.chown(path, pwd.getpwnam(_USER).pw_uid, -1, follow_symlinks=False)


def store(root: Path) -> Path:
    """Return where the store of a project is on the second machine."""
    return _machine(root) / "runs"


def repeat(original: RecordedRun, root: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Repeat a run on the second machine by the command, and return what its JSON says."""
    assert not options, "the command is given none"
    machine = _machine(root)
    command = [sys.executable, "-m", "autotrack", "reproduce", str(original.folder), "--here", "--yes", "--json"]
    environ = {name: value for name, value in environ_of_users().items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [*_as_user(), *command, "--repository", str(machine / "clone")],
        cwd=machine / "home",
        env=environ | {"HOME": str(machine / "home"), "USER": _USER, "LOGNAME": _USER},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    if _as_user():
        assert load(Path(found["run"]["folder"])).summary.environment["process"]["user"] == _USER
    return found


def _machine(root: Path) -> Path:
    return root.parent / "machine"


@cache
def _as_user() -> list[str]:
    """Return what a command starts with to be run by another user; nothing where only this one can run it."""
    if os.getuid() or shutil.which("setpriv") is None:
        return []
    group = pwd.getpwnam(_USER).pw_gid
    command = ["setpriv", f"--reuid={_USER}", f"--regid={group}", "--clear-groups"]
    # The Python of the tests may lie where others must not look, such as in the home of root: so they may read it.
    command += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    tried = subprocess.run([*command, sys.executable, "-c", "import autotrack"], capture_output=True, check=False)
    return [] if tried.returncode else command
