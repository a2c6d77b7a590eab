"""A step that `torch.compile` has compiled as a whole is recorded by its loss."""

from typing import Any

import pytest
import torch

from tests.autotrack_torch.conftest import Record, loader, loss_of, net


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
