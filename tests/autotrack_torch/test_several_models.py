"""Several models and optimizers in one loop: whose loss is whose, and which steps are one."""

from typing import Any

import pytest
import torch

from tests.autotrack_torch.conftest import Record, Recorded, loader, loss_of, net


def sgd(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), lr=0.1)


def train_step(model: Any, optimizer: Any, batch: Any) -> float:
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    return float(loss.item())


def losses(run: Recorded) -> dict[str, list[Any]]:
    return {name: run.series(name) for name in sorted(run.names) if name.startswith("loss")}


class Agent:
    def __init__(self) -> None:
        self.net = net()
        self.optimizer = sgd(self.net)


@pytest.mark.parametrize("kind", ["list", "dict", "objects"])
def test_models_that_one_line_trains_have_a_loss_each(record: Record, kind: str) -> None:
    expected: dict[str, list[Any]] = {}

    def script() -> None:
        agents = [Agent() for _ in range(3)]
        if kind == "list":
            models = [agent.net for agent in agents]
            optimizers = [agent.optimizer for agent in agents]
            del agents
        elif kind == "dict":
            by_name = dict(zip("abc", agents, strict=True))
            del agents
        for epoch in range(2):
            for number, batch in enumerate(loader()):
                if kind == "list":
                    turns = [
                        (index, one, other) for index, (one, other) in enumerate(zip(models, optimizers, strict=True))
                    ]
                    pairs: Any = turns
                elif kind == "dict":
                    pairs = [(name, agent.net, agent.optimizer) for name, agent in by_name.items()]
                else:
                    pairs = [(index, agent.net, agent.optimizer) for index, agent in enumerate(agents)]
                for label, model, optimizer in pairs:
                    point = 3 * epoch + number, epoch, train_step(model, optimizer, batch)
                    expected.setdefault(f"loss/{label}", []).append(point)

    (run,) = record(script)
    assert losses(run) == expected


def test_models_that_have_an_epoch_each_in_turn(record: Record) -> None:
    count: dict[str, int] = {}

    def script() -> None:
        models = [net() for _ in range(3)]
        optimizers = [sgd(model) for model in models]
        for _epoch in range(2):
            for model, optimizer in zip(models, optimizers, strict=True):
                for batch in loader():
                    train_step(model, optimizer, batch)

    (run,) = record(script)
    assert [[step for step, _, _ in points] for points in losses(run).values()] == [
        [0, 1, 2, 9, 10, 11],
        [3, 4, 5, 12, 13, 14],
        [6, 7, 8, 15, 16, 17],
    ]
    assert list(losses(run)) == ["loss/0", "loss/1", "loss/2"]
    assert not count


def test_a_gan_whose_halves_share_a_function_is_told_apart_by_its_variables(record: Record) -> None:
    def script() -> None:
        generator, critic = net(), net()
        opt_g, opt_d = sgd(generator), sgd(critic)
        for batch in loader():
            train_step(critic, opt_d, batch)
            train_step(generator, opt_g, batch)

    (run,) = record(script)
    assert {name: [step for step, _, _ in points] for name, points in losses(run).items()} == {
        "loss/d": [0, 1, 2],
        "loss/g": [0, 1, 2],
    }


def test_one_loss_for_several_optimizers_is_one(record: Record) -> None:
    def script() -> None:
        encoder, decoder = torch.nn.Linear(3, 3), net()
        optimizers = [sgd(encoder), sgd(decoder)]
        for batch in loader():
            loss_of(decoder, (encoder(batch[0]), batch[1])).backward()
            for optimizer in optimizers:
                optimizer.step()

    (run,) = record(script)
    assert {name: [step for step, _, _ in points] for name, points in losses(run).items()} == {"loss": [0, 1, 2]}


def clip(*models: Any) -> float:
    weights = [one for model in models for one in model.parameters()]
    return float(torch.nn.utils.clip_grad_norm_(weights, 0.5).item())


def norms(run: Recorded) -> dict[str, list[Any]]:
    return {name: run.series(name) for name in sorted(run.names) if name.startswith("grad_norm")}


