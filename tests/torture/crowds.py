"""Many processes with many threads each, all of which record into one store at the same time."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import autotrack
from tests.torture.acknowledged import Tried, all_lost

_SCRIPT = """
import sys, threading
import autotrack
threads, steps = int(sys.argv[2]), int(sys.argv[3])
run = autotrack.start_run(to=sys.argv[1], experiment="crowd")
def log(number):
    for step in range(steps):
        run.log({f"loss{number}": 1.0 / (step + 1)}, step=step)
        if step == steps // 2:
            with autotrack.start_run(to=sys.argv[1], experiment="crowd") as inner:
                inner.log({"inner": 1.0}, step=number)
workers = [threading.Thread(target=log, args=(number,)) for number in range(threads)]
for worker in workers: worker.start()
for worker in workers: worker.join()
run.finish()
"""


def crowd(folder: Path, processes: int, threads: int, *, steps: int = 200, **environ: str) -> Tried:
    """Record with so many processes at once, with so many threads each; every thread has a run of its own as well."""
    import os

    store = folder / "crowd"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    command = [sys.executable, "-c", _SCRIPT, str(store), str(threads), str(steps)]
    environ = {
        **inherited,
        "AUTOTRACK_QUIET": "1",
        "AUTOTRACK_SIDECAR": "off",
        "AUTOTRACK_ENVIRONMENT": "off",
        **environ,
    }
    begun = [
        subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    lost = []
    for process in begun:
        _, error = process.communicate()
        if process.returncode:
            lost.append(f"exit code {process.returncode}: {error.strip().splitlines()[-1]}")
    counts: Counter[str] = Counter()
    for run in autotrack.runs(store):
        is_inner = "inner" in run.metrics
        counts["inner" if is_inner else "outer"] += 1
        expected = {"inner": 1} if is_inner else {f"loss{number}": steps for number in range(threads)}
        if {name: metric.count for name, metric in run.metrics.items()} != expected or run.left_out:
            lost.append("points of a run")
        if run.status != "finished":
            lost.append(f"a run is {run.status}")
    for kind, wanted in (("outer", processes), ("inner", processes * threads)):
        if counts[kind] != wanted:
            lost.append(f"{wanted - counts[kind]} {kind} runs")
    return Tried(f"{processes} processes with {threads} threads in one store", 1, all_lost(lost))
