"""Params hold what optimizers and schedulers were made with, metrics what steps were made with."""

from typing import Any

import pytest
import torch

from tests.autotrack_torch.conftest import Record, loss_of, net


def steps(model: Any, optimizer: Any, after_step: Any, count: int = 4) -> None:
    for _ in range(count):
        loss_of(model, (torch.ones(2, 3), torch.tensor([0, 1]))).backward()
        optimizer.step()
        after_step()


def test_a_cycle_of_rate_and_momentum(record: Record) -> None:
    made: list[Any] = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.75)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=8, pct_start=0.25)
        made.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))

        def note() -> None:
            scheduler.step()
            made.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))

        steps(model, optimizer, note)

    (run,) = record(script)
    assert list(zip(run.values("lr-SGD"), run.values("lr-SGD-momentum"), strict=True)) == made[:4]
    params = run.params
    assert (params["optimizer:lr"], params["optimizer:momentum"]) == (0.5, 0.75)
    assert not [name for name in params if name.startswith("optimizer:max_")]
    assert params["scheduler:scheduler"] == "OneCycleLR"
    assert (params["scheduler:scheduler.max_lr"], params["scheduler:scheduler.pct_start"]) == (1.0, 0.25)
    assert params["scheduler:scheduler.anneal_strategy"] == "cos"


class Warmup(torch.optim.lr_scheduler.LambdaLR):
    def __init__(self, optimizer: Any, warmup_steps: int, peak: float = 0.5) -> None:
        super().__init__(optimizer, lambda step: min(1.0, step / warmup_steps) * peak)


def test_the_arguments_of_a_scheduler_of_the_users_own(record: Record) -> None:
    def script() -> None:
        model = net()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.5)
        steps(model, optimizer, Warmup(optimizer, warmup_steps=10).step)

    params = record(script)[0].params
    assert (params["scheduler:scheduler.warmup_steps"], params["scheduler:scheduler.peak"]) == (10, 0.5)


@pytest.mark.parametrize("several", [False, True])
def test_what_the_script_itself_changes(record: Record, several: bool) -> None:
    def script() -> None:
        model = net()
        groups: Any = [{"params": [model.weight], "weight_decay": 0.25}, {"params": [model.bias]}]
        optimizer = torch.optim.AdamW(groups if several else groups[:1], lr=0.5)
        for group in optimizer.param_groups:
            group["lr"] = 0.125  # before the first step

        def change() -> None:
            optimizer.param_groups[0]["weight_decay"] *= 2

        steps(model, optimizer, change)

    (run,) = record(script)
    name = "lr-AdamW/pg1" if several else "lr-AdamW"
    assert run.values(name) == [0.125] * 4
    assert run.series(f"{name}-weight_decay") == [(1, None, 0.5), (2, None, 1.0), (3, None, 2.0)]
    assert {name for name in run.names if "momentum" in name or "pg2-" in name} == set()
    assert (run.params["optimizer:lr"], run.params["optimizer:weight_decay"]) == (0.5, 0.25)


def test_what_a_checkpoint_brings_is_in_force(record: Record) -> None:
    def script() -> None:
        model = net()
        saved = torch.optim.SGD(model.parameters(), lr=0.25, momentum=0.5).state_dict()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.75)
        optimizer.load_state_dict(saved)
        steps(model, optimizer, lambda: None)

    (run,) = record(script)
    assert (run.params["optimizer:lr"], run.params["optimizer:momentum"]) == (0.5, 0.75)
    assert (run.values("lr-SGD"), run.values("lr-SGD-momentum")) == ([0.25] * 4, [0.5] * 4)
