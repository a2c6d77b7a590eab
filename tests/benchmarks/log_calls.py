"""What one call that logs one number, or ten, takes."""

import gc
import random
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns

from tests.benchmarks import peers, tables
from tests.benchmarks.writers import FLOOR, OURS, WRITERS, Log, Writer

ROUNDS = 11
WARM_UP_CALLS = 50


@dataclass
class Timings:
    """Of one logger: the median and the 99th percentile of every round, in microseconds."""

    medians: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)

    def add(self, nanoseconds: list[int]) -> None:
        """Take over the calls of one block."""
        self.medians.append(tables.median(nanoseconds) / 1000)
        self.p99s.append(tables.percentile(nanoseconds, 0.99) / 1000)

    def slower_than(self, other: "Timings") -> float:
        """How many times the median of the other, round by round."""
        return tables.median([mine / theirs for mine, theirs in zip(self.medians, other.medians, strict=True)])

    def spread(self) -> float:
        """How many times its own median the 99th percentile is, round by round."""
        return tables.median([p99 / median for median, p99 in zip(self.medians, self.p99s, strict=True)])


def measure(folder: Path, *, quick: bool = False) -> str:
    """Measure calls with one number and with ten; return the tables."""
    here = [writer for writer in WRITERS if peers.is_installed(writer.needs)]
    absent = [writer.name for writer in WRITERS if writer not in here]
    parts = ["### One call of `log`"]
    for count, what in ((1, "One number a call"), (10, "Ten numbers a call")):
        own = folder / str(count)
        found = _measure(here, own, count=count, rounds=2 if quick else ROUNDS, share=0.02 if quick else 1.0)
        parts += [f"{what}, microseconds:", _table(found), _goals(found[OURS], found[FLOOR])]
    parts.append(
        "Durable: what was logged is with the operating system when the call returns, and survives the death of the "
        "process. The 99th percentile is of each logger's calls in a round; all figures are medians over the rounds."
    )
    return "\n\n".join([*parts, *filter(None, [tables.left_out(absent)])])


def _measure(writers: list[Writer], folder: Path, *, count: int, rounds: int, share: float) -> dict[Writer, Timings]:
    """Time a block of calls of every logger in every round, in another order each time."""
    found = {writer: Timings() for writer in writers}
    dice = random.Random(count)
    for writer in writers:  # imports, schemas and caches
        _time_block(writer, folder, count=count, calls=10)
    gc.freeze()  # what the loggers have imported is not walked through in the middle of a block
    for _ in range(rounds):
        for writer in dice.sample(writers, k=len(writers)):
            calls = max(10, int(writer.calls * share))
            found[writer].add(_time_block(writer, folder, count=count, calls=calls))
    gc.unfreeze()
    return found


def _time_block(writer: Writer, folder: Path, *, count: int, calls: int) -> list[int]:
    own = folder / f"{WRITERS.index(writer)}"
    own.mkdir(parents=True, exist_ok=True)
    names = [f"train/metric_{number}" for number in range(count)]
    batches = [{name: random.random() for name in names} for _ in range(WARM_UP_CALLS + calls)]
    with writer.open(own) as log:
        gc.collect()
        return _time_calls(log, batches)[WARM_UP_CALLS:]


def _time_calls(log: Log, batches: list[dict[str, float]]) -> list[int]:
    taken = []
    for step, values in enumerate(batches):
        began = perf_counter_ns()
        log(values, step)
        taken.append(perf_counter_ns() - began)
    return taken


def _table(found: dict[Writer, Timings]) -> str:
    floor = found[FLOOR]
    rows = [
        [
            writer.name,
            f"{tables.median(timings.medians):,.1f}",
            f"{timings.slower_than(floor):,.1f}x",
            f"{tables.median(timings.p99s):,.1f}",
            f"{timings.spread():,.1f}x",
            "yes" if writer.durable else "no",
        ]
        for writer, timings in found.items()
    ]
    return tables.table(["", "median", "to the bare write", "p99", "p99 to median", "durable"], rows)


def _goals(ours: Timings, floor: Timings) -> str:
    ratio, spread = ours.slower_than(floor), ours.spread()
    return "\n".join(
        [
            tables.goal("Goal: at most 2.5x the bare write", f"{ratio:.2f}x", met=ratio <= 2.5),
            tables.goal("Goal: p99 under 10x its own median", f"{spread:.1f}x", met=spread < 10),
        ]
    )
