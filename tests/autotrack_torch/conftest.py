"""Loops in this process, and what was recorded of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import autotrack
from autotrack.journal.records import AnyRecord, Dataset, Metrics, Notice, Params, RunFinished, RunStarted, Text
from autotrack_torch import members
from autotrack_torch.watch import watch


class Recorded:
    """One run, as its journal has it."""

    def __init__(self, records: list[AnyRecord]) -> None:
        self.records = records

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    def series(self, name: str) -> list[tuple[int | None, int | None, Any]]:
        """Step, epoch and value of every point of a metric."""
        return [(one.step, one.epoch, one.values[name]) for one in self.of(Metrics) if name in one.values]

    def values(self, name: str) -> list[Any]:
        return [value for _, _, value in self.series(name)]

    @property
    def names(self) -> set[str]:
        return {name for one in self.of(Metrics) for name in one.values}

    @property
    def epochs(self) -> list[int | None]:
        """The epochs that began, in order."""
        return [one.epoch for one in self.of(Metrics) if not one.values]

    @property
    def params(self) -> dict[str, Any]:
        return {f"{one.source}:{name}": value for one in self.of(Params) for name, value in one.values.items()}

    @property
    def datasets(self) -> list[str]:
        return [one.role for one in self.of(Dataset)]

    @property
    def notices(self) -> list[str]:
        return [f"{one.about}: {one.message}" for one in self.of(Notice)]

    @property
    def texts(self) -> dict[str, str]:
        return {one.name: one.text for one in self.of(Text)}

    @property
    def started_by(self) -> str:
        return str(self.of(RunStarted)[0].started_by)

    @property
    def status(self) -> str | None:
        return next((one.status for one in self.of(RunFinished)), None)


@pytest.fixture(autouse=True)
def _no_loop() -> Iterator[None]:
    yield
    if watch.loop is not None:
        watch.loop.close()
    vars(watch).clear()
    vars(watch).update(vars(type(watch)()))  # as in a thread that has not trained yet
    for optimizers in (members._born, members._stepped):
        optimizers.clear()


Record = Callable[..., list[Recorded]]


@pytest.fixture
def record(store: Path, read_journal: Callable[[Path], list[AnyRecord]]) -> Record:
    """Run a function as a script that is being recorded would, and return its runs, oldest first."""

    def run(script: Callable[[], Any], **options: Any) -> list[Recorded]:
        autotrack.autolog(to=str(store), **options)
        script()
        if watch.loop is not None:  # as at the end of a process
            watch.loop.close()
        while (current := autotrack.current_run()) is not None:
            current.finish()
        autotrack.autolog(disable=True)
        folders = sorted(store.glob("*/*/journal"), key=lambda one: (one / "main.jsonl").stat().st_ctime_ns)
        recorded = [Recorded(read_journal(folder.parent)) for folder in folders]
        return sorted(recorded, key=lambda one: one.records[0].time)

    return run


def loader(samples: int = 12, batch_size: int = 4, **options: Any) -> DataLoader[Any]:
    """A data loader of points and classes."""
    x = torch.arange(samples * 3, dtype=torch.float32).reshape(samples, 3) / samples
    return DataLoader(TensorDataset(x, torch.arange(samples) % 2), batch_size=batch_size, **options)


def net() -> Any:
    return torch.nn.Linear(3, 2)


def loss_of(model: Any, batch: Any) -> Any:
    return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])


@pytest.fixture(autouse=True)
def _nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test may have compiled in this process, after which no call of a module is looked at."""
    monkeypatch.setattr("autotrack.training.model_calls._has_compiled", lambda: False)
    monkeypatch.setattr("autotrack.training.model_calls._hooks.script_compiles", False)
