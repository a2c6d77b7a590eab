"""How long finding takes among many runs, beside MLflow, Trackio and TensorBoard's reader with the same runs.

Each figure is of a fresh process. `RUNS=10000 python -m tests.benchmarks find` sets how many runs there are at most,
1,000 unless said otherwise; each has 20 params and 20 metrics of 100 points.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import autotrack
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import choose
from tests.benchmarks import finding_peers, peers, tables
from tests.support.many_runs import write_runs

_SIZES = (100, 300, 1000, 3000, 10_000, 30_000)
_USUAL_RUNS = 1000
_PARAMS, _METRICS, _POINTS = 20, 20, 100
_HISTORIES = 100
_MOST_EVENT_FILES = 100
_ROUNDS = 3

_CONDITION = "metrics.val_loss < 0.05 and params.optimizer == 'adam'"
_OPEN = """
import json, sys, time
import autotrack
import autotrack.readers.catalog
began = time.perf_counter()
runs = autotrack.runs(sys.argv[1])
opened = time.perf_counter() - began
"""
_LIST = f"""
found = runs.where({_CONDITION!r}).sort("best.val_loss")
shown = [(run.name, run.params["lr"], run.card()["best"]["val_loss"]) for run in found]
"""
_HISTORY = """
began = time.perf_counter()
table = runs[:100].history("val_loss")
print(json.dumps({"check": opened, "histories": time.perf_counter() - began, "found": len(table["value"])}))
"""
_EVENTS = """
import json, sys, time
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
began = time.perf_counter()
for folder in sys.argv[1:]:
    events = EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    tag = next(tag for tag in events.Tags()["scalars"] if "loss" in tag)
    assert len(events.Scalars(tag)) > 1
print(json.dumps({"seconds": time.perf_counter() - began}))
"""


class Found(NamedTuple):
    """Seconds: to make an index from nothing; to list with a condition, in an order; and to read 100 histories."""

    store: str
    first: float | None
    listing: float | None
    histories: float
    remark: str = ""

    def row(self) -> list[str]:
        """Return the cells of a table."""
        numbers = [self.first, self.listing, self.histories]
        return [self.store, *("" if number is None else f"{number:.2f}" for number in numbers), self.remark]


def measure(folder: Path, *, quick: bool = False) -> str:
    """Write stores of growing size; return how long finding takes in them, and in the largest one beside others."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    most = 8 if quick else int(os.environ.get("RUNS", _USUAL_RUNS))
    sizes = [*takewhile(lambda size: size < most, _SIZES), most]
    points, rounds = (5, 1) if quick else (_POINTS, _ROUNDS)
    rows, store = [], folder
    for size in sizes:
        if store != folder:
            shutil.rmtree(store)  # ten thousand runs take a gigabyte
        store = folder / f"runs-{size}"
        write_runs(store, size, params=_PARAMS, metrics=_METRICS, points=points)
        rows.append([f"{size:,}", *(f"{seconds:.2f}" for seconds in _ours(store, rounds))])
    growth = tables.table(
        ["runs", "from nothing, s", "filtered list, s", "`autotrack ls`, s", "index check, s", "100 histories, s"],
        rows,
    )
    first, listing, command, check, histories = (float(cell) for cell in rows[-1][1:])
    beside, missing = _peers(folder, store, Found("autotrack", first, listing, histories), rounds)
    comparison = tables.table(
        [f"{sizes[-1]:,} runs", "from nothing, s", "filtered list, s", "100 histories, s", ""],
        [one.row() for one in beside],
    )
    goals = [
        tables.goal("Goal: a filtered, sorted list under 0.3 s", f"{listing:.2f} s", met=listing < 0.3),
        tables.goal("Goal: the same by `autotrack ls`", f"{command:.2f} s", met=command < 0.3),
        tables.goal("Goal: of which the check of the index under 0.1 s", f"{check:.2f} s", met=check < 0.1),
        tables.goal("Goal: from nothing under 5 s", f"{first:.2f} s", met=first < 5),
        tables.goal("Goal: 100 histories under 0.3 s", f"{histories:.2f} s", met=histories < 0.3),
    ]
    return "\n".join([growth, "", comparison, *filter(None, [tables.left_out(missing)]), *goals])


def _ours(store: Path, rounds: int) -> tuple[float, ...]:
    """Return seconds: from nothing, the list, that of the command, the check of the index in it, and the histories."""
    first = _seconds([sys.executable, "-c", _OPEN + "list(runs)", str(store)])
    lists, commands, checks, histories = [], [], [], []
    command = [sys.executable, "-m", "autotrack", "ls", str(store), "--where", _CONDITION, "--sort", "best.val_loss"]
    for _ in range(rounds):
        lists.append(_seconds([sys.executable, "-c", _OPEN + _LIST, str(store)]))
        commands.append(_seconds(command))
        told = json.loads(_python(_OPEN + _HISTORY, str(store)))
        checks.append(told["check"])
        histories.append(told["histories"])
    return first, *map(tables.median, (lists, commands, checks, histories))


def _seconds(command: Sequence[str]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return perf_counter() - began


def _peers(folder: Path, store: Path, ours: Found, rounds: int) -> tuple[list[Found], list[str]]:
    """Return the figures of all that are installed, ours first, and the names of the others."""
    found, missing = [ours], []
    contenders: list[tuple[str, str, Callable[[Path, Path, int], Found]]] = [
        ("MLflow, SQLite", "mlflow", _mlflow),
        ("Trackio", "trackio", _trackio),
        ("TensorBoard's `EventAccumulator`", "tensorboard", _tensorboard),
    ]
    for name, modules, look in contenders:
        if peers.is_installed(modules):
            found.append(look(folder, store, rounds)._replace(store=name))
        else:
            missing.append(name)
    return found, [*missing, "Aim"]


def _mlflow(folder: Path, store: Path, rounds: int) -> Found:
    address = f"sqlite:///{folder}/many.db"
    experiment = finding_peers.copy_to_mlflow(autotrack.runs(store), folder / "many.db", address)
    command = [sys.executable, "-c", finding_peers.MLFLOW_LIST, address, experiment]
    lists = [_seconds(command) for _ in range(rounds)]
    histories = json.loads(_python(finding_peers.MLFLOW_HISTORIES, address, experiment))["seconds"]
    return Found("", None, tables.median(lists), histories)


def _trackio(folder: Path, store: Path, rounds: int) -> Found:
    finding_peers.copy_to_trackio(autotrack.runs(store))
    lists = [_seconds([sys.executable, "-c", finding_peers.TRACKIO_LIST]) for _ in range(rounds)]
    histories = json.loads(_python(finding_peers.TRACKIO_HISTORIES))["seconds"]
    return Found("", None, tables.median(lists), histories, "has no conditions: names and params only")


def _tensorboard(_: Path, store: Path, _rounds: int) -> Found:
    """Read some runs as TensorBoard's Python does. It has no list: every run has to be read for one."""
    runs = list(choose([store]).runs)[:_MOST_EVENT_FILES]
    bring_up_to_date(runs, on_problem=print)
    folders = list(map(str, runs))
    seconds = float(json.loads(_python(_EVENTS, *folders))["seconds"])
    return Found("", None, None, seconds * _HISTORIES / len(folders), "has no list: every run is read")


def _python(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=3600
    )
    return done.stdout
