"""How what runs cost grows with their length: reading them, in lists and point by point; the work beside training."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import tables

ROUNDS = 3
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
_METRICS = 10

# Each in a process of its own, because what is measured is also the most memory that it takes. CPU time, not time by
# the clock: other work on the machine changes it less.
_BEGIN = """
import json, resource, sys, time
from pathlib import Path
from autotrack.journal import reader
from autotrack.protocol import Follow
from autotrack.readers.recorded_run import RecordedRun, summarise
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sinks.tensorboard import TensorBoardSink

folder = Path(sys.argv[1])

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, began = megabytes(), time.process_time()
{what}
print(json.dumps([time.process_time() - began, megabytes() - before]))
"""
_PARTS = {
    "one metric, first": "RecordedRun(folder).history('metric_0').values",
    "again": "RecordedRun(folder).history('metric_0').values",
    "its points as objects": "list(RecordedRun(folder).history('metric_0'))",
    "summary of a run without an end, first": "summarise(folder)",
    "the same again": "summarise(folder)",
    "beside training": (
        "run = FollowedRun(Follow(folder=str(folder), destinations=['tensorboard'], environment=False))\n"
        "run.update(); run.flush(); run.close()"
    ),
}
"""What is measured, in this order: what is read the first time is kept for the second."""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Write runs of several lengths and read them; return the tables."""
    lengths, rounds = (LENGTHS[:1], 1) if quick else (LENGTHS, ROUNDS)
    parts = []
    for metrics in (1, _METRICS):
        seconds: dict[str, list[str]] = {what: [] for what in _PARTS}
        megabytes: dict[str, list[str]] = {what: [] for what in _PARTS}
        for length in lengths:
            found: dict[str, list[tuple[float, float]]] = {what: [] for what in _PARTS}
            for number in range(rounds):
                run = folder / f"{metrics}-{length}-{number}"
                _write(run, length // metrics, metrics)
                for what, code in _PARTS.items():
                    found[what].append(_measured(run, code, folder / f"cache-{number}"))
            for what, measured in found.items():
                seconds[what].append(f"{tables.median([one for one, _ in measured]):.3f}")
                megabytes[what].append(f"{tables.median([one for _, one in measured]):.0f}")
        heading = [f"seconds of CPU, points with {metrics} a record", *(f"{length:,}" for length in lengths)]
        rows = [[what, *row] for what, row in seconds.items()]
        parts.append(tables.table(heading, rows))
        heading = ["MB more memory at the most", *(f"{length:,}" for length in lengths)]
        parts.append(tables.table(heading, [[what, *row] for what, row in megabytes.items()]))
    return "\n\n".join(["### Growth with the number of points", *parts])


def _write(folder: Path, steps: int, metrics: int) -> None:
    """Write the journal of a run whose process is gone and has not recorded how it ended."""
    dice = random.Random(0)
    started = {"record": "RunStarted", "time": 1e9, "id": folder.name, "name": folder.name, "experiment": "growth"}
    (folder / "journal").mkdir(parents=True)
    with (folder / "journal" / "main.jsonl").open("w", encoding="utf-8") as file:
        file.write(json.dumps(started, separators=(",", ":")) + "\n")
        for step in range(steps):
            record = {
                "record": "Metrics",
                "time": 1e9 + step * 0.01 + dice.random() / 1000,
                "values": {f"metric_{number}": dice.random() for number in range(metrics)},
                "step": step,
                "epoch": step * 100 // steps,
                "stage": "train",
            }
            file.write(json.dumps(record, separators=(",", ":")) + "\n")


def _measured(run: Path, code: str, cache: Path) -> tuple[float, float]:
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    said = subprocess.run(
        [sys.executable, "-c", _BEGIN.format(what=code), str(run)],
        check=True, capture_output=True, text=True, env=environment, cwd=Path.cwd(),
    ).stdout  # fmt: skip
    seconds, megabytes = json.loads(said.splitlines()[-1])
    return seconds, megabytes
