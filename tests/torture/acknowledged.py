"""A training that says which steps it has logged, and what of them is in its run in the end.

A step counts as acknowledged when the call that logged it has returned. Whatever happens afterwards, it must be there.
"""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Self

import autotrack
from autotrack.readers import catalog
from autotrack.sidecar.sync import RunSync
from tests.support.processes import sidecars_of, wait_until

_SCRIPT = """
import os, sys, time
import autotrack

def before(step):
    pass

__HARM__

run = autotrack.start_run("tortured", to=sys.argv[1])
print(run.folder, flush=True)
for step in range(int(sys.argv[2])):
    before(step)
    run.log({"loss": 1.0 / (step + 1)}, step=step)
    os.write(1, b"%d\\n" % step)
    time.sleep(0.002)
run.finish()
"""
_WITH_SIDECAR = {"AUTOTRACK_QUIET": "1", "AUTOTRACK_TENSORBOARD": "off"}
_ROOT = Path(__file__).parents[2]


@dataclass
class Tried:
    """What was tried, how often, and what was lost; `lost` is empty if nothing was."""

    what: str
    times: int
    lost: str

    @property
    def row(self) -> tuple[str, str, str]:
        """The row of the table that this makes."""
        return self.what, f"{self.times:,}", self.lost or "nothing"


class Training:
    """A process that logs steps; `harm` is code of its own, which may replace `before(step)`."""

    def __init__(self, store: Path, steps: int, *, harm: str = "", **environ: str) -> None:
        script = _SCRIPT.replace("__HARM__", textwrap.dedent(harm))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, str(store), str(steps)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=_ROOT,
            env={**inherited, **_WITH_SIDECAR, "PYTHONPATH": str(_ROOT), **environ},
        )  # fmt: skip
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self.folder = Path(self._process.stdout.readline().decode().strip())
        self.acknowledged: list[int] = []
        self.errors = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.wait()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.send_signal(signal.SIGKILL)

    def kill_sidecar(self) -> bool:
        """End its sidecar as `kill -9` does; return whether there was one."""
        found = sidecars_of(self.pid)
        for sidecar in found:
            sidecar.kill()
        return bool(found)

    def wait(self) -> int:
        """Wait until it and its sidecar have ended; return its exit code."""
        out, error = self._process.communicate()
        if out:
            self.acknowledged += [int(line) for line in out.split(b"\n")[:-1]]
        self.errors += error.decode() if error else ""
        wait_until(lambda: not sidecars_of(self.pid))
        return self._process.returncode

    def what_is_lost(self, *, ends: tuple[str, ...] = ("finished",)) -> str:
        """Complete the run as `autotrack sync` does, and compare it with what was acknowledged."""
        problems = []
        outcome = RunSync(on_problem=lambda _folder, problem: problems.append(problem)).sync(self.folder)
        if outcome.state != "complete":
            problems.append(f"sync says {outcome.state}: {outcome.error}")
        if "Traceback" in self.errors:
            problems.append("a traceback on the terminal")
        run = catalog.load(self.folder)
        steps = [point.step for point in run.history("loss")] if "loss" in run.metrics else []
        if missing := set(self.acknowledged) - set(steps):
            problems.append(f"{len(missing)} of {len(self.acknowledged)} steps")
        if len(steps) != len(set(steps)):
            problems.append(f"{len(steps) - len(set(steps))} steps are there twice")
        if run.status not in ends:
            problems.append(f"the run is {run.status}")
        problems += run.left_out
        return "; ".join(problems)


def all_lost(lost: list[str]) -> str:
    """Return what was lost in several trials, each kind once with how often it happened."""
    return "; ".join(f"{problem} ({lost.count(problem)} times)" for problem in dict.fromkeys(filter(None, lost)))


def seconds_of(store: Path, steps: int) -> float:
    """Return how long a training takes that nobody disturbs."""
    began = monotonic()
    with Training(store, steps) as training:
        assert training.wait() == 0, training.errors
    assert autotrack.load(training.folder).status == "finished"
    return monotonic() - began
