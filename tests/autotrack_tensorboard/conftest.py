"""Writers of both libraries, and what was recorded of them."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

import autotrack
from autotrack.journal.reader import RunReader
from autotrack.journal.records import Plot
from autotrack.training.hooks import faults

LIBRARIES = ("torch.utils.tensorboard", "tensorboardX")
MakeWriter = Callable[..., Any]
OneRun = Callable[[], autotrack.RecordedRun]

mpl.use("agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lightning and Keras warn of many things (few workers, no validation); only warnings of ours are errors here."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::autotrack.errors.AutotrackWarning"), append=False)
            item.add_marker(pytest.mark.filterwarnings("ignore"), append=True)


def plots_of(run: autotrack.RecordedRun) -> list[Plot]:
    """Every plot of a run, of every step."""
    return [record for _, batch in RunReader(run.folder) for record in batch if isinstance(record, Plot)]


@pytest.fixture
def faulty() -> None:
    """Of a test in which something of ours fails."""


@pytest.fixture(autouse=True)
def _nothing_of_ours_failed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "faulty" not in request.fixturenames:
        assert not faults.unplaced_faults
        assert not [notice for run in all_runs() for notice in run.notices]


@pytest.fixture
def autolog() -> None:
    """Record what writers write, into runs/."""
    autotrack.autolog(to="store", experiment="tests", frameworks=["tensorboard"])


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    """Each of the two libraries that have a `SummaryWriter`."""
    return importlib.import_module(request.param)


@pytest.fixture
def make_writer(library: Any) -> Iterator[MakeWriter]:
    """Make writers, and close them in the end; their threads would wait for more otherwise."""
    made = []

    def make(folder: str = "events", **options: Any) -> Any:
        made.append(library.SummaryWriter(folder, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def writer(autolog: None, make_writer: MakeWriter) -> Any:
    """One writer, while autolog is on."""
    return make_writer()


def all_runs() -> list[autotrack.RecordedRun]:
    """All runs, the first one first."""
    found = autotrack.runs("store") if Path("store").exists() else []
    return sorted(found, key=lambda run: (run.summary.started, str(run.folder)))


@pytest.fixture
def recorded() -> OneRun:
    """Return the one run that was recorded."""

    def only_run() -> autotrack.RecordedRun:
        found = all_runs()
        assert len(found) == 1, found
        return found[0]

    return only_run


def values_of(run: autotrack.RecordedRun, name: str) -> list[tuple[int | None, Any]]:
    """The steps and values of a metric, in the order in which they were logged."""
    return [(point.step, point.value) for point in run.history(name)]
