"""What a `print` costs the training process while its output is captured."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from time import perf_counter_ns

import autotrack
from tests.benchmarks import tables

ROUNDS = 9
WARM_UP_PRINTS = 100
GOAL_MICROSECONDS = 3.0

WITHOUT, SIDECAR, IN_PROCESS = "without autotrack", "captured by the sidecar", "captured in the training process"
STEPS = {
    "One print after the other": (3000, 0),
    "One print a step, after 1 MB of other memory was used": (300, 2**20),
    "One print a step, after 8 MB of other memory was used": (60, 2**23),
}
"""By name, how many prints a round has, and how many bytes a step reads and writes before each."""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Measure prints of a line of 60 characters to a file; return the tables."""
    parts = ["### One `print`"]
    for what, (prints, step_bytes) in STEPS.items():
        prints, rounds = (20, 2) if quick else (prints, ROUNDS)
        medians = _measure(folder, prints=prints, step_bytes=step_bytes, rounds=rounds)
        parts += [f"{what}, microseconds:", _table(medians), _goal(medians)]
    parts.append(
        "A line of 60 characters, printed to a file. All figures are medians over the rounds of their medians."
    )
    return "\n\n".join(parts)


def _measure(folder: Path, *, prints: int, step_bytes: int, rounds: int) -> dict[str, list[float]]:
    """Return the median of every round, the ways of capturing in another order each time."""
    medians: dict[str, list[float]] = {WITHOUT: [], SIDECAR: [], IN_PROCESS: []}
    dice = random.Random(prints)
    for _ in range(rounds):
        for way in dice.sample(list(medians), k=len(medians)):
            with (folder / "printed.txt").open("w") as file, redirect_stdout(file), _captured(way, folder):
                medians[way].append(tables.median(_time_prints(prints, step_bytes)) / 1000)
    return medians


@contextmanager
def _captured(way: str, folder: Path) -> Iterator[None]:
    if way == WITHOUT:
        yield
        return
    os.environ.update(
        AUTOTRACK_TO=str(folder / "runs"),
        AUTOTRACK_ENVIRONMENT="off",
        AUTOTRACK_OUTPUT="on",
        AUTOTRACK_QUIET="on",
        AUTOTRACK_SIDECAR="on" if way == SIDECAR else "off",
    )
    with autotrack.start_run():
        yield


def _time_prints(prints: int, step_bytes: int) -> list[int]:
    memory = bytearray(step_bytes)
    taken = []
    for number in range(WARM_UP_PRINTS + prints):
        line = f"{number:060d}"
        memory = memory.translate(None)  # a step, after which caches hold its data and not ours
        began = perf_counter_ns()
        print(line)
        taken.append(perf_counter_ns() - began)
    return taken[WARM_UP_PRINTS:]


def _table(medians: dict[str, list[float]]) -> str:
    rows = []
    for way, values in medians.items():
        low, high = tables.interval(values)
        more = "" if way == WITHOUT else f"{_more(medians, way):,.1f}"
        rows.append([way, f"{tables.median(values):,.1f}", f"{low:,.1f} to {high:,.1f}", more])
    return tables.table(["", "median", "95 % interval", "more"], rows)


def _more(medians: dict[str, list[float]], way: str) -> float:
    return tables.median([mine - plain for mine, plain in zip(medians[way], medians[WITHOUT], strict=True)])


def _goal(medians: dict[str, list[float]]) -> str:
    more = _more(medians, SIDECAR)
    return tables.goal(
        f"Goal: at most {GOAL_MICROSECONDS:.0f} µs more", f"{more:.1f} µs", met=more <= GOAL_MICROSECONDS
    )
