"""How long TensorBoard takes to load a store of many runs: ours, and the same written by Lightning's logger."""

import json
import os
import random
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import autotrack
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import View, choose
from autotrack.readers.tensorboard.server import TensorBoardServer
from tests.benchmarks import peers, tables

RUNS = 300
STEPS = 30
METRICS = ("train_loss", "train_acc", "val_loss", "val_acc")
_WITHIN_SECONDS = 100


def measure(folder: Path, *, quick: bool = False) -> str:
    """Write the runs and load them with both of TensorBoard's loaders; return a table."""
    os.environ["AUTOTRACK_SIDECAR"] = os.environ["AUTOTRACK_ENVIRONMENT"] = os.environ["AUTOTRACK_OUTPUT"] = "off"
    os.environ["AUTOTRACK_TENSORBOARD"] = "off"
    runs, steps = (5, 10) if quick else (RUNS, STEPS)
    values = _values(runs, steps)
    writers: list[tuple[str, str, Callable[[Path, list[list[dict[str, float]]]], None]]] = [
        ("autotrack", "validate/loss", _write_ours)
    ]
    if peers.is_installed("lightning tensorboard"):
        import lightning.pytorch.loggers  # noqa: F401  to have it in no time that is measured

        writers.append(("Lightning `TensorBoardLogger`", "val_loss", _write_with_lightning))
    rows, loads = [], []
    for number, (name, tag, write) in enumerate(writers):
        store = folder / str(number)
        began = perf_counter()
        write(store, values)
        wrote = perf_counter() - began
        fast, slow = (_seconds_to_load(store, tag, runs, steps, is_fast=is_fast) for is_fast in (True, False))
        loads.append(fast)
        rows.append([name, f"{wrote:.1f}", f"{_megabytes(store):.1f}", f"{fast:.1f}", f"{slow:.1f}"])
    what = f"{runs} runs of {steps} steps with {len(METRICS)} metrics"
    table = tables.table([what, "written in s", "MB", "loaded in s", "by Python's loader in s"], rows)
    if len(loads) == 1:
        return f"{table}\n- There is nobody here to compare with."
    said = f"{loads[0]:.1f} s to {loads[1]:.1f} s"
    return (
        f"{table}\n{tables.goal('Goal: loaded as soon as those of Lightning', said, met=loads[0] <= 1.1 * loads[1])}"
    )


def _values(runs: int, steps: int) -> list[list[dict[str, float]]]:
    dice = random.Random(0)
    return [[{name: dice.random() for name in METRICS} for _ in range(steps)] for _ in range(runs)]


def _write_ours(store: Path, values: list[list[dict[str, float]]]) -> None:
    """Record the runs, and write their event files as the sidecar does."""
    for number, steps in enumerate(values):
        with autotrack.start_run(f"run {number}", to=store, params={"lr": 0.1 / (number + 1)}) as run:
            for step, logged in enumerate(steps):
                run.log(logged, step=step)
    bring_up_to_date(choose([store]).runs, on_problem=_fail)


def _write_with_lightning(store: Path, values: list[list[dict[str, float]]]) -> None:
    from lightning.pytorch.loggers import TensorBoardLogger  # the peer

    for number, steps in enumerate(values):
        logger = TensorBoardLogger(str(store), name="benchmark", version=f"run {number}")
        logger.log_hyperparams({"lr": 0.1 / (number + 1)})
        for step, logged in enumerate(steps):
            logger.log_metrics(logged, step)
        logger.finalize("success")


def _seconds_to_load(store: Path, tag: str, runs: int, steps: int, *, is_fast: bool) -> float:
    """Return how long it takes from the start of TensorBoard until it has every point of every run."""
    if is_fast:
        os.environ.pop("TENSORBOARD_DATA_SERVER_BINARY", None)
    else:
        os.environ["TENSORBOARD_DATA_SERVER_BINARY"] = str(store / "none")  # so that it falls back to Python
    began = perf_counter()
    with TensorBoardServer(View(runs=[], logdir=store, title="benchmark"), port=0) as board:
        while not _is_loaded(board.address, tag, runs, steps):
            if perf_counter() - began > _WITHIN_SECONDS:
                raise RuntimeError(f"TensorBoard has not loaded {store} in {_WITHIN_SECONDS} s")
            sleep(0.05)
        return perf_counter() - began


def _is_loaded(address: str, tag: str, runs: int, steps: int) -> bool:
    names = _ask(f"{address}data/runs")
    if len(names) < runs:
        return False
    form = urllib.parse.urlencode({"tag": tag, "runs": names}, doseq=True).encode()
    try:
        points = _ask(f"{address}data/plugin/scalars/scalars_multirun", form)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    return sum(len(found) == steps for found in points.values()) >= runs


def _ask(address: str, form: bytes | None = None) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, form, timeout=60) as answer:
        return json.load(answer)


def _megabytes(store: Path) -> float:
    return sum(path.stat().st_size for path in store.rglob("*tfevents*")) / 1e6


def _fail(said: str) -> None:
    raise RuntimeError(said)
