"""Optimizers and schedulers of PyTorch behave as its own tests want them to, while they are recorded."""

import copy
import gc
import pickle
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as schedulers
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

import autotrack
from tests.autotrack_torch.conftest import Record

CLASSES = [
    one
    for one in vars(torch.optim).values()
    if isinstance(one, type) and issubclass(one, torch.optim.Optimizer) and one is not torch.optim.Optimizer
]
RATE = torch.tensor(0.01)
OPTIONS: list[dict[str, Any]] = [{}, {"differentiable": True}, {"lr": RATE}]
SCHEDULERS: list[Callable[[Any], Any]] = [
    lambda one: schedulers.LambdaLR(one, lambda epoch: 0.9**epoch),
    lambda one: schedulers.MultiStepLR(one, [1, 3]),
    lambda one: schedulers.CosineAnnealingWarmRestarts(one, 2),
    lambda one: schedulers.CyclicLR(one, 0.1, 0.5, step_size_up=2),
    lambda one: schedulers.OneCycleLR(one, 0.5, total_steps=9),
    lambda one: schedulers.SequentialLR(
        one, [schedulers.ConstantLR(one, 0.1), schedulers.ExponentialLR(one, 0.9)], milestones=[2]
    ),
    lambda one: schedulers.ChainedScheduler([schedulers.LinearLR(one), schedulers.StepLR(one, 2)]),
]


def made(kind: type[Any], options: dict[str, Any]) -> tuple[Any, ...]:
    """Make an optimizer and some steps; return everything that can be seen of it, or why there is none."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4, 3))
    optimizer: Any = None

    def closure() -> Any:
        optimizer.zero_grad()
        loss: Any = (weight @ torch.ones(3)).square().sum()
        loss.backward()
        return loss

    try:
        optimizer = kind([weight], **copy.deepcopy(options))
        returned = [float(optimizer.step(closure)) for _ in range(3)]
    except (RuntimeError, TypeError, ValueError) as error:
        return type(error), str(error)
    again = pickle.loads(pickle.dumps(optimizer))
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2, 2))]})
    states = [str(one.state_dict()) for one in (optimizer, again, copy.deepcopy(optimizer))]
    return returned, weight.tolist(), *states, repr(optimizer)


def scheduled(make: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Use a scheduler before the optimizer and after it; return rates, warnings and states."""
    weight = torch.nn.Parameter(torch.ones(2))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.5)
        scheduler = make(optimizer)
        rates = []
        for number in range(6):
            weight.grad = torch.ones(2)
            for one in (scheduler, optimizer)[:: 1 if number == 0 else -1]:
                one.step()
            rates.append(optimizer.param_groups[0]["lr"])
    state = {name: value for name, value in scheduler.state_dict().items() if not name.startswith("_sched")}
    texts = [(str(one.message), one.category, Path(one.filename).name, one.lineno) for one in said]
    return rates, scheduler.get_last_lr(), str(state.keys()), texts


@pytest.mark.filterwarnings("ignore")
def test_every_optimizer_and_scheduler_does_what_it_does_alone(record: Record) -> None:
    def everything() -> list[Any]:
        optimized = [made(kind, options) for kind in CLASSES for options in OPTIONS]
        return [*optimized, *map(scheduled, SCHEDULERS)]

    def watch() -> None:
        with autotrack.start_run():  # many would take longer
            watched.extend(everything())

    alone, watched = everything(), list[Any]()
    (run,) = record(watch)
    assert watched == alone
    assert len([one for one in alone if isinstance(one[0], list)]) > 30
    assert run.notices == []


@pytest.fixture
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_collector")
def test_optimizer_and_scheduler_are_in_no_cycle(store: Path) -> None:
    autotrack.autolog(to=str(store))

    def training() -> list[weakref.ref[Any]]:
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.SGD([weight], lr=0.5)
        assert gc.get_referrers(optimizer) == []
        scheduler = schedulers.LambdaLR(optimizer, lambda _: 1.0)
        for _epoch in range(2):
            weight.sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            scheduler.step()
        return [weakref.ref(one) for one in (weight, scheduler)]

    assert [one() for one in training()] == [None, None]


def test_hooks_of_the_script_are_called_as_before(store: Path) -> None:
    called: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: called.append(name)

    autotrack.autolog(to=str(store))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    handles = [
        register_optimizer_step_pre_hook(note("before any")),
        optimizer.register_step_pre_hook(note("before")),
        optimizer.register_step_post_hook(note("after")),
        register_optimizer_step_post_hook(note("after any")),
    ]
    optimizer.step()
    assert called == ["before any", "before", "after", "after any"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(called) == 4
