"""What writing one scalar into an event file takes, from the record in a journal to the file, and peers' writers."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time, time
from typing import Any

from autotrack.journal.records import Metrics, Number, RunStarted, encode
from autotrack.sinks.shipment import Shipment
from autotrack.sinks.tensorboard import TensorBoardSink
from tests.benchmarks import peers, tables

ROUNDS = 7
RECORDS = 2000
RECORDS_BETWEEN_FLUSHES = 100
"""A training that logs a hundred times a second, flushed once a second."""

Rows = Sequence[dict[str, Number]]


@dataclass(frozen=True)
class Writer:
    """How rows of scalars are written and flushed with one writer; `needs` are its modules."""

    name: str
    write: Callable[[Path, Rows], float]
    needs: str = ""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Measure records of one scalar and of ten; return the table."""
    here = [writer for writer in WRITERS if peers.is_installed(writer.needs)]
    absent = [writer.name for writer in WRITERS if writer not in here]
    counts = (1, 10)
    found = {count: _measure(here, folder / str(count), count, quick=quick) for count in counts}
    rows = [[writer.name, *(f"{tables.median(found[count][writer]):,.1f}" for count in counts)] for writer in here]
    ours = tables.median(found[1][OURS])
    heading = ["microseconds of CPU a scalar", "one a record", "ten a record"]
    parts = [
        "### One scalar into an event file",
        tables.table(heading, rows),
        tables.goal("Goal: at most 6 µs a scalar", f"{ours:.1f} µs", met=ours <= 6.0),
    ]
    said = (
        "Of all threads of the writer, until the last scalar is in the file. autotrack reads and decodes the journal, "
        "and writes a checkpoint after every hundred records, as well."
    )
    return "\n\n".join([*parts, said, *filter(None, [tables.left_out(absent)])])


def _measure(writers: list[Writer], folder: Path, count: int, *, quick: bool) -> dict[Writer, list[float]]:
    """Time a block with every writer in every round, in another order each time."""
    found: dict[Writer, list[float]] = {writer: [] for writer in writers}
    dice = random.Random(count)
    names = [f"train/metric_{number}" for number in range(count)]
    records = RECORDS // (20 if quick else 1)
    for round_ in range(2 if quick else ROUNDS + 1):
        for writer in dice.sample(writers, k=len(writers)):
            own = folder / f"{writers.index(writer)}-{round_}"
            own.mkdir(parents=True)
            seconds = writer.write(own, [{name: dice.random() for name in names} for _ in range(records)])
            if round_:  # the first one imports and fills caches
                found[writer].append(seconds / records / count * 1e6)
    return found


def _from_journal(folder: Path, rows: Rows) -> float:
    """From a journal that grows, as beside a training; only the sidecar's part is timed."""
    journal = folder / "journal" / "main.jsonl"
    journal.parent.mkdir()
    shipment = Shipment(folder, TensorBoardSink(), on_problem=_fail)
    began, taken = time(), 0.0
    with journal.open("ab", buffering=0) as file:
        file.write(encode(RunStarted(time=began, id="1", name="one", experiment="benchmark")) + b"\n")
        shipment.carry(flush=True)
        for first in range(0, len(rows), RECORDS_BETWEEN_FLUSHES):
            chosen = rows[first : first + RECORDS_BETWEEN_FLUSHES]
            lines = [encode(Metrics(time=began, values=row, step=first + at)) for at, row in enumerate(chosen)]
            file.write(b"\n".join(lines) + b"\n")
            before = process_time()
            shipment.carry(flush=True)
            taken += process_time() - before
    shipment.close()
    return taken


def _with_summary_writer(folder: Path, rows: Rows) -> float:
    from torch.utils.tensorboard import SummaryWriter

    return _time_writer(SummaryWriter, folder, rows)


def _with_tensorboardx(folder: Path, rows: Rows) -> float:
    from tensorboardX import SummaryWriter  # type: ignore[import-untyped]  # it comes without types

    return _time_writer(SummaryWriter, folder, rows)


def _time_writer(kind: Any, folder: Path, rows: Rows) -> float:
    writer = kind(str(folder))
    before = process_time()
    for step, row in enumerate(rows):
        for name, value in row.items():
            writer.add_scalar(name, value, step)
        if step % RECORDS_BETWEEN_FLUSHES == 0:
            writer.flush()
    writer.flush()
    writer.close()
    return process_time() - before


def _fail(said: str) -> None:
    raise RuntimeError(said)


OURS = Writer("autotrack", _from_journal)
WRITERS = [
    OURS,
    Writer("torch `SummaryWriter`", _with_summary_writer, needs="torch tensorboard"),
    Writer("tensorboardX `SummaryWriter`", _with_tensorboardx, needs="tensorboardX"),
]
