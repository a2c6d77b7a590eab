"""A step that `torch.compile` has compiled as a whole is recorded by its loss."""

from typing import Any

import pytest
import torch

import autotrack
from autotrack.journal.records import Artifact
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


@pytest.mark.slow  # importing the compiler takes seconds
@pytest.mark.parametrize("steps", [1, 3])
def test_what_is_compiled_after_some_steps_is_compiled_as_without_us(steps: int, record: Record) -> None:
    """No hook of ours is left by then, of which PyTorch warns, and which would have it compiled twice."""
    from torch._dynamo.utils import counters

    def script() -> dict[str, int]:
        torch._dynamo.reset()
        counters.clear()
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        (batch,) = loader(4)
        for _ in range(steps):
            loss_of(model, batch).backward()
            optimizer.step()
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        for _ in range(3):
            loss_of(compiled, batch).backward()
            optimizer.step()
        return {f"{kind} {name}": count for kind, counted in counters.items() for name, count in counted.items()}

    expected, counted = script(), list[dict[str, int]]()
    record(lambda: counted.append(script()))
    assert counted == [expected]


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
def test_without_calls_of_backward_each_batch_is_a_step(record: Record) -> None:
    (run,) = record(train_unseen)
    assert run.values("lr-SGD") == [0.5] * 3
    assert ["there are no losses" in one for one in run.notices] == [True]


def train_compiled() -> dict[str, int]:
    """Train with `backward` and the step in one compiled piece, and return what the compiler counts."""
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.5))

    @torch.compile(backend="eager")
    def step(x: Any, y: Any) -> None:
        loss_of(model, (x, y)).backward()
        optimizer.step()

    data = loader()
    for _epoch in range(1, 3):
        for x, y in data:
            optimizer.zero_grad()
            step(x, y)
        optimizer.param_groups[0]["lr"].mul_(0.1)
        with torch.no_grad():
            for batch in loader():
                loss_of(model, batch)
    torch.save(model.state_dict(), "weights.pt")
    return {f"{kind} {name}": count for kind, counted in counters.items() for name, count in counted.items()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_a_training_that_is_compiled_as_a_whole_has_a_run(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(torch._dynamo.config, "trace_autograd_ops"):
        pytest.skip("this version compiles no `backward`")
    monkeypatch.setattr(torch._dynamo.config, "trace_autograd_ops", True)
    counted: list[dict[str, int]] = []
    expected = train_compiled()
    (run,) = record(lambda: counted.append(train_compiled()))
    (found,) = counted
    for name in (
        "frames total",
        "frames ok",
    ):  # that of a function of PyTorch which a wrapper of ours calls is left out
        assert found.pop(name) <= expected.pop(name)
    assert found == expected, "it is compiled as without us"
    rates = [(step, epoch, round(rate, 6)) for step, epoch, rate in run.series("lr-SGD")]
    assert rates == [(0, 1, 0.5), (1, 1, 0.5), (2, 1, 0.5), (3, 2, 0.05), (4, 2, 0.05), (5, 2, 0.05)]
    assert run.epochs == [1, 2]
    assert set(run.datasets) == {"train", "validate"}
    assert len(run.values("epoch_seconds")) == 2
    assert run.params["model:parameters"] == 8
    assert ["there are no losses" in one for one in run.notices] == [True]
    assert [one.step for one in run.of(Artifact) if one.kind == "checkpoint"] == [5]
