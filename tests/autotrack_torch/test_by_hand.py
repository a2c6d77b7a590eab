"""Weights that a script updates without an optimizer of PyTorch."""

from collections.abc import Iterable
from typing import Any

import torch

from tests.autotrack_torch.conftest import Record, loader, loss_of, net


class Descent:
    """An optimizer of the script's own."""

    def __init__(self, weights: Iterable[Any]) -> None:
        self.weights = list(weights)

    def step(self) -> None:
        for weight in self.weights:
            weight.data -= 0.1 * weight.grad
            weight.grad = None


def test_each_call_of_backward_is_a_step_of_the_weights_that_change(record: Record) -> None:
    losses: list[tuple[int, int, float]] = []

    def script() -> None:
        model = net()
        optimizer = Descent(model.parameters())
        data = loader()
        for epoch in range(1, 4):
            for batch in data:
                loss = loss_of(model, batch)
                loss.backward()
                optimizer.step()
                losses.append((len(losses), epoch, loss.item()))

    (run,) = record(script)
    assert run.series("loss") == losses
    assert run.epochs == [1, 2, 3]
    assert (run.params["optimizer:optimizer"], run.params["model:parameters"]) == ("by hand", 8)
    assert "optimizer:lr" not in run.params
    assert run.datasets == ["train"]
    assert len(run.notices) == 1


def test_weights_without_a_module_and_without_data_loader(record: Record) -> None:
    losses: list[tuple[int, int, float]] = []

    def script() -> None:
        w, b = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
        x = torch.linspace(-1, 1, 8)
        for epoch in range(5):
            loss: Any = (w * x + b - 3 * x).square().mean()
            loss.backward()
            with torch.no_grad():
                for weight in (w, b):
                    weight -= 0.1 * weight.grad  # type: ignore[operator]
                    weight.grad = None
            losses.append((len(losses), epoch, loss.item()))

    (run,) = record(script)
    assert run.series("loss") == losses


def test_two_trainings_by_hand_and_one_with_an_optimizer_are_three_runs(record: Record) -> None:
    def train(model: Any, optimizer: Any) -> None:
        for _epoch in range(2):
            for batch in loader():
                loss_of(model, batch).backward()
                optimizer.step()

    def script() -> None:
        for _ in range(2):
            model = net()
            train(model, Descent(model.parameters()))
        model = net()
        train(model, torch.optim.SGD(model.parameters(), lr=0.1))

    assert [len(run.values("loss")) for run in record(script)] == [6, 6, 6]


def test_gradients_of_what_is_not_trained_are_no_steps(record: Record) -> None:
    def script() -> None:
        model = net()
        for x, y in loader():
            loss_of(model, (x, y)).backward()  # what the weights would need
            attack = torch.zeros_like(x, requires_grad=True)
            for _ in range(4):
                loss_of(model, (x + attack, y)).backward()
                attack.data += 0.1 * attack.grad.sign()  # type: ignore[union-attr]

    assert record(script) == []
