"""A store of many runs, written as training and its sidecar leave them, but in a millisecond or two each."""

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autotrack.journal.fold import Fold
from autotrack.journal.records import AnyRecord, Metrics, Number, Params, RunFinished, RunStarted
from autotrack.journal.summary import write
from autotrack.training.run_names import run_name

_BEGAN = 1_780_000_000.0


def write_runs(store: Path, count: int, *, params: int = 20, metrics: int = 20, points: int = 100) -> None:
    """Write runs with as many params, metrics, and points of each metric."""
    dice = random.Random(count)
    for number in range(count):
        write_run(store / f"experiment-{number % 5}" / f"run-{number:06}", number, dice, params, metrics, points)


def write_run(folder: Path, number: int, dice: random.Random, params: int, metrics: int, points: int) -> None:
    """Write one run."""
    records: list[AnyRecord] = list(_records(folder, number, dice, params, metrics, points))
    (folder / "journal").mkdir(parents=True)
    content = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    (folder / "journal" / "main.jsonl").write_bytes(content)
    fold = Fold(keep_points=False)
    fold.add(records)
    summary = fold.summary()
    summary.journals = {"main.jsonl": len(content)}
    write(folder, summary)


def _records(
    folder: Path, number: int, dice: random.Random, params: int, metrics: int, points: int
) -> Iterator[AnyRecord]:
    began = _BEGAN + 60.0 * number
    yield RunStarted(time=began, id=f"{number:032x}", name=run_name(), experiment=folder.parent.name, host="here")
    values = {"lr": 10 ** dice.uniform(-4, -1), "optimizer": dice.choice(["adam", "sgd"])}
    yield Params(time=began, source="user", values=values | {f"p{n}": dice.random() for n in range(params - 2)})
    names = ["val_loss", "val_acc", *(f"metric_{n}" for n in range(metrics - 2))]
    for step in range(points):
        logged: dict[str, Number] = {name: dice.random() for name in names[:metrics]}
        yield Metrics(time=began + step, values=logged, step=step, epoch=step, stage="validate")
    yield RunFinished(time=began + points, status="finished", started=began, duration_seconds=float(points))
