"""The fit that the Keras benchmark runs, and what it is run with."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np

import autotrack
from autotrack.faults import Meter

FEATURES, WIDTH, BATCH = 64, 128, 128
"""Sized for a step of about 3 ms on the two shared cores that this was written on."""


class Clock(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Takes the time of the loop, from the first epoch's begin to the last one's end, and autotrack's own in it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.began, self.own_seconds_before = perf_counter(), Meter.seconds

    def on_train_end(self, logs: Any = None) -> None:
        self.loop_seconds = perf_counter() - self.began
        self.own_seconds = Meter.seconds - self.own_seconds_before


@dataclass(frozen=True)
class Fit:
    """What was measured of one fit. `own` is what autotrack says it took itself, `outside` is not in the loop."""

    loop_seconds: float
    loop_own_seconds: float
    outside_seconds: float
    outside_own_seconds: float


def fit(contender: "Contender", folder: Path, *, steps: int) -> Fit:
    """Train for so many batches in two epochs with one tracker, or none."""
    keras.utils.set_random_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).normal(size=(steps // 2 * BATCH, FEATURES)).astype("float32")
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(WIDTH, activation="relu"),
                              keras.layers.Dense(WIDTH, activation="relu"), keras.layers.Dense(1)])  # fmt: skip
    model.compile("adam", "mse", metrics=["mae", "mse"])
    clock = Clock()
    with contender.open(folder) as more:
        began, own_seconds_before = perf_counter(), Meter.seconds
        model.fit(samples, samples.sum(axis=1), batch_size=BATCH, epochs=2, verbose=0, callbacks=[clock, *more])
        seconds, own_seconds = perf_counter() - began, Meter.seconds - own_seconds_before
    return Fit(clock.loop_seconds, clock.own_seconds, seconds - clock.loop_seconds, own_seconds - clock.own_seconds)


@dataclass(frozen=True)
class Contender:
    """Opens what is compared for one fit, and gives the callbacks that it needs."""

    name: str
    open: Callable[[Path], AbstractContextManager[list[Any]]]
    needs: str = ""


def _autolog(*, checkpoints: bool) -> Callable[[Path], AbstractContextManager[list[Any]]]:
    @contextmanager
    def opened(folder: Path) -> Iterator[list[Any]]:
        autotrack.autolog(to=folder, log_every_n_steps=1, checkpoints=checkpoints)
        yield []
        autotrack.autolog(disable=True)

    return opened


@contextmanager
def _mlflow(folder: Path) -> Iterator[list[Any]]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.keras.autolog(log_every_epoch=False, log_every_n_steps=1, log_models=False, silent=True)
    yield []
    mlflow.keras.autolog(disable=True)


NONE = Contender("no tracker", lambda _: contextlib.nullcontext([]))
OURS = Contender("autotrack, every batch", _autolog(checkpoints=False))
WITH_MODEL = Contender("the same, weights and model kept", _autolog(checkpoints=True))
CONTENDERS = [
    NONE,
    Contender("no tracker, once more", lambda _: contextlib.nullcontext([])),
    OURS,
    WITH_MODEL,
    Contender("`CSVLogger`, every epoch", lambda folder: contextlib.nullcontext(
        [keras.callbacks.CSVLogger(folder / "log.csv")])),
    Contender("MLflow's autolog on SQLite, every batch", _mlflow, needs="mlflow"),
]  # fmt: skip
