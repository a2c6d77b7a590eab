"""What the process beside training uses, and what it costs training to have everything captured."""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import psutil

from tests.benchmarks import peers, tables

ROUNDS = 9
SECONDS = 60

# One script, with everything on or off: what `start_run` and `finish` take in a process that has torch loaded, as a
# training process has, and then what the end of the process waits for.
SCRIPT = """
import json, sys, time
{imports}
import autotrack
from autotrack import autolog, start_run  # what importing costs is measured elsewhere
from autotrack.sidecar import completion
begun = time.perf_counter()
autolog()
ready = time.perf_counter()
time.sleep(1.0)  # the sidecar is there when the model is built
before = time.perf_counter()
run = start_run(to=sys.argv[1])
started = time.perf_counter()
until = time.monotonic() + float(sys.argv[2])
step = 0
while time.monotonic() < until:
    run.log({{"loss": 0.5}}, step=step, epoch=step // 100)
    step += 1
    time.sleep(0.1)
ending = time.perf_counter()
run.finish()
print(json.dumps([ready - begun + started - before, time.perf_counter() - ending]), flush=True)
"""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Run a script with everything captured and with nothing; return the tables."""
    rounds, seconds = (1, 1) if quick else (ROUNDS, SECONDS)
    imports = "import torch" if peers.is_installed("torch") else "pass"
    everything = {"AUTOTRACK_SIDECAR": "on", "AUTOTRACK_ENVIRONMENT": "on", "AUTOTRACK_OUTPUT": "on"}
    nothing = dict.fromkeys(everything, "off")
    taken: dict[str, list[tuple[float, float, float]]] = {"everything captured": [], "nothing but what is logged": []}
    for number in range(rounds):
        for what, settings in zip(taken, (everything, nothing), strict=True):
            taken[what].append(_times(folder / f"{number}", settings, imports))
    rows = [[what, *(f"{tables.median(values) * 1000:.1f}" for values in zip(*found, strict=True))]
            for what, found in taken.items()]  # fmt: skip
    begin, end, left = (
        tables.median([more - less for more, less in zip(with_all, with_nothing, strict=True)])
        for with_all, with_nothing in zip(*(list(zip(*found, strict=True)) for found in taken.values()), strict=True)
    )
    goals = [
        tables.goal("Goal: starting and capturing adds under 10 ms", f"{begin * 1000:.1f} ms", met=begin < 0.01),
        tables.goal("Goal: the end of a two-second run takes at most 0.3 s longer", f"{(end + left) * 1000:.0f} ms",
                    met=end + left <= 0.3),
    ]  # fmt: skip
    heading = ["milliseconds in the training process", "autolog and start", "finish", "exit"]
    return "\n\n".join(["### The sidecar", _load(folder, seconds), tables.table(heading, rows), "\n".join(goals)])


def _times(folder: Path, settings: dict[str, str], imports: str) -> tuple[float, float, float]:
    """Seconds that a run of two seconds takes at its start, at its end, and at the end of the process."""
    process = _start(folder, settings, imports, seconds=2.0)
    assert process.stdout is not None
    starting, ending = json.loads(process.stdout.readline())
    began = perf_counter()
    process.wait()
    return starting, ending, perf_counter() - began


def _load(folder: Path, seconds: float) -> str:
    """What the sidecar uses of a core and of memory, while one record is logged every 100 ms."""
    settings = {"AUTOTRACK_SIDECAR": "on", "AUTOTRACK_ENVIRONMENT": "on", "AUTOTRACK_OUTPUT": "on"}
    process = _start(folder / "load", settings, "pass", seconds=seconds + 4)
    sidecar = _sidecar_of(process.pid)
    _wait(4.0)  # until everything is captured
    used, began, most = sum(sidecar.cpu_times()[:2]), perf_counter(), 0
    while perf_counter() - began < seconds - 0.5:
        most = max(most, sidecar.memory_info().rss)
        _wait(0.5)
    share = (sum(sidecar.cpu_times()[:2]) - used) / (perf_counter() - began)
    captured = used
    process.communicate()
    rows = [["sidecar", f"{share:.2%}", f"{most / 1e6:.0f}", f"{captured:.2f}"]]
    heading = ["one record every 100 ms, local sinks", "of a core", "MB", "seconds of a core to start and capture"]
    goals = [
        tables.goal("Goal: under 2 % of a core", f"{share:.2%}", met=share < 0.02),
        tables.goal("Goal: under 80 MB", f"{most / 1e6:.0f} MB", met=most < 80e6),
    ]
    return f"{tables.table(heading, rows)}\n\n" + "\n".join(goals)


def _start(folder: Path, settings: dict[str, str], imports: str, *, seconds: float) -> "subprocess.Popen[str]":
    folder.mkdir(parents=True, exist_ok=True)
    code = SCRIPT.format(imports=imports)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "runs"), str(seconds)],
        cwd=folder, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def _sidecar_of(pid: int) -> psutil.Process:
    """Find the sidecar by whom it says to watch: it is nobody's child."""
    deadline = perf_counter() + 30
    while perf_counter() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            if f'{{"pid":{pid},' in " ".join(process.info["cmdline"] or []) and process.name() != "sh":
                return process
        _wait(0.05)
    raise RuntimeError(f"the process {pid} has no sidecar")


def _wait(seconds: float) -> None:
    from time import sleep

    sleep(seconds)
