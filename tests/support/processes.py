"""Scripts as real processes, and the process beside each of them."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Self, TypeVar

import psutil

_T = TypeVar("_T")


def wait_until(condition: Callable[[], _T], *, seconds: float = 200) -> _T:
    """Return what `condition` returns once that is true; a machine may be busy."""
    deadline = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < deadline, "it never came true"
        sleep(0.02)
    return found


def sidecars_of(pid: int) -> list[psutil.Process]:
    """Find the sidecar of a process by whom it says to watch: it is nobody's child."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        watches = f'{{"pid":{pid},' in " ".join(process.info["cmdline"] or [])
        if watches and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@dataclass(frozen=True)
class Ended:
    """How a script ended, and what it printed."""

    pid: int
    exit_code: int
    out: str
    error: str

    @property
    def said(self) -> tuple[int, str, str]:
        """All that one who started it gets from it."""
        return self.exit_code, self.out, self.error

    def wait_for_sidecar(self) -> None:
        """Wait until its sidecar, if it had one, has done its work and is gone."""
        wait_until(lambda: not sidecars_of(self.pid))


class Script:
    """Python code that runs in a process of its own, in `folder`; what it prints goes to files, not to pipes."""

    def __init__(self, folder: Path, code: str, *arguments: str, **environ: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "script.py"
        path.write_text(textwrap.dedent(code))
        self.folder = folder
        with (folder / "out").open("w") as out, (folder / "error").open("w") as error:
            self.process = subprocess.Popen(
                [sys.executable, path.name, *arguments],
                cwd=folder, env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=out, stderr=error,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def sidecar(self) -> psutil.Process:
        """Wait for its sidecar, and until that has settled in."""
        wait_until(lambda: [one for one in sidecars_of(self.pid) if _sid(one.pid) == one.pid])
        return sidecars_of(self.pid)[0]

    def printed(self) -> str:
        return (self.folder / "out").read_text()

    def wait(self) -> Ended:
        code = self.process.wait(timeout=300)
        said = (self.folder / "error").read_text().replace(f"{self.folder}/", "")  # where it lies is all that differs
        return Ended(self.pid, code, self.printed(), said)


def _sid(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
