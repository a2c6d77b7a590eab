"""What is logged with `self.log` is recorded: the same values, on the axis that loggers see."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import autotrack

pytestmark = pytest.mark.usefixtures("autolog")


def points(run: Any, metric: str) -> list[tuple[int | None, int | None, str | None, Any]]:
    return [(point.step, point.epoch, point.stage, point.value) for point in run.history(metric)]


def test_every_step_and_epoch_has_step_epoch_stage_and_time(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    trainer().fit(net(), loader(), loader())
    run = recorded()
    assert [point[:3] for point in points(run, "loss")] == [(step, step // 5, "train") for step in range(10)]
    assert [point[:3] for point in points(run, "val_loss")] == [(4, 0, "validate"), (9, 1, "validate")]
    times = [point.time for point in run.history("loss")]
    assert times == sorted(times)


def test_values_equal_those_of_csv_logger(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    logger = pl.loggers.CSVLogger("csv")
    trainer(logger=logger, max_epochs=3, log_every_n_steps=2).fit(net(), loader(), loader())
    rows = list(csv.DictReader((Path(logger.log_dir) / "metrics.csv").open()))
    run = recorded()
    for metric in ("loss", "val_loss"):
        expected = [(int(row["step"]), int(row["epoch"]), float(row[metric])) for row in rows if row[metric]]
        assert [(step, epoch, value) for step, epoch, _, value in points(run, metric)] == expected


def test_values_on_step_and_on_epoch_keep_lightnings_names(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Both(net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            loss = self.loss(batch)
            self.log("loss", loss, on_step=True, on_epoch=True)
            self.log("constant", 3.0)
            return loss  # type: ignore[no-any-return]

    trainer().fit(Both(), loader())
    run = recorded()
    assert len(points(run, "loss_step")) == 10
    assert [point[:2] for point in points(run, "loss_epoch")] == [(4, 0), (9, 1)]
    assert {point[3] for point in points(run, "constant")} == {3.0}


@pytest.mark.parametrize("every", [1, 3])
def test_log_every_n_steps_of_autolog_overrides_the_trainers(
    every: int, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=every)
    trainer(log_every_n_steps=2).fit(net(), loader())
    expected = [step for step in range(10) if (step + 1) % every == 0]
    assert [point[0] for point in points(recorded(), "loss")] == expected


def test_learning_rate_is_that_of_the_step(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Scheduled(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(
                [{"params": self.layer.parameters()}, {"params": self.head.parameters(), "lr": 1.0}], lr=self.lr
            )
            scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
            return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    trainer(max_epochs=1).fit(Scheduled(lr=0.5), loader())
    run = recorded()
    assert [point[3] for point in points(run, "lr-SGD/pg1")] == [0.5 * 0.5**step for step in range(5)]
    assert [point[3] for point in points(run, "lr-SGD/pg2")] == [0.5**step for step in range(5)]


def test_learning_rates_equal_those_of_learning_rate_monitor(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Scheduled(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)]

    logger = pl.loggers.CSVLogger("csv")
    monitor = pl.callbacks.LearningRateMonitor(logging_interval="step")
    trainer(logger=logger, callbacks=[monitor]).fit(Scheduled(), loader())
    rows = list(csv.DictReader((Path(logger.log_dir) / "metrics.csv").open()))
    expected = [(int(row["step"]), float(row["lr-Adam"])) for row in rows if row["lr-Adam"]]
    assert [(step, value) for step, _, _, value in points(recorded(), "lr-Adam")] == expected


def test_what_no_recorded_step_shows_is_recorded_at_the_end_of_its_epoch(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Rare(net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            if batch_idx == 2:
                self.log("rare", 10.0 + self.current_epoch)
            self.log("number", float(self.global_step))
            self.log("shown_only", 1.0, logger=False)
            return super().training_step(batch, batch_idx)  # type: ignore[no-any-return]

    trainer(log_every_n_steps=4).fit(Rare(), loader())
    run = recorded()
    assert [point[:2] for point in points(run, "loss")] == [(3, 0), (7, 1)]
    assert "shown_only" not in run.metrics
    trainer(log_every_n_steps=50).fit(Rare(), loader())
    run = autotrack.runs("runs")[0]
    assert [(*point[:2], point[3]) for point in points(run, "number")] == [(4, 0, 4.0), (9, 1, 9.0)]
    assert [(*point[:2], point[3]) for point in points(run, "rare")] == [(4, 0, 10.0), (9, 1, 11.0)]
    assert [point[:2] for point in points(run, "loss")] == [(4, 0), (9, 1)]


def test_a_training_that_fails_early_has_the_values_of_its_last_complete_step(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Failing(net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            self.log("number", float(self.global_step))
            return super().training_step(batch, batch_idx)  # type: ignore[no-any-return]

    with pytest.raises(LookupError):
        trainer(log_every_n_steps=50).fit(Failing(fail_at=3), loader())
    assert [(point[0], point[3]) for point in points(recorded(), "number")] == [(2, 2.0)]


def test_metrics_of_the_users_come_before_ours_of_the_same_name(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Own(net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            self.log("samples_per_second", 123.0)
            self.log("lr-SGD", 42.0)
            return super().training_step(batch, batch_idx)  # type: ignore[no-any-return]

        def on_train_epoch_end(self) -> None:
            self.log("epoch_seconds", 7.0)

    trainer().fit(Own(), loader())
    run = recorded()
    for name, value, count in (("samples_per_second", 123.0, 10), ("lr-SGD", 42.0, 10), ("epoch_seconds", 7.0, 2)):
        assert [point[3] for point in points(run, name)] == [value] * count


def test_the_first_metric_that_is_nan_is_an_event(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Diverging(net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            self.log("odd", torch.tensor(math.nan if self.global_step >= 6 else 1.0))
            return self.loss(batch)  # type: ignore[no-any-return]

    trainer().fit(Diverging(), loader())
    assert recorded().tags["diverged"] == "odd is nan in epoch 1, step 6"


def test_nothing_of_the_sanity_check_is_recorded(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer(num_sanity_val_steps=2, max_epochs=1).fit(net(), loader(), loader())
    assert len(points(recorded(), "val_loss")) == 1


def test_epoch_seconds_and_samples_per_second(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer().fit(net(), loader(samples=18, batch_size=4), loader())
    run = recorded()
    seconds = points(run, "epoch_seconds")
    assert [point[:3] for point in seconds] == [(4, 0, "train"), (9, 1, "train")]
    for (*_, duration), (*_, rate) in zip(seconds, points(run, "samples_per_second"), strict=True):
        assert rate >= 18 / duration  # validation counts for the duration alone


def test_what_the_time_of_an_epoch_goes_to_is_recorded(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    from autotrack.report.time_spent import time_spent

    trainer().fit(net(), loader(), loader())
    run = recorded()
    spent = time_spent(run.summary)
    assert spent is not None
    parts = dict(spent["parts"])
    assert {"training", "validation", "waiting for data", "saving checkpoints"} <= set(parts)
    assert sum(parts.values()) == pytest.approx(run.duration_seconds, abs=0.1)
    assert [point[1] for point in points(run, "data_wait_percent")] == [0, 1]


def test_works_with_fast_dev_run(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer(fast_dev_run=True).fit(net(), loader(), loader())
    run = recorded()
    assert run.status == "finished"
    assert [point[0] for point in points(run, "loss")] == [0]


def test_several_optimizers_with_manual_optimization(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Adversarial(net):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: Any, batch_idx: int) -> None:
            for optimizer in self.optimizers():
                loss = self.loss(batch)
                optimizer.zero_grad()
                self.manual_backward(loss)
                optimizer.step()
            self.log("loss", loss)

        def configure_optimizers(self) -> Any:
            return [torch.optim.SGD(self.layer.parameters(), lr=0.1), torch.optim.SGD(self.head.parameters(), lr=0.2)]

    trainer(max_epochs=1).fit(Adversarial(), loader())
    run = recorded()
    assert [point[0] for point in points(run, "loss")] == list(range(5))
    assert {points(run, "lr-SGD")[0][3], points(run, "lr-SGD-1")[0][3]} == {0.1, 0.2}
    assert run.params_by_source["optimizer1"]["optimizer1.lr"] == 0.2


def test_accumulated_batches_count_as_one_step(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer(accumulate_grad_batches=2, max_epochs=1).fit(net(), loader(samples=24))
    assert [point[0] for point in points(recorded(), "loss")] == [0, 1, 2]


def test_not_a_number_and_infinity_are_kept(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Diverging(net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            self.log("odd", torch.tensor(math.nan if batch_idx % 2 else math.inf))
            return self.loss(batch)  # type: ignore[no-any-return]

    trainer(max_epochs=1).fit(Diverging(), loader())
    assert [point[3] for point in points(recorded(), "odd")] == ["Infinity", "NaN", "Infinity", "NaN", "Infinity"]


def test_metrics_logged_in_any_hook_are_recorded(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Everywhere(net):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any) -> None:
            self.log("batch_end", 1.0)

        def on_train_epoch_end(self) -> None:
            self.log("epoch_end", 2.0)

        def on_validation_epoch_end(self) -> None:
            self.log("validation_epoch_end", 3.0)

    trainer(max_epochs=1).fit(Everywhere(), loader(), loader())
    run = recorded()
    assert {"batch_end", "epoch_end", "validation_epoch_end"} <= set(run.metrics)
    assert len(points(run, "batch_end")) == 5


def test_a_metric_on_an_axis_of_its_own(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class OwnAxis(net):  # type: ignore[misc]
        def on_train_epoch_end(self) -> None:
            self.log_dict({"epochwise": 1.0, "step": float(self.current_epoch)})

    trainer().fit(OwnAxis(), loader())
    assert [point[0] for point in points(recorded(), "epochwise")] == [0, 1]
