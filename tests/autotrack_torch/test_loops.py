"""Loops of all kinds: which steps, epochs, losses and runs they come to."""

import contextlib
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
import torch
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

import autotrack
from autotrack.journal.records import RunStarted
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def test_each_step_has_its_loss_and_rate_and_each_epoch_its_number_and_times(record: Record) -> None:
    losses: list[Any] = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        train_loader = loader()
        for epoch in range(1, 4):
            for batch in train_loader:
                optimizer.zero_grad()
                loss = loss_of(model, batch)
                loss.backward()
                optimizer.step()
                losses.append((len(losses), epoch, loss.item()))
            scheduler.step()

    (run,) = record(script)
    assert run.series("loss") == losses
    assert run.values("lr-SGD") == [0.5] * 3 + [0.25] * 3 + [0.125] * 3
    assert run.epochs == [1, 2, 3]
    for name in ("epoch_seconds", "samples_per_second", "data_wait_percent"):
        assert [(step, epoch) for step, epoch, _ in run.series(name)] == [(2, 1), (5, 2), (8, 3)]
    assert run.status == "finished"
    assert not run.notices


def test_of_steps_that_are_not_recorded_the_last_one_of_an_epoch_is(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _epoch in range(2):
            for batch in loader(samples=20):
                loss_of(model, batch).backward()
                optimizer.step()

    (run,) = record(script, log_every_n_steps=2)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(1, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 1)]


def test_gradients_of_several_batches_are_one_step_whose_loss_is_their_sum(record: Record) -> None:
    sums = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        total = 0.0
        for number, batch in enumerate(loader(samples=16)):
            loss = loss_of(model, batch) / 2
            loss.backward()
            total += loss.item()
            if number % 2:
                optimizer.step()
                optimizer.zero_grad()
                sums.append(total)
                total = 0.0

    (run,) = record(script)
    assert run.values("loss") == pytest.approx(sums)
    assert run.params["torch:accumulate_grad_batches"] == 2


def test_two_optimizers_take_turns_in_one_step(record: Record) -> None:
    def script() -> None:
        generator, critic = map(torch.nn.Linear, (2, 3), (3, 1))
        optimizer_g = torch.optim.Adam(generator.parameters(), lr=0.1)
        optimizer_d = torch.optim.Adam(critic.parameters(), lr=0.2)
        for _epoch in range(2):
            for x, _ in loader(samples=8):
                fake = generator(torch.ones(4, 2))
                loss_d = critic(fake.detach()).mean() - critic(x).mean()
                optimizer_d.zero_grad()
                loss_d.backward()
                optimizer_d.step()
                loss_g = -critic(fake).mean()
                optimizer_g.zero_grad()
                loss_g.backward()
                optimizer_g.step()

    (run,) = record(script)
    expected = [(0, 0), (1, 0), (2, 1), (3, 1)]
    for name in ("loss/d", "loss/g", "lr-Adam", "lr-Adam-1"):
        assert [(step, epoch) for step, epoch, _ in run.series(name)] == expected
    assert set(run.values("lr-Adam")) == {0.2}  # in the order of their first steps
    assert run.params["optimizer1:optimizer1.lr"] == 0.1


def test_several_losses_of_a_step_are_told_apart_by_their_variables(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for batch in loader():
            losses = {"data": loss_of(model, batch)}
            penalty = model.weight.square().sum()
            losses["data"].backward()
            penalty.backward()
            (0.1 * model.bias.square().sum()).backward()
            optimizer.step()

    (run,) = record(script)
    assert {name for name in run.names if name.startswith("loss")} == {"loss/data", "loss/penalty", "loss/bias"}


def test_a_loop_left_early_and_batches_passed_over(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        train_loader = loader(samples=20)
        for epoch in range(2):
            for number, batch in enumerate(train_loader):
                if number == 1:
                    continue
                if number == 3 and epoch == 0:
                    break
                loss_of(model, batch).backward()
                optimizer.step()

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 1)]
    assert [(step, epoch) for step, epoch, _ in run.series("epoch_seconds")] == [(1, 0), (5, 1)]


def test_an_exception_reaches_the_script_and_what_follows_is_the_same_run(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _epoch in range(2):
            with contextlib.suppress(LookupError):
                for number, batch in enumerate(loader()):
                    loss_of(model, batch).backward()
                    optimizer.step()
                    if number == 1:
                        raise LookupError

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(0, 0), (1, 0), (2, 1), (3, 1)]


