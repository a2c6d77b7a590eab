"""A store with three runs of a classifier, which tests of the registry register, change and damage."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import autotrack
from autotrack.models.registry import Registry
from autotrack.readers.recorded_run import RecordedRun
from tests.support.made_once import made_once

Fit = Callable[..., RecordedRun]


def fit(store: Path, *, rows: int = 40, C: float = 1.0, **options: object) -> RecordedRun:  # noqa: N803
    """Train a classifier and evaluate it, recorded as a run."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score

    X = np.random.default_rng(0).normal(size=(60, 4))  # noqa: N806
    y = (X[:, 0] > 0.3).astype(int)
    autotrack.autolog(to=store, experiment="digits", **options)  # type: ignore[arg-type]
    try:
        with autotrack.start_run():  # it ends after the evaluation
            model = LogisticRegression(C=C).fit(X[:rows], y[:rows])
            accuracy_score(y, model.predict(X))
    finally:
        autotrack.autolog(disable=True)
    return autotrack.runs(store)[0]


@pytest.fixture(autouse=True)
def _pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are pickled, also where another test has had mlflow import skops, whose files need no trust."""
    monkeypatch.delitem(sys.modules, "skops.io", raising=False)


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store with the runs, which is only copied."""
    return made_once(tmp_path_factory, "registered", lambda folder: [fit(folder, C=C) for C in (0.001, 0.01, 10.0)])


@pytest.fixture
def runs(made_store: Path, tmp_path: Path) -> list[RecordedRun]:
    """Three runs, the oldest and worst first, in a store of their own."""
    shutil.copytree(made_store, tmp_path / "runs")
    return list(reversed(autotrack.runs(tmp_path / "runs")))


@pytest.fixture
def registry(runs: list[RecordedRun], tmp_path: Path) -> Registry:
    """The registry of the store with the three runs."""
    assert runs
    return Registry(tmp_path / "runs")
