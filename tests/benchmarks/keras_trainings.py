"""The fit that the Keras benchmark runs, and what it is run with."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
from sklearn.datasets import load_digits

import autotrack
from autotrack.training.hooks.overhead import overhead


class Clock(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Takes the time of the loop, from the first epoch's begin to the last one's end, and autotrack's own in it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.began, self.own_seconds_before = perf_counter(), overhead.seconds()

    def on_train_end(self, logs: Any = None) -> None:
        self.loop_seconds = perf_counter() - self.began
        self.own_seconds = overhead.seconds() - self.own_seconds_before


@dataclass(frozen=True)
class Fit:
    """What was measured of one fit. `own` is what autotrack says it took itself, `outside` is not in the loop."""

    loop_seconds: float
    loop_own_seconds: float
    outside_seconds: float
    outside_own_seconds: float


def fit(contender: "Contender", folder: Path, *, epochs: int) -> Fit:
    """Train the network of examples/keras_autolog.py on the digits, with one tracker or none."""
    keras.utils.set_random_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    model = build()
    model.compile(keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    with contender.open(folder) as more:
        began, own_seconds_before = perf_counter(), overhead.seconds()
        model.fit(images, digits.target, epochs=epochs, verbose=0, callbacks=[clock, *more])
        seconds, own_seconds = perf_counter() - began, overhead.seconds() - own_seconds_before
    return Fit(clock.loop_seconds, clock.own_seconds, seconds - clock.loop_seconds, own_seconds - clock.own_seconds)


def build() -> keras.Model:
    """Return the network, as the example has it."""
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


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
