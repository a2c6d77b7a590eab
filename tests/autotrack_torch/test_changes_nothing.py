"""A loop with autolog does what it does without: the same numbers, objects, exceptions and compiled code."""

import copy
import gc
import pickle
import random
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import autotrack
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def train(epochs: int = 2) -> tuple[Any, ...]:
    """Train with all that draws random numbers, and return everything that came of it."""
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2)
    losses = []
    for _epoch in range(epochs):
        for batch in loader(shuffle=True):
            optimizer.zero_grad()
            loss = loss_of(model, batch)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            losses.append((loss.item(), norm.item()))
        with torch.no_grad():
            losses += [(loss_of(model, batch).item(), 0.0) for batch in loader(8)]
        scheduler.step()
    states = torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())
    weights = [one.tolist() for one in model.state_dict().values()]
    return losses, weights, str(optimizer.state_dict()), str(scheduler.state_dict()), states


def test_results_and_random_states_are_the_same_bit_by_bit(record: Record) -> None:
    alone = train()
    watched = []
    record(lambda: watched.append(train()))
    assert watched == [alone]


def test_optimizers_and_models_can_be_copied_and_pickled_as_before(store: Path) -> None:
    autotrack.autolog(to=str(store))
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    before = set(vars(model)), set(vars(optimizer)), set(vars(data := loader()))
    for batch in data:
        loss_of(model, batch).backward()
        optimizer.step()
    assert (set(vars(model)), set(vars(optimizer)), set(vars(data))) == before
    again = pickle.loads(pickle.dumps(optimizer))
    assert again.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]
    assert copy.deepcopy(model).state_dict().keys() == model.state_dict().keys()
    copied = copy.deepcopy(optimizer)
    copied.step()
    for function in (torch.Tensor.backward, torch.autograd.backward, DataLoader, torch.nn.utils.clip_grad_norm_):
        assert pickle.loads(pickle.dumps(function)) is function


def test_nothing_of_the_user_is_kept_alive(store: Path) -> None:
    autotrack.autolog(to=str(store))
    gone: list[Any] = []

    def training() -> None:
        model = net()
        optimizer = torch.optim.Adam(model.parameters())
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        data = loader()
        for _epoch in range(2):
            for x, y in data:
                loss = loss_of(model, (x, y))
                loss.backward()
                optimizer.step()
        gone.extend(weakref.ref(one) for one in (model, optimizer, scheduler, data, loss, x, model.weight))
        del model, optimizer, scheduler, data, loss, x
        gc.collect()
        assert [one() for one in gone] == [None] * len(gone)

    training()


def test_an_exception_of_the_data_reaches_the_script_as_it_is(record: Record) -> None:
    class Broken(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            if index == 2:
                raise LookupError("no such sample")
            return torch.ones(3), index % 2

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for batch in DataLoader(Broken(), batch_size=1):
            loss_of(model, batch).backward()
            optimizer.step()

    def error_of(call: Callable[[], Any]) -> LookupError:
        with pytest.raises(LookupError, match="no such sample") as caught:
            call()
        return caught.value

    alone, watched = error_of(script), error_of(lambda: record(script))
    assert watched.__context__ is None
    assert watched.__cause__ is None
    functions = [[frame.name for frame in traceback.extract_tb(one.__traceback__)] for one in (alone, watched)]
    assert functions[0][-4:] == functions[1][-4:]


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_scripted_functions_and_transforms_of_functions_work_as_before(store: Path) -> None:
    autotrack.autolog(to=str(store))

    def twice(a: torch.Tensor) -> torch.Tensor:
        b = (a * 2).sum()
        torch.autograd.backward([b])
        return b

    a = torch.ones(3, requires_grad=True)
    assert torch.jit.script(twice)(a).item() == 6
    assert a.grad is not None
    assert a.grad.tolist() == [2, 2, 2]
    gradient = torch.func.vmap(torch.func.grad(lambda w: (w**2).sum()))(torch.ones(2, 3))
    assert gradient.tolist() == [[2, 2, 2]] * 2
    with pytest.raises(RuntimeError, match="functorch transform"):
        torch.func.grad(lambda w: (w.sum().backward(), w.sum())[1])(torch.ones(3))


COMPILED = """
import sys
import torch
import autotrack
if sys.argv[1] == "on":
    autotrack.autolog()
from torch._dynamo.utils import counters
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.randn(8, 3), torch.arange(8) % 2

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient

def step(x, y):
    loss = torch.nn.functional.cross_entropy(Square.apply(model(x)), y)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss

compiled = torch.compile(step, backend="eager")
print([compiled(x, y).item() for _ in range(3)])
print(counters["stats"], sum(counters["graph_break"].values()), dict(counters["unimplemented"]))
model = torch.compile(model, backend="eager")
print([step(x, y).item() for _ in range(3)], counters["stats"])
print([key for key in counters["graph_break"] if "autotrack" in key])
"""


@pytest.mark.slow
def test_a_compiled_step_has_the_same_graphs(run_script: Callable[..., str]) -> None:
    alone, watched = (run_script(COMPILED, mode) for mode in ("off", "on"))
    assert watched == alone
    assert watched.endswith("[]")
