"""Small data, and access to the runs that were recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # no types are published with it

import autotrack
from autotrack_sklearn import registry
from autotrack_sklearn.runs import Runs

threadpool_limits(1)  # the data is tiny, and threads that wait for each other make a busy machine crawl


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """scikit-learn warns of many things (no convergence, folds that fail); only warnings of ours are errors here."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::autotrack.errors.AutotrackWarning"), append=False)
            item.add_marker(pytest.mark.filterwarnings("ignore"), append=True)


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.current, "runs", Runs())  # it counts fits


@pytest.fixture
def autolog() -> None:
    autotrack.autolog(to="runs", experiment="tests")


@pytest.fixture
def wine() -> tuple[Any, Any]:
    features, target = load_wine(return_X_y=True)
    return (features - features.mean(axis=0)) / features.std(axis=0), target


@pytest.fixture
def numbers() -> tuple[Any, Any]:
    """A regression."""
    dice = np.random.default_rng(3)
    features = dice.normal(size=(60, 4))
    return features, features @ [1.0, -2.0, 0.0, 0.5] + dice.normal(size=60) / 10


def all_runs() -> list[autotrack.RecordedRun]:
    """The runs that were recorded, the first one first."""
    return sorted(autotrack.runs("runs"), key=lambda run: run.started)


@pytest.fixture
def recorded() -> Callable[[], autotrack.RecordedRun]:
    """The one run that was recorded."""

    def only_run() -> autotrack.RecordedRun:
        runs = all_runs()
        assert len(runs) == 1, runs
        return runs[0]

    return only_run


def last(run: autotrack.RecordedRun, metric: str) -> Any:
    return run.metrics[metric].last.value