def test_evaluations_within_an_epoch_and_after_it(record: Record) -> None:
    def evaluate(model: torch.nn.Module, data: Any) -> None:
        with torch.no_grad():
            for batch in data:
                loss_of(model, batch)

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        train_loader, val_loader, test_loader = loader(), loader(8), loader(4)
        for _epoch in range(2):
            for batch in train_loader:
                loss_of(model, batch).backward()
                optimizer.step()
                evaluate(model, val_loader)
        for _ in test_loader:  # without a block that forbids gradients
            pass

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(n, n // 3) for n in range(6)]
    assert run.datasets == ["train", "validate", "test"]
    assert run.params["data.validate:num_samples"] == 8
    assert len(run.series("epoch_seconds")) == 2


def test_an_attack_in_an_evaluation_is_no_loss_of_a_step(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _epoch in range(2):
            for batch in loader():
                loss_of(model, batch).backward()
                optimizer.step()
            for x, y in loader(4):
                x.requires_grad_()
                attack = loss_of(model, (x, y))
                attack.backward()

    (run,) = record(script)
    assert {name for name in run.names if "loss" in name} == {"loss"}
    assert len(run.series("loss")) == 6


def test_closures_of_lbfgs_count_as_the_step_that_calls_them(record: Record) -> None:
    first = []

    def script() -> None:
        weight = torch.nn.Parameter(torch.tensor([3.0]))
        optimizer: Any = torch.optim.LBFGS([weight], max_iter=4)
        for _epoch in range(3):

            def closure() -> Any:
                optimizer.zero_grad()
                loss: Any = (weight - 1).square().sum()
                loss.backward()
                return loss

            first.append(optimizer.step(closure).item())

    (run,) = record(script)
    assert run.series("loss") == [(step, step, value) for step, value in enumerate(first)]


def train(model: Any, optimizer: Any, data: Any = None, epochs: int = 2) -> None:
    data = data or loader()
    for _epoch in range(epochs):
        for batch in data:
            loss_of(model, batch).backward()
            optimizer.step()


def test_several_trainings_are_several_runs(record: Record) -> None:
    def script() -> None:
        for rate in (0.1, 0.2, 0.3):
            model = net()
            train(model, torch.optim.SGD(model.parameters(), lr=rate))

    runs = record(script)
    assert [run.values("lr-SGD") for run in runs] == [[0.1] * 6, [0.2] * 6, [0.3] * 6]
    assert [run.epochs for run in runs] == [[0, 1]] * 3
    assert {run.status for run in runs} == {"finished"}


def test_trainings_whose_models_and_optimizers_all_live_on_are_several_runs(record: Record) -> None:
    def script() -> None:
        models = [net() for _ in range(3)]
        optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
        for model, optimizer in zip(models, optimizers, strict=True):
            for _epoch in range(2):
                for batch in loader():
                    loss_of(model, batch).backward()
                    optimizer.step()

    assert [len(run.series("loss")) for run in record(script)] == [6, 6, 6]


def test_a_model_that_is_tuned_further_with_another_optimizer_is_the_same_run(record: Record) -> None:
    def script() -> None:
        model = torch.nn.Sequential(net(), torch.nn.ReLU(), torch.nn.Linear(2, 2))
        train(model, torch.optim.Adam(model.parameters()))
        model[2] = torch.nn.Linear(2, 2)
        train(model, torch.optim.SGD(model[2].parameters(), lr=0.1), epochs=1)

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(n, n // 3) for n in range(9)]
    assert len(run.values("lr-Adam")) == 6
    assert len(run.values("lr-SGD")) == 3


def test_optimizers_of_inner_loops_belong_to_the_step_around_them(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _epoch in range(2):
            for batch in loader():
                learner = net()
                inner = torch.optim.SGD(learner.parameters(), lr=0.1)
                for _ in range(3):
                    loss_of(learner, batch).backward()
                    inner.step()
                loss_of(model, batch).backward()
                optimizer.step()

    (run,) = record(script)
    assert run.values("lr-SGD") == [0.5] * 6
    assert len(run.values("loss")) == 6


def test_loops_without_a_data_loader_count_epochs_by_their_variable(record: Record) -> None:
    def batches(x: torch.Tensor) -> Iterator[torch.Tensor]:
        for start in range(0, len(x), 4):
            yield x[start : start + 4]

    def script() -> None:
        x = torch.ones(8, 3)
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _epoch in range(1, 3):
            for batch in batches(x):
                mse_loss(model(batch), batch[:, :1]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(0, 1), (1, 1), (2, 2), (3, 2)]
    assert [(step, epoch) for step, epoch, _ in run.series("epoch_seconds")] == [(1, 1), (3, 2)]


def test_batches_that_are_kept_in_a_list_are_no_pass_that_goes_on(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        kept = list(loader())
        for i in range(2):  # noqa: B007  it counts the epochs
            for batch in kept:
                loss_of(model, batch).backward()
                optimizer.step()

    (run,) = record(script)
    assert [epoch for _, epoch, _ in run.series("loss")] == [0, 0, 0, 1, 1, 1]


def test_a_batch_from_a_fresh_iterator_at_each_step_is_no_epoch(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        data = loader()
        for _step in range(4):
            loss_of(model, next(iter(data))).backward()
            optimizer.step()

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(step, 0) for step in range(4)]


def test_two_loaders_side_by_side_are_one_epoch(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        peeked = iter(loader())
        next(peeked)  # and never looked at again
        labelled, unlabelled = loader(), loader(4)
        for _ in range(2):
            for batch, _other in zip(labelled, cycle(unlabelled), strict=False):
                loss_of(model, batch).backward()
                optimizer.step()

    (run,) = record(script)
    assert [epoch for _, epoch, _ in run.series("loss")] == [0, 0, 0, 1, 1, 1]
    assert run.datasets == ["train", "train", "train"]  # what is peeked at when training begins counts as well


class Trainer:
    """A trainer of the user's own, with everything in attributes."""

    def __init__(self) -> None:
        self.model = net()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.25)
        self.train_loader: DataLoader[Any] = loader(shuffle=True)
        self.valid_loader: DataLoader[Any] = loader(8)
        self.epoch = 0

    def fit(self) -> None:
        while self.epoch < 2:
            self.model.train()
            for x, y in self.train_loader:
                self.optimizer.zero_grad()
                self.criterion(self.model(x), y).backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
                self.optimizer.step()
            self.model.eval()
            with torch.inference_mode():
                for x, y in self.valid_loader:
                    self.criterion(self.model(x), y)
            self.epoch += 1


def test_a_trainer_of_the_users_own(record: Record) -> None:
    (run,) = record(lambda: Trainer().fit())
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(n, n // 3) for n in range(6)]
    assert len(run.values("grad_norm")) == 6
    params = run.params
    assert params["optimizer:optimizer"] == "AdamW"
    assert params["model:model"] == "torch.nn.modules.linear.Linear"
    assert params["model:parameters"] == 8
    assert params["loss_function:loss_function"] == "CrossEntropyLoss"
    assert params["loss_function:loss_function.label_smoothing"] == 0.25
    assert params["torch:gradient_clip_val"] == 0.5
    assert params["data.train:shuffle"] is True
    assert params["data.train:batch_size"] == 4
    assert run.datasets == ["train", "validate"]
    assert "Linear" in run.texts["model_summary"] or "total" in run.texts["model_summary"]


def test_a_loop_in_a_run_of_a_person_adds_to_it(record: Record) -> None:
    def script() -> None:
        with autotrack.start_run("mine") as run:
            for rate in (0.1, 0.2):
                model = net()
                train(model, torch.optim.SGD(model.parameters(), lr=rate), epochs=1)
            assert run.status == "running"

    (run,) = record(script)
    assert [step for step, _, _ in run.series("loss")] == list(range(6))


def test_a_run_of_a_person_after_a_loop_is_no_part_of_it(record: Record) -> None:
    def script() -> None:
        model = net()
        train(model, torch.optim.SGD(model.parameters(), lr=0.1))
        with autotrack.start_run("later") as run:
            run.log({"accuracy": 1.0}, step=0)

    first, second = record(script)
    assert first.status == "finished"
    assert second.of(RunStarted)[0].parent is None
    assert second.names == {"accuracy"}


def test_loaders_that_are_made_where_they_are_iterated_are_recorded_once(record: Record) -> None:
    def script() -> None:
        data = TensorDataset(torch.ones(16, 3), torch.ones(16, 1))
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _epoch in range(3):
            for x, y in DataLoader(data, batch_size=8, shuffle=True):
                optimizer.zero_grad()
                mse_loss(model(x), y).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            with torch.no_grad():
                for x, _ in DataLoader(data, batch_size=4):
                    model(x)

    (run,) = record(script)
    assert (run.params["data.train:batch_size"], run.params["data.train:shuffle"]) == (8, True)
    assert run.params["data.validate:batch_size"] == 4
    assert run.datasets == ["train", "validate"]


@pytest.mark.parametrize("in_one_run", [False, True])
def test_what_is_left_over_from_a_training_is_no_part_of_the_next_one(record: Record, in_one_run: bool) -> None:
    def accumulate() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for number, batch in enumerate(loader()):
            loss = loss_of(model, batch)
            loss.backward()
            kept.append(loss.item())
            if number == 1:
                optimizer.step()
                optimizer.zero_grad()

    kept: list[float] = []

    def script() -> None:
        with autotrack.start_run() if in_one_run else contextlib.nullcontext():
            for _fold in range(2):
                accumulate()

    runs = record(script)
    assert [value for run in runs for value in run.values("loss")] == [kept[0] + kept[1], kept[3] + kept[4]]


def test_data_that_is_evaluated_first_and_trained_on_later_is_recorded_as_both(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        easy, hard = loader(4), loader(8)
        for data in (easy, hard, hard):
            for batch in data:
                loss_of(model, batch).backward()
                optimizer.step()
            with torch.no_grad():
                for batch in hard:
                    loss_of(model, batch)

    (run,) = record(script)
    assert run.datasets == ["train", "validate", "train"]
