"""Small models and their data; Keras runs on torch here, and on JAX in processes of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest

import autotrack
from autotrack.training.hooks import faults


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keras warns of many things (ignored arguments, data that ran out); only warnings of ours are errors here."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::autotrack.errors.AutotrackWarning"), append=False)
            item.add_marker(pytest.mark.filterwarnings("ignore"), append=True)


@pytest.fixture
def faulty() -> None:
    """Of a test in which something of ours fails."""


@pytest.fixture(autouse=True)
def _nothing_of_ours_failed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "faulty" not in request.fixturenames:
        assert not faults.unplaced_faults
        assert not [notice for run in all_runs() for notice in run.notices]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    if keras.backend.backend() != "torch":
        return
    import torch

    torch.set_num_threads(1)  # the nets are tiny, and threads that wait for each other make a busy machine crawl


@pytest.fixture
def autolog() -> None:
    """Record everything, but keep no model: that is what most of these tests take their time for."""
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)


X = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)
Y = X.sum(axis=1)


def make_model(optimizer: Any = "sgd", cls: Any = keras.Sequential, **compiled: Any) -> Any:
    """Return a small compiled model with two metrics."""
    model = cls([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile(optimizer, **{"loss": "mse", "metrics": ["mae"], **compiled})
    return model


@pytest.fixture
def model() -> Any:
    return make_model()


def all_runs() -> list[autotrack.RecordedRun]:
    """All runs, the first one first."""
    return sorted(autotrack.runs("runs"), key=lambda run: (run.summary.started, str(run.folder)))


@pytest.fixture
def runs() -> Callable[[], list[autotrack.RecordedRun]]:
    return all_runs


@pytest.fixture
def recorded() -> Callable[[], autotrack.RecordedRun]:
    """Return the one run that was recorded."""

    def only_run() -> autotrack.RecordedRun:
        found = all_runs()
        assert len(found) == 1, found
        return found[0]

    return only_run


def epochs_of(run: autotrack.RecordedRun, name: str) -> list[float]:
    """The values of a metric at the end of the epochs, which is where Keras's history has them."""
    ends = {point.step for point in run.history("epoch_seconds")}
    by_epoch = {point.epoch: point.value for point in run.history(name) if point.step in ends}
    return [float(value) for value in by_epoch.values()]
