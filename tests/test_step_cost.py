"""What a step of a training costs inside autotrack, as counts, which are the same on every machine.

Calls are those of Python functions of autotrack and its integrations, in all threads. Each bound is about a third
above what was counted when it was written: a change that needs more has to say why, and to raise it.
"""

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

import autotrack

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning and Keras warn of many things

_PACKAGES = ("autotrack", "autotrack_keras", "autotrack_lightning", "autotrack_tensorboard", "autotrack_torch")


class Cost:
    """Counts between `start` and `stop`; `calls`, `writes` and `bytes` are those of one step."""

    def __init__(self) -> None:
        specs = filter(None, map(importlib.util.find_spec, _PACKAGES))
        self._ours = tuple(f"{folder}{os.sep}" for spec in specs for folder in spec.submodule_search_locations or ())
        self._is_ours: dict[CodeType, bool] = {}
        self._is_counting = False
        self._steps = self._calls = self._writes = self._bytes = 0
        self._write = os.write

    def start(self) -> None:
        """Begin to count."""
        self._is_counting = True
        sys.setprofile(self.see)

    def stop(self, steps: int) -> None:
        """End, after so many steps."""
        sys.setprofile(None)
        self._is_counting, self._steps = False, steps

    def see(self, frame: FrameType, event: str, _: object) -> None:
        """Be the profile function of every thread."""
        if event == "call" and self._is_counting:
            code = frame.f_code
            if code not in self._is_ours:
                self._is_ours[code] = code.co_filename.startswith(self._ours)
            self._calls += self._is_ours[code]

    def write(self, descriptor: int, data: bytes) -> int:
        """Take the place of `os.write`."""
        if self._is_counting:
            self._writes += 1
            self._bytes += len(data)
        return self._write(descriptor, data)

    @property
    def calls(self) -> float:
        return self._calls / self._steps

    @property
    def writes(self) -> float:
        return self._writes / self._steps

    @property
    def bytes(self) -> float:
        return self._bytes / self._steps


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cost]:
    counted = Cost()
    monkeypatch.setattr(os, "write", counted.write)
    threading.setprofile(counted.see)
    yield counted
    threading.setprofile(None)
    sys.setprofile(None)


def test_a_call_of_log(cost: Cost) -> None:
    with autotrack.start_run(to="runs") as run:
        run.log({"loss": 0.5, "accuracy": 0.75}, step=0)
        cost.start()
        for step in range(1, 101):
            run.log({"loss": 1 / step, "accuracy": 0.75}, step=step)
        cost.stop(100)
    assert cost.calls <= 3
    assert cost.writes == 1
    assert cost.bytes <= 150


@pytest.mark.parametrize(
    ("every", "logger", "calls"),
    [
        pytest.param(1, False, 75, id="every step recorded"),
        pytest.param(50, False, 46, id="every 50th step recorded"),
        pytest.param(1, True, 105, id="every step recorded and written by TensorBoardLogger"),
    ],
)
def test_a_step_of_lightning(cost: Cost, *, every: int, logger: bool, calls: int) -> None:
    _fit_lightning(cost, every=every, logger=logger)
    assert cost.calls <= calls
    assert cost.writes == pytest.approx(1 / every)
    assert cost.bytes <= 220 / every


def test_a_step_of_lightning_with_a_callback_instead_of_autolog(cost: Cost) -> None:
    pytest.importorskip("lightning.pytorch")
    from autotrack_lightning import AutotrackCallback

    _fit_lightning(cost, every=1, callback=lambda: AutotrackCallback(to="runs"))
    assert cost.calls <= 40
    assert cost.writes == 1


def _fit_lightning(cost: Cost, *, every: int, logger: bool = False, callback: Callable[[], Any] | None = None) -> None:
    pl = pytest.importorskip("lightning.pytorch")
    import torch

    class Net(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch: Any, _: int) -> Any:
            loss = self.layer(batch[0]).square().mean()
            self.log_dict({"loss": loss, "error": loss.detach().sqrt()})
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    class Window(pl.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_start(self, _trainer: Any, _module: Any, _batch: Any, index: int) -> None:
            if index == 20:
                cost.start()
            elif index == 120:
                cost.stop(100)

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(130, 4)), batch_size=1)
    if callback is None:
        autotrack.autolog(to="runs")
    if logger:
        pytest.importorskip("tensorboard")
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        log_every_n_steps=every,
        logger=logger,
        callbacks=[Window(), *([] if callback is None else [callback()])],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Net(), loader)
    (run,) = autotrack.runs("runs")
    assert not run.notices
    assert len(run.history("error")) >= 130 // every


@pytest.mark.parametrize(
    ("is_watched", "calls"),
    [pytest.param(False, 22, id="rates of epochs"), pytest.param(True, 33, id="rates that a callback may set")],
)
def test_a_batch_of_keras(cost: Cost, monkeypatch: pytest.MonkeyPatch, *, is_watched: bool, calls: int) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    import numpy as np

    class Window(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 20:
                cost.start()
            elif batch == 120:
                cost.stop(100)

    if not is_watched:  # as those of Keras's own callbacks, which set no rates between batches
        Window.__module__ = "keras.src.callbacks.window"
    autotrack.autolog(to="runs", log_every_n_steps=1, checkpoints=False)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((130, 4), dtype="float32")
    model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[Window()])
    assert cost.calls <= calls
    assert 0.9 <= cost.writes <= 1.1  # Keras may tell of the end of a batch when the next one is under way
    assert cost.bytes <= 250 * cost.writes
    (run,) = autotrack.runs("runs")
    assert not run.notices
    assert len(run.history("mae")) >= 130


@pytest.mark.parametrize(
    ("every", "calls"),
    [pytest.param(1, 48, id="every step recorded"), pytest.param(50, 44, id="every 50th step recorded")],
)
def test_a_step_of_plain_pytorch(cost: Cost, *, every: int, calls: int) -> None:
    torch = pytest.importorskip("torch")
    autotrack.autolog(to="runs", log_every_n_steps=every, checkpoints=False)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(130, 4)), batch_size=1)
    for step, (x,) in enumerate(loader):
        if step == 20:
            cost.start()
        elif step == 120:
            cost.stop(100)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    assert cost.calls <= calls
    assert cost.writes == pytest.approx(1 / every)
    assert cost.bytes <= 150 / every
