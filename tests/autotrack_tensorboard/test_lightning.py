"""In a training of Lightning's, what is logged with `self.log` is recorded once, and what writers get besides too."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import autotrack
from tests.autotrack_tensorboard.conftest import OneRun, all_runs, values_of

PACKAGES = ("lightning.pytorch", "pytorch_lightning")
BATCHES = 4


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # the nets are tiny, and threads that wait for each other make a busy machine crawl


@pytest.fixture(params=PACKAGES)
def pl(request: pytest.FixtureRequest) -> ModuleType:
    """Each of the two packages, which have classes of their own."""
    return importlib.import_module(request.param)


def data() -> Any:
    return DataLoader(TensorDataset(torch.ones(2 * BATCHES, 4)), batch_size=2)


def make_module(pl: Any) -> Any:
    """A module that logs with `self.log`, and besides with its logger and the logger's writer."""

    class Net(pl.LightningModule):  # type: ignore[misc]  # a class that is only known when the test runs
        def __init__(self, lr: float = 0.05) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            loss = self.layer(batch[0]).pow(2).mean()
            self.log("loss", loss)
            self.logger.log_metrics({"direct": index}, step=self.global_step)
            self.logger.experiment.add_scalar("written", 2 * index, self.global_step)
            return loss  # type: ignore[no-any-return]  # torch calls it Any

        def on_train_start(self) -> None:
            self.logger.log_hyperparams({"lr": 0.05, "depth": 3})
            self.logger.log_hyperparams({"width": 8}, {"score": 0.5})

        def on_train_epoch_end(self) -> None:
            self.logger.experiment.add_image("weights", np.zeros((1, 4, 4)), self.current_epoch)

        def test_step(self, batch: list[torch.Tensor], index: int) -> None:
            self.log("test_loss", self.layer(batch[0]).pow(2).mean())
            self.logger.experiment.add_text("tested", "yes", self.global_step)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"], momentum=0.9)

    return Net()


def make_trainer(pl: Any, **options: Any) -> Any:
    logger = pl.loggers.TensorBoardLogger("logs", name="mine", version=0)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return pl.Trainer(max_epochs=2, accelerator="cpu", log_every_n_steps=1, logger=logger, **quiet, **options)


def events() -> dict[str, list[tuple[int, float]]]:
    """The scalars in the logger's event files, by step: files of one second are read in any order."""
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator("logs/mine/version_0").Reload()
    return {tag: sorted((one.step, one.value) for one in found.Scalars(tag)) for tag in found.Tags()["scalars"]}


def fit_and_test(pl: Any) -> None:
    trainer, module = (
        make_trainer(pl, callbacks=[pl.callbacks.LearningRateMonitor("step", log_momentum=True)]),
        make_module(pl),
    )
    trainer.fit(module, data())
    trainer.test(module, data(), verbose=False)


def test_nothing_is_recorded_twice_and_nothing_is_left_out(pl: Any, recorded: OneRun) -> None:
    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    fit_and_test(pl)
    run = recorded()
    steps = list(range(2 * BATCHES))
    assert run.summary.frameworks.get("torch")
    assert [step for step, _ in values_of(run, "loss")] == steps
    assert values_of(run, "direct") == [(step, step % BATCHES) for step in steps]
    assert values_of(run, "written") == [(step, 2 * (step % BATCHES)) for step in steps]
    assert values_of(run, "lr-SGD") == [(step, 0.05) for step in steps]
    assert values_of(run, "lr-SGD-momentum") == [(step, 0.9) for step in steps]
    assert len(values_of(run, "test_loss")) == 1
    assert values_of(run, "score") == [(0, 0.5)]
    assert not {"hp_metric", "epoch"} & set(run.metrics)
    assert [(artifact.path, artifact.step) for artifact in run.artifacts if artifact.kind == "image"] == [
        (f"artifacts/images/weights-{epoch}.png", epoch) for epoch in range(2)
    ]
    assert run.summary.texts["tested"] == "yes"
    assert run.params_by_source["tensorboard"] == {"depth": 3, "width": 8}


def test_the_loggers_files_are_those_without_autotrack(pl: Any) -> None:
    def written() -> Any:
        torch.manual_seed(3)
        fit_and_test(pl)
        found = events()
        Path("logs").rename(f"logs-{len(list(Path().glob('logs-*')))}")
        return found

    without = written()
    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    assert written() == without
    assert set(without) >= {"loss", "direct", "written", "lr-SGD", "hp_metric"}


def test_without_the_integration_for_lightning_all_comes_from_the_writer(pl: Any, recorded: OneRun) -> None:
    autotrack.autolog(to="store", experiment="tests", frameworks=["tensorboard"])
    fit_and_test(pl)
    run = recorded()
    assert (run.status, run.params_by_source["tensorboard"]) == ("finished", {"lr": 0.05, "depth": 3, "width": 8})
    assert [step for step, _ in values_of(run, "loss")] == list(range(2 * BATCHES))
    assert values_of(run, "lr-SGD") == [(step, pytest.approx(0.05)) for step in range(2 * BATCHES)]


def test_a_fit_in_a_run_of_a_persons_own_adds_to_that_run_once(pl: Any, recorded: OneRun) -> None:
    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    with autotrack.start_run():
        fit_and_test(pl)
    assert [step for step, _ in values_of(recorded(), "loss")] == list(range(2 * BATCHES))
    assert recorded().params_by_source["tensorboard"] == {"depth": 3, "width": 8}


def test_a_writer_of_the_users_own_that_is_in_use_already_stops_no_fit(pl: Any) -> None:
    from torch.utils.tensorboard import SummaryWriter

    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    with SummaryWriter("events") as writer:
        writer.add_scalar("before", 1.0, 0)
        trainer = make_trainer(pl)
        trainer.fit(make_module(pl), data())
        writer.add_scalar("after", 1.0, 1)
    own, fit = all_runs()
    assert (own.status, sorted(own.metrics)) == ("finished", ["after", "before"])
    assert len(values_of(fit, "loss")) == 2 * BATCHES


def test_the_logger_of_fabric_is_recorded(recorded: OneRun) -> None:
    autotrack.autolog(to="store", experiment="tests")
    logger = importlib.import_module("lightning.fabric.loggers").TensorBoardLogger("logs", name="mine", version=0)
    logger.log_hyperparams({"lr": 0.1})
    logger.log_metrics({"loss": 0.5}, step=3)
    logger.finalize("success")
    run = recorded()
    assert (run.params, values_of(run, "loss"), list(run.metrics)) == ({"lr": 0.1}, [(3, 0.5)], ["loss"])
    assert run.status == "finished"


def test_what_two_integrations_hook_into_is_as_before_when_autolog_is_off(pl: Any) -> None:
    hooked = [(pl.Trainer, "_run"), (pl.loggers.TensorBoardLogger, "log_hyperparams")]
    before = [vars(owner)[name] for owner, name in hooked]
    for frameworks in (["tensorboard", "lightning"], ["lightning", "tensorboard"], None):
        autotrack.autolog(to="store", experiment="tests", frameworks=frameworks)
        assert [vars(owner)[name] for owner, name in hooked] != before
        autotrack.autolog(disable=True)
        assert [vars(owner)[name] for owner, name in hooked] == before
