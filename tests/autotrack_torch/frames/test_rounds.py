"""Trainings that are made of rounds, in which copies of a model or several models are trained in turn, are one run."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def sgd(model: Any, lr: float = 0.1) -> Any:
    return torch.optim.SGD(model.parameters(), lr=lr)


def fit(model: Any, optimizer: Any, epochs: int = 2) -> Any:
    for _epoch in range(epochs):
        for batch in loader():
            optimizer.zero_grad()
            loss_of(model, batch).backward()
            optimizer.step()
    return model.state_dict()


def mean(states: list[Any]) -> Any:
    return {name: sum(state[name] for state in states) / len(states) for name in states[0]}


def federated() -> None:
    server = net()
    for iter in range(3):  # noqa: A001, B007  as a well-known script calls it
        server.load_state_dict(mean([fit(local, sgd(local)) for local in (copy.deepcopy(server) for _ in range(2))]))


def federated_with_rates_that_fall() -> None:
    server = net()
    for epoch in range(3):
        states = []
        for _user in range(2):
            local = copy.deepcopy(server)
            optimizer = sgd(local, 0.1 * 0.5**epoch)
            states.append(fit(local, optimizer))
        server.load_state_dict(mean(states))


def a_fresh_optimizer_in_each_epoch() -> None:
    model = net()
    for _epoch in range(12):
        optimizer = sgd(model)
        for batch in loader():
            loss_of(model, batch).backward()
            optimizer.step()


def reptile(steps: int = 6) -> None:
    model = net()
    (batch,) = loader(12, 12)
    for _iteration in range(6):
        learner = copy.deepcopy(model)
        optimizer = sgd(learner)
        for _ in range(steps):
            loss_of(learner, batch).backward()
            optimizer.step()
        with torch.no_grad():
            for mine, theirs in zip(model.parameters(), learner.parameters(), strict=True):
                mine += 0.5 * (theirs - mine)


@pytest.mark.parametrize(
    "script", [federated, federated_with_rates_that_fall, a_fresh_optimizer_in_each_epoch, reptile]
)
def test_what_is_made_anew_in_each_round_goes_on_with_one_run(record: Record, script: Callable[[], None]) -> None:
    (run,) = record(script)
    assert [step for step, _, _ in run.series("loss")] == list(range(36))
    assert {name for name in run.names if name.startswith(("loss", "lr"))} == {"loss", "lr-SGD"}
    assert {name for name in run.params if name.startswith("optimizer") and ":lr" in name} == {"optimizer:lr"}
    if script is not reptile:
        assert run.epochs == list(range(12))


def test_an_optimizer_of_the_original_makes_a_step_after_those_of_each_copy(record: Record) -> None:
    def script() -> None:
        model = net()
        outer = sgd(model, 1.0)
        (batch,) = loader(12, 12)
        for _meta_iteration in range(3):
            learner = copy.deepcopy(model)
            inner = torch.optim.Adam(learner.parameters())
            for _ in range(4):
                loss_of(learner, batch).backward()
                inner.step()
            for mine, theirs in zip(model.parameters(), learner.parameters(), strict=True):
                mine.grad = (mine - theirs).detach()
            outer.step()

    (run,) = record(script)
    assert (len(run.values("lr-Adam")), len(run.values("lr-SGD"))) == (12, 3)


def test_the_model_of_a_federated_training_is_the_one_that_the_copies_are_of(record: Record, store: Path) -> None:
    server = net()

    def script() -> None:
        for _round in range(2):
            server.load_state_dict(mean([fit(local, sgd(local)) for local in [copy.deepcopy(server)] * 2]))

    record(script)
    (kept,) = store.glob("*/*/model/data/model.pth")
    assert torch.load(kept, weights_only=False).weight.tolist() == server.weight.tolist()


def test_inner_steps_without_an_optimizer_are_no_steps(record: Record) -> None:
    losses: list[float] = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        ((x, y),) = loader(12, 12)
        for _ in range(4):
            weights = dict(model.named_parameters())
            for _inner in range(2):
                inner = cross_entropy(functional_call(model, weights, (x,)), y)
                gradients = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
                weights = {
                    name: one - 0.1 * gradient
                    for (name, one), gradient in zip(weights.items(), gradients, strict=True)
                }
            optimizer.zero_grad()
            loss: Any = cross_entropy(functional_call(model, weights, (x,)), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    (run,) = record(script)
    assert run.values("loss") == losses


def test_a_population_that_is_trained_generation_by_generation_is_one_run(record: Record) -> None:
    def script() -> None:
        population = [net() for _ in range(3)]
        optimizers = [sgd(one) for one in population]
        for _generation in range(2):
            for model, optimizer in zip(population, optimizers, strict=True):
                fit(model, optimizer)

    (run,) = record(script)
    points = [point for name in run.names if name.startswith("loss") for point in run.series(name)]
    assert {step for step, _, _ in points} == set(range(36))
    assert len(points) == 36
    assert len([name for name in run.names if name.startswith("loss")]) == 3


@pytest.mark.parametrize("kind", ["rates", "iterations"])
def test_trainings_that_only_begin_alike_are_several_runs(record: Record, kind: str) -> None:
    def rates() -> None:
        model = net()
        for lr in (0.1, 0.2, 0.3):
            own = copy.deepcopy(model)
            fit(own, sgd(own, lr))

    def iterations() -> None:  # of a search at random
        best = None
        for _iteration in range(3):
            model = net()
            fit(model, sgd(model))
            best = copy.deepcopy(model)
        assert best is not None

    assert [len(run.values("loss")) for run in record(rates if kind == "rates" else iterations)] == [6, 6, 6]
