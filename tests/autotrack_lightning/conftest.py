"""A small module and its data, for both packages that Lightning comes in."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, settings

import autotrack
from tests.support.lightning_modules import make_loader, module_class

torch.set_num_threads(1)  # the nets are tiny, and threads that wait for each other make a busy machine crawl

GENERATED = settings(
    max_examples=50,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""For tests of generated trainings, each of which takes a while."""

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lightning warns of many things (few workers, no validation); only warnings of ours are errors here."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::autotrack.errors.AutotrackWarning"), append=False)
            item.add_marker(pytest.mark.filterwarnings("ignore"), append=True)


@pytest.fixture(params=PACKAGES)
def pl(request: pytest.FixtureRequest) -> ModuleType:
    """Each of the two packages, which have classes of their own."""
    return importlib.import_module(request.param)


@pytest.fixture
def autolog() -> None:
    autotrack.autolog(to="runs", experiment="tests")


@pytest.fixture
def net(pl: ModuleType) -> Any:
    """The class; call it to get a module."""
    return module_class(pl)


@pytest.fixture
def loader() -> Callable[..., Any]:
    return make_loader


@pytest.fixture
def trainer(pl: ModuleType) -> Callable[..., Any]:
    """Make a quiet trainer; every option can be given."""

    def make(**options: Any) -> Any:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        return pl.Trainer(**{**quiet, "max_epochs": 2, "log_every_n_steps": 1, **options})

    return make


def only_run() -> autotrack.RecordedRun:
    """The one run that was recorded."""
    found = autotrack.runs("runs")
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def recorded() -> Callable[[], autotrack.RecordedRun]:
    return only_run


@pytest.fixture(autouse=True)
def _nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test may have compiled in this process, after which no call of a module is looked at."""
    monkeypatch.setattr("autotrack.training.model_calls._has_compiled", lambda: False)
    monkeypatch.setattr("autotrack.training.model_calls._hooks.script_compiles", False)
