"""What a script sends straight to the loggers of a trainer belongs to the run of that trainer."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import autotrack
from autotrack_lightning import AutotrackCallback


@pytest.fixture(params=["autolog", "callback"])
def how(request: pytest.FixtureRequest) -> Any:
    """Options for a trainer that is recorded: by autolog, or by a callback alone."""
    if request.param == "autolog":
        autotrack.autolog(to="runs", experiment="tests")
        return {}
    return {"callbacks": [AutotrackCallback(to="runs", experiment="tests")]}


def own_logger(pl: Any) -> Any:
    class Own(pl.loggers.Logger):  # type: ignore[misc]  # a class that is only known when the test runs
        """A logger of the script's own, which passes nothing on to a base class."""

        name = version = "own"

        def log_metrics(self, metrics: Any, step: Any = None) -> None:
            pass

        def log_hyperparams(self, params: Any, *_: Any) -> None:
            pass

    return Own()


def sending(net: Any) -> Any:
    class Sending(net):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.save_hyperparameters()

        def on_train_start(self) -> None:
            for logger in self.loggers:
                logger.log_hyperparams({"depth": 3})

        def on_train_epoch_end(self) -> None:
            for logger in self.loggers:
                logger.log_metrics({"confusion/tp": 3.0 + self.current_epoch}, step=self.global_step)

        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.logger.log_metrics({"tested": torch.tensor(1.5)})

    return Sending()


@pytest.mark.parametrize("kind", ["csv", "own", "both"])
def test_metrics_and_hyperparameters_are_in_the_run_once(
    kind: str, how: Any, pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    of_kind: dict[str, Callable[[], Any]] = {"csv": lambda: pl.loggers.CSVLogger("csv"), "own": lambda: own_logger(pl)}
    loggers = [make() for name, make in of_kind.items() if kind in (name, "both")]
    module, made = sending(net), trainer(logger=loggers, **how)
    made.fit(module, loader())
    made.test(module, loader(samples=4), verbose=False)
    run = recorded()
    assert [(point.step, point.epoch, point.value) for point in run.history("confusion/tp")] == [(5, 0, 3), (10, 1, 4)]
    assert [(point.step, point.stage, point.value) for point in run.history("tested")] == [(9, "test", 1.5)]
    assert len(run.history("loss")) == 10
    assert run.params_by_source["logger"] == {"depth": 3}
    assert not run.notices


def test_what_is_sent_after_the_training_is_in_its_run(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    made = trainer(logger=pl.loggers.CSVLogger("csv"))
    made.fit(net(), loader())
    made.logger.log_metrics({"final": 0.5}, step=10)
    made.logger.log_hyperparams({"chosen": "yes"})
    assert [(point.step, point.value) for point in recorded().history("final")] == [(10, 0.5)]
    assert recorded().params["chosen"] == "yes"
    assert recorded().status == "finished"


@pytest.mark.parametrize("kind", ["CSVLogger", "TensorBoardLogger"])
def test_hyperparameters_sent_before_the_fit_are_in_its_run(
    kind: str, pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    made = trainer(logger=getattr(pl.loggers, kind)("logs"), log_every_n_steps=50)
    made.logger.log_hyperparams({"n_layers": 3, "nested": {"dropout": 0.25}})
    assert not Path("runs").exists()
    made.fit(net(), loader())
    assert (recorded().params["n_layers"], recorded().params["nested.dropout"]) == (3, 0.25)


@pytest.mark.parametrize("kind", ["CSVLogger", "TensorBoardLogger"])
def test_prediction_leaves_no_run(kind: str, pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    class Saved(net):  # type: ignore[misc]
        def __init__(self, lr: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()

        def predict_step(self, batch: Any, batch_idx: int) -> Any:
            return self.loss(batch)

    autotrack.autolog(to="runs", experiment="tests")
    logger = getattr(pl.loggers, kind)("logs")
    trainer(logger=logger).predict(Saved(lr=0.5), loader())
    assert not Path("runs").exists()
    trainer(logger=logger, max_epochs=1).fit(Saved(lr=0.25), loader())
    (run,) = autotrack.runs("runs")
    assert {source: values["lr"] for source, values in run.params_by_source.items() if "lr" in values} == {
        "model.hparams": 0.25,
        "model.init": 0.25,
        "optimizer": 0.05,
    }


def test_the_loggers_get_what_they_get_without_autotrack(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    def written(folder: str) -> Any:
        torch.manual_seed(3)
        logger = pl.loggers.CSVLogger(folder)
        trainer(logger=[logger, own_logger(pl)]).fit(sending(net), loader())
        return list(csv.DictReader((Path(logger.log_dir) / "metrics.csv").open()))

    without = written("without")
    autotrack.autolog(to="runs", experiment="tests")
    assert written("with") == without
    before = pl.loggers.CSVLogger.log_metrics
    autotrack.autolog(disable=True)
    assert pl.loggers.CSVLogger.log_metrics is not before


def test_classes_of_loggers_are_as_before_after_a_fit_with_a_callback(
    pl: Any, trainer: Any, net: Any, loader: Any
) -> None:
    own = own_logger(pl)
    kinds = (type(own), pl.loggers.CSVLogger)
    before = [vars(kind).get("log_hyperparams") for kind in kinds]
    trainer(logger=[own, pl.loggers.CSVLogger("csv")], callbacks=[AutotrackCallback(to="runs")]).fit(net(), loader())
    assert [vars(kind).get("log_hyperparams") for kind in kinds] == before
