"""A step that `torch.compile` has compiled as a whole is recorded by its loss."""

from typing import Any

import pytest
import torch

import autotrack
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def train_unseen() -> None:
    """Make compiled steps after gradients that no call of `backward` computes."""
    with autotrack.start_run("unseen"):
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        step = torch.compile(optimizer.step, backend="eager")
        for batch in loader():
            gradients = torch.autograd.grad(loss_of(model, batch), list(model.parameters()))
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.grad = gradient
            step()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow  # importing the compiler takes seconds
def test_each_call_of_backward_is_a_step(record: Record) -> None:
    expected: list[Any] = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)

        @torch.compile(backend="eager")
        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = loss_of(model, (x, y))
            loss.backward()
            optimizer.step()
            return loss

        data = loader()
        for epoch in range(2):
            for x, y in data:
                expected.append((len(expected), epoch, step(x, y).item()))
            scheduler.step()

    (run,) = record(script)
    assert run.series("loss") == expected
    assert run.params["optimizer:momentum"] == 0.5
    assert ["is compiled" in one for one in run.notices] == [True]
    assert run.datasets == ["train"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_a_run_says_that_its_steps_were_not_seen(record: Record) -> None:
    (run,) = record(train_unseen)
    assert [one for one in run.notices if "none of them was seen" in one]