def test_each_optimizer_has_the_norm_of_its_own_gradients_from_the_first_step_on(record: Record) -> None:
    expected: dict[str, list[Any]] = {"grad_norm/SGD": [], "grad_norm/SGD-1": []}

    def script() -> None:
        generator, critic = net(), net()
        opt_g, opt_d = sgd(generator), sgd(critic)
        for step, batch in enumerate(loader()):
            loss_of(generator, batch).backward()
            loss_of(critic, batch).mul(3).backward()
            for name, model in zip(expected, (generator, critic), strict=True):
                expected[name].append((step, 0, clip(model)))
            for optimizer in (opt_g, opt_d):
                optimizer.step()
                optimizer.zero_grad()

    (run,) = record(script)
    assert norms(run) == expected


def test_the_norm_of_what_several_optimizers_apply_together_is_one(record: Record) -> None:
    expected = []

    def script() -> None:
        encoder, decoder = torch.nn.Linear(3, 3), net()
        optimizers = [sgd(encoder), sgd(decoder)]
        for step, batch in enumerate(loader()):
            loss_of(decoder, (encoder(batch[0]), batch[1])).backward()
            expected.append((step, 0, clip(encoder, decoder)))
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

    (run,) = record(script)
    assert norms(run) == {"grad_norm": expected}


def test_parts_of_one_model_that_are_clipped_apart_have_a_norm_each(record: Record) -> None:
    expected: dict[str, list[Any]] = {"grad_norm": [], "grad_norm-2": []}

    def script() -> None:
        model = torch.nn.Sequential(torch.nn.Linear(3, 3), net())
        optimizer = sgd(model)
        for step, batch in enumerate(loader()):
            loss_of(model, batch).backward()
            for name, part in zip(expected, model, strict=True):
                expected[name].append((step, 0, clip(part)))
            optimizer.step()
            optimizer.zero_grad()

    (run,) = record(script)
    assert norms(run) == expected


def test_several_models_that_train_one_after_the_other_are_runs_with_a_plain_loss(record: Record) -> None:
    def script() -> None:
        agents = [Agent() for _ in range(2)]
        for agent in agents:
            for _epoch in range(2):
                for batch in loader():
                    train_step(agent.net, agent.optimizer, batch)

    runs = record(script)
    assert [list(losses(run)) for run in runs] == [["loss"]] * 2
    assert [len(run.series("loss")) for run in runs] == [6, 6]


class Layer:
    def __init__(self) -> None:
        self.net = net()
        self.optimizer = sgd(self.net)

    def train(self, batch: Any) -> None:
        for _i in range(4):
            train_step(self.net, self.optimizer, batch)


def test_layers_that_train_one_after_the_other_make_all_of_their_steps(record: Record) -> None:
    def script() -> None:
        layers = [Layer(), Layer()]
        (batch,) = loader(12, 12)
        for layer in layers:
            layer.train(batch)
        assert layers

    runs = record(script)
    steps = [step for run in runs for points in losses(run).values() for step, _, _ in points]
    assert steps in ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 0, 1, 2, 3])


def test_a_critic_that_makes_several_steps_for_each_of_the_generator(record: Record) -> None:
    def script() -> None:
        generator, critic = net(), net()
        opt_g, opt_d = sgd(generator), sgd(critic)
        batches = list(loader())
        for _ in range(2):
            for batch in batches:
                opt_d.zero_grad()
                loss_d = loss_of(critic, batch)
                loss_d.backward()
                opt_d.step()
            opt_g.zero_grad()
            loss_g = loss_of(generator, batches[0])
            loss_g.backward()
            opt_g.step()

    (run,) = record(script)
    assert {name: [step for step, _, _ in points] for name, points in losses(run).items()} == {
        "loss/d": [0, 1, 2, 3, 4, 5],
        "loss/g": [2, 5],
    }


def test_optimizers_that_work_in_phases_make_steps_of_their_own(record: Record) -> None:
    def script() -> None:
        first, second = net(), net()
        optimizers = sgd(first), sgd(second)
        batches = list(loader())
        for _round in range(2):
            for model, optimizer in zip((first, second), optimizers, strict=True):
                for batch in batches:
                    train_step(model, optimizer, batch)

    (run,) = record(script)
    steps = sorted(step for points in losses(run).values() for step, _, _ in points)
    assert steps == list(range(12))
