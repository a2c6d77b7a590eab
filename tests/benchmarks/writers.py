"""One small writer for each logger: opens it, and hands out what logs numbers at a step in the logger's usual way."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import autotrack
from autotrack.journal.records import Metrics, encode

Log = Callable[[dict[str, Any], int], object]


@dataclass(frozen=True)
class Writer:
    """How to log with one logger.

    `needs` are the modules it cannot do without; `durable` says whether what was logged survives the sudden death
    of the process once the call has returned; `calls` is how many are timed in a block.
    """

    name: str
    open: Callable[[Path], AbstractContextManager[Log]]
    durable: bool
    calls: int
    needs: str = ""


@contextmanager
def bare_write(folder: Path) -> Iterator[Log]:
    """The floor: a record like autotrack's, made beforehand, is encoded and handed to the operating system."""
    fd = os.open(folder / "bare.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    record = Metrics(time=time(), values={}, step=0)

    def log(values: dict[str, Any], step: int) -> None:
        nonlocal record
        if not record.values:
            record = Metrics(time=time(), values=values, step=1000)
        os.write(fd, encode(record) + b"\n")

    yield log
    os.close(fd)


@contextmanager
def autotrack_run(folder: Path) -> Iterator[Log]:
    with autotrack.start_run(to=folder) as run:
        yield run.log


@contextmanager
def summary_writer(folder: Path) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter

    with writer(log_dir=str(folder)) as opened:

        def log(values: dict[str, Any], step: int) -> None:
            for name, value in values.items():
                opened.add_scalar(name, value, step)

        yield log


@contextmanager
def csv_logger(folder: Path) -> Iterator[Log]:
    """Saves of itself, after every hundredth step."""
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(folder)
    yield logger.log_metrics
    logger.finalize("success")


@contextmanager
def mlflow_run(folder: Path) -> Iterator[Log]:
    import mlflow

    mlflow.set_experiment("benchmark")
    with mlflow.start_run():
        yield mlflow.log_metrics


@contextmanager
def wandb_run(folder: Path) -> Iterator[Log]:
    import wandb

    run = wandb.init(project="benchmark", dir=str(folder))
    yield run.log
    run.finish()


@contextmanager
def trackio_run(folder: Path) -> Iterator[Log]:
    import trackio

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  it is no path of ours
        trackio.init(project="benchmark", embed=False)
        yield trackio.log
        trackio.finish()


@contextmanager
def dvclive_folder(folder: Path) -> Iterator[Log]:
    from dvclive import Live

    with Live(str(folder / "dvclive"), save_dvc_exp=False, dvcyaml=None) as live:

        def log(values: dict[str, Any], step: int) -> None:
            for name, value in values.items():
                live.log_metric(name, value)
            live.next_step()

        yield log


FLOOR = Writer("bare encode and write", bare_write, durable=True, calls=4000)
OURS = Writer("autotrack `Run.log`", autotrack_run, durable=True, calls=4000)
WRITERS = [
    FLOOR,
    OURS,
    Writer("Lightning `CSVLogger`", csv_logger, durable=False, calls=4000, needs="lightning"),
    Writer("Trackio", trackio_run, durable=False, calls=1000, needs="trackio"),
    Writer("TensorBoard `SummaryWriter`", summary_writer, durable=False, calls=500, needs="torch tensorboard"),
    Writer("W&B offline", wandb_run, durable=False, calls=500, needs="wandb"),
    Writer("DVCLive", dvclive_folder, durable=True, calls=100, needs="dvclive"),
    Writer("MLflow on SQLite", mlflow_run, durable=True, calls=100, needs="mlflow"),
]
