"""What other integrations record is left to them, and what comes before or after is not."""

from pathlib import Path
from typing import Any

import pytest
import torch

import autotrack
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def train() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _epoch in range(2):
        for batch in loader():
            loss_of(model, batch).backward()
            optimizer.step()


@pytest.mark.filterwarnings("ignore")
def test_a_fit_of_lightning_is_left_to_it_also_in_a_run_of_a_person(record: Record) -> None:
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def training_step(self, batch: Any, _index: int) -> Any:
            return loss_of(self.net, batch)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    def fit() -> None:
        options: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        lightning.Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, **options).fit(
            Module(), loader()
        )

    def script() -> None:
        for _seed in range(2):
            train()
            fit()
        with autotrack.start_run("mine"):
            fit()

    *runs, mine = record(script)
    assert [run.started_by for run in runs] == ["torch", "lightning"] * 2
    for loop in runs[::2]:
        assert loop.epochs == [0, 1]
        assert len(loop.values("loss")) == 6
        assert loop.status == "finished"
    for run in (*runs[1::2], mine):
        assert "loss" not in run.names
        assert "optimizer:lr" in run.params


def test_an_estimator_after_a_loop_has_a_run_of_its_own_and_one_in_a_loop_belongs_to_it(record: Record) -> None:
    linear = pytest.importorskip("sklearn.linear_model")

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _epoch in range(2):
            for batch in loader():
                loss_of(model, batch).backward()
                optimizer.step()
            linear.Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
        linear.Ridge().fit([[0.0], [1.0]], [0.0, 1.0])

    runs = record(script)
    assert len(runs) == 2
    assert len(runs[0].values("loss")) == 6
    assert not runs[1].values("loss")


@pytest.mark.parametrize("batches", [loader(), list(loader())], ids=["loader", "list"])
def test_in_a_loop_over_trainings_an_estimator_after_the_epochs_has_a_run_of_its_own(
    batches: Any, record: Record
) -> None:
    linear = pytest.importorskip("sklearn.linear_model")

    def step(model: Any, optimizer: Any) -> None:
        for batch in batches:
            loss_of(model, batch).backward()
            optimizer.step()

    def script() -> None:
        for _fold in range(2):
            model = net()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for _epoch in range(2):
                step(model, optimizer)
                linear.Lasso().fit([[0.0], [1.0]], [0.0, 1.0])
            linear.Ridge().fit([[0.0], [1.0]], [0.0, 1.0])

    runs = record(script)
    assert [run.started_by for run in runs] == ["torch", "sklearn"] * 2
    assert [len(run.values("loss")) for run in runs] == [6, 0] * 2


def test_in_rounds_of_one_training_an_estimator_belongs_to_it(record: Record) -> None:
    linear = pytest.importorskip("sklearn.linear_model")

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _round in range(2):
            for _epoch in range(2):
                for batch in loader():
                    loss_of(model, batch).backward()
                    optimizer.step()
            linear.Ridge().fit([[0.0], [1.0]], [0.0, 1.0])

    (run,) = record(script)
    assert len(run.values("loss")) == 12


def test_a_loss_that_the_script_itself_writes_is_not_mixed_with_that_of_the_steps(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch.utils.tensorboard")
    script = tmp_path / "script.py"
    script.write_text(
        """
import torch
from torch.utils.tensorboard import SummaryWriter
def main(batches, loss_of, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with SummaryWriter("events") as writer:
        for epoch in range(2):
            total = sum(step(model, optimizer, loss_of(model, batch)) for batch in batches)
            write(writer, total, epoch)
def step(model, optimizer, loss):
    loss.backward()
    optimizer.step()
    return loss.item()
def write(writer, total, epoch):
    writer.add_scalar("loss", total, epoch)
"""
    )
    monkeypatch.chdir(tmp_path)
    code: dict[str, Any] = {}
    exec(compile(script.read_text(), str(script), "exec"), code)
    (run,) = record(lambda: code["main"](loader(), loss_of, net()))
    assert [step for step, _, _ in run.series("loss")] == [0, 1]
    assert len(run.values("loss_step")) == 6


def test_what_a_writer_writes_is_in_the_run_of_the_loop(record: Record, tmp_path: Path) -> None:
    writers = pytest.importorskip("torch.utils.tensorboard")

    def script(*, writes_first: bool) -> None:
        with writers.SummaryWriter(str(tmp_path / "tensorboard")) as writer:
            if writes_first:
                writer.add_text("about", "a loop")
            model = net()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for epoch in range(2):
                for batch in loader():
                    loss_of(model, batch).backward()
                    optimizer.step()
                writer.add_scalar("accuracy", 0.5, epoch)

    for writes_first in (False, True):
        *_, run = record(lambda first=writes_first: script(writes_first=first))
        assert len(run.values("loss")) == 6
        assert run.values("accuracy") == [0.5, 0.5]
