"""The training that the Lightning benchmark runs, and the loggers that it is run with."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from torch.utils.data import DataLoader, TensorDataset

import autotrack
from autotrack.training.hooks.overhead import overhead

FEATURES, WIDTH, BATCH = 64, 96, 128
"""Sized for a step of about 4.5 ms on the two shared cores that this was written on."""


class Regression(LightningModule):
    """Logs five metrics every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(FEATURES, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(),
            torch.nn.Linear(WIDTH, 1),
        )  # fmt: skip

    def training_step(self, batch: list[torch.Tensor], _index: int) -> torch.Tensor:
        inputs, targets = batch
        errors = self.layers(inputs) - targets
        loss: torch.Tensor = errors.square().mean()
        with torch.no_grad():
            self.log_dict({
                "loss": loss, "error": errors.abs().mean(), "bias": errors.mean(), "worst": errors.abs().max(),
                "spread": errors.std(),
            })  # fmt: skip
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


class Clock(Callback):
    """Takes the time of the loop, from `on_train_start` to `on_train_end`, and autotrack's own time in it."""

    def on_train_start(self, *_: object) -> None:
        self.began, self.own_seconds_before = perf_counter(), overhead.seconds()

    def on_train_end(self, *_: object) -> None:
        self.loop_seconds = perf_counter() - self.began
        self.own_seconds = overhead.seconds() - self.own_seconds_before


@dataclass(frozen=True)
class Fit:
    """What was measured of one training. `own` is what autotrack says it took itself, `outside` is not in the loop."""

    loop_seconds: float
    loop_own_seconds: float
    outside_seconds: float
    outside_own_seconds: float


def fit(contender: "Contender", folder: Path, *, steps: int) -> Fit:
    """Train for so many steps with one logger, or autotrack, or nothing."""
    torch.manual_seed(0)
    samples = torch.randn(steps * BATCH, FEATURES)
    loader = DataLoader(TensorDataset(samples, samples.sum(dim=1, keepdim=True)), batch_size=BATCH)
    clock = Clock()
    with contender.open(folder) as logger:
        trainer = Trainer(
            max_epochs=1,
            logger=logger,
            callbacks=[clock],
            log_every_n_steps=1,
            default_root_dir=folder,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        model = Regression()
        began, own_seconds_before = perf_counter(), overhead.seconds()
        trainer.fit(model, loader)
        seconds, own_seconds = perf_counter() - began, overhead.seconds() - own_seconds_before
    return Fit(clock.loop_seconds, clock.own_seconds, seconds - clock.loop_seconds, own_seconds - clock.own_seconds)


class NoOpLogger(Logger):
    """Does nothing: what it costs to have a logger at all."""

    name = "nothing"
    version = 0

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        return

    def log_hyperparams(self, *_args: Any, **_kwargs: Any) -> None:
        return


@dataclass(frozen=True)
class Contender:
    """Opens the logger of one fit, if it has one."""

    name: str
    open: Callable[[Path], AbstractContextManager[Logger | bool]]
    needs: str = ""


def _with_logger(make: Callable[[Path], Logger | bool]) -> Callable[[Path], AbstractContextManager[Logger | bool]]:
    return lambda folder: contextlib.nullcontext(make(folder))


@contextmanager
def _autolog(folder: Path) -> Iterator[bool]:
    autotrack.autolog(to=folder)
    yield False
    autotrack.autolog(disable=True)


@contextmanager
def _wandb(folder: Path) -> Iterator[Logger]:
    logger = WandbLogger(project="benchmark", save_dir=folder, offline=True)
    yield logger
    logger.experiment.finish()


def _mlflow(folder: Path) -> Logger:
    return MLFlowLogger("benchmark", tracking_uri=f"sqlite:///{folder}/mlflow.db")


NONE = Contender("no logger", _with_logger(lambda _: False))
AGAIN = Contender("no logger, once more", _with_logger(lambda _: False))
NO_OP = Contender("a logger that does nothing", _with_logger(lambda _: NoOpLogger()))
OURS = Contender("autotrack", _autolog)
CONTENDERS = [
    NONE,
    AGAIN,
    NO_OP,
    OURS,
    Contender("`CSVLogger`", _with_logger(CSVLogger)),
    Contender("`TensorBoardLogger`", _with_logger(TensorBoardLogger), needs="tensorboard"),
    Contender("`WandbLogger` offline", _wandb, needs="wandb"),
    Contender("`MLFlowLogger` on SQLite", _with_logger(_mlflow), needs="mlflow"),
]
