"""Every step has the learning rate that it was made with, under the name that LearningRateMonitor gives."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrack
from tests.support.lightning_modules import make_loader, module_class

pytestmark = pytest.mark.usefixtures("autolog")


def rates(run: Any, name: str = "lr-SGD") -> list[Any]:
    return [(point.step, pytest.approx(point.value)) for point in run.history(name)]


def watching(net: Any) -> Any:
    """A module with an optimizer that notes with which rate it makes each step."""

    class Watched(torch.optim.SGD):
        used: list[float] = []  # noqa: RUF012  one training a test

        def step(self, closure: Any = None) -> Any:
            result = super().step(closure)
            self.used.append(float(self.param_groups[0]["lr"]))
            return result

    Watched.__name__ = "SGD"

    class Watching(net):  # type: ignore[misc]  # a class that is only known when the test runs
        used = Watched.used
        as_tensor = False

        def configure_optimizers(self) -> Any:
            return Watched(self.parameters(), lr=torch.tensor(self.lr) if self.as_tensor else self.lr)

        def set_rate(self, rate: float) -> None:
            group = self.trainer.optimizers[0].param_groups[0]
            if self.as_tensor:
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    return Watching


def in_batch_start(net: Any) -> Any:
    class Sets(watching(net)):  # type: ignore[misc]
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            self.set_rate(0.1 / (1 + self.global_step))

    return Sets


def in_optimizer_step(net: Any) -> Any:
    class Sets(watching(net)):  # type: ignore[misc]
        def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
            self.set_rate(0.1 / (1 + self.global_step))
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
            self.set_rate(9.0)

    return Sets


def in_place(net: Any) -> Any:
    class Sets(watching(net)):  # type: ignore[misc]
        as_tensor = True

        def on_train_batch_end(self, *_: Any) -> None:
            self.set_rate(0.1 / (1 + self.global_step))

    return Sets


@pytest.mark.parametrize("sets", [in_batch_start, in_optimizer_step, in_place])
def test_the_rate_is_the_one_that_the_step_was_made_with(
    sets: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    module = sets(net)(lr=0.1)
    trainer().fit(module, loader())
    assert rates(recorded()) == list(enumerate(module.used))
    assert len(module.used) == 10


@pytest.mark.parametrize("sets", [in_batch_start, in_optimizer_step])
def test_a_training_of_few_steps_has_the_rate_of_the_last_step_of_each_epoch(
    sets: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    module = sets(net)(lr=0.1)
    trainer(log_every_n_steps=50).fit(module, loader())
    assert rates(recorded()) == [(4, module.used[4]), (9, module.used[9])]


def test_a_training_that_fails_has_the_rate_of_the_last_step_it_made(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    module = in_batch_start(net)(lr=0.1, fail_at=3)
    with pytest.raises(LookupError):
        trainer(log_every_n_steps=50).fit(module, loader())
    assert rates(recorded()) == [(2, module.used[2])]


def groups(names: list[str | None]) -> Any:
    def configure(self: Any) -> Any:
        parts = [self.layer.parameters(), self.head.parameters()]
        held = [{"params": part, "lr": 0.1 * (index + 1)} for index, part in enumerate(parts)]
        return torch.optim.SGD([{**group, **({"name": name} if name else {})} for group, name in zip(held, names)])  # noqa: B905

    return configure


def named_scheduler(self: Any) -> Any:
    optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "name": "my_lr"}}


def two_of_a_kind(self: Any) -> Any:
    self.automatic_optimization = False
    one, two = (torch.optim.SGD(part.parameters(), lr=0.1) for part in (self.layer, self.head))
    return [one, two], [torch.optim.lr_scheduler.StepLR(two, 1)]


CONFIGURED = [
    groups(["backbone", "head"]),
    groups([None, "head"]),
    groups([None, None]),
    named_scheduler,
    two_of_a_kind,
]


@pytest.mark.parametrize("configure", CONFIGURED)
def test_names_and_values_are_those_of_learning_rate_monitor(
    configure: Any, pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Configured(net):  # type: ignore[misc]
        configure_optimizers = configure

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            if not self.automatic_optimization:
                self.manual_backward(loss)
                for optimizer in self.optimizers():
                    optimizer.step()
            return loss

    logger, monitor = pl.loggers.CSVLogger("csv"), pl.callbacks.LearningRateMonitor("step")
    trainer(logger=logger, callbacks=[monitor]).fit(Configured(), loader())
    rows = list(csv.DictReader((Path(logger.log_dir) / "metrics.csv").open()))
    expected = {
        name: [(int(row["step"]), pytest.approx(float(row[name]))) for row in rows if row[name]]
        for name in monitor.lrs
    }
    run = recorded()
    others = {"loss", "epoch_seconds", "samples_per_second", "data_wait_percent", "checkpoint_seconds"}
    assert {name: rates(run, name) for name in set(run.metrics) - others} == expected
    assert not run.notices


def test_an_optimizer_that_is_exchanged_has_its_own_name(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Exchanging(net):  # type: ignore[misc]
        def on_train_epoch_start(self) -> None:
            if self.current_epoch == 1:
                self.trainer.optimizers = [torch.optim.Adam(self.parameters(), lr=0.2)]

    trainer().fit(Exchanging(lr=0.1), loader())
    assert rates(recorded(), "lr-SGD") == [(step, 0.1) for step in range(5)]
    assert rates(recorded(), "lr-Adam") == [(step, 0.2) for step in range(5, 10)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=st.lists(st.floats(1e-6, 1), min_size=1, max_size=8), every=st.integers(1, 9))
def test_whatever_the_schedule_every_point_is_the_rate_of_its_step(schedule: list[float], every: int) -> None:
    pl = pytest.importorskip("lightning.pytorch")

    class Scheduled(watching(module_class(pl))):  # type: ignore[misc]
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            self.set_rate(schedule[self.global_step % len(schedule)])

    module = Scheduled()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    pl.Trainer(max_epochs=2, enable_checkpointing=False, log_every_n_steps=every, **quiet).fit(module, make_loader())
    found = rates(autotrack.runs("runs")[0])
    assert found == [(step, module.used[step]) for step, _ in found]
    assert {step // 5 for step, _ in found} == {0, 1}
