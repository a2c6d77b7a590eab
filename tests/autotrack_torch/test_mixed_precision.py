"""Loops with `autocast` and `GradScaler`, which run on a CPU as well."""

from typing import Any

import pytest
import torch

from tests.autotrack_torch.conftest import Record, loader, loss_of, net


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_loss_before_it_is_scaled_over_accumulated_batches(record: Record, is_enabled: bool) -> None:
    steps: list[tuple[int, int, float]] = []
    norms: list[float] = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", enabled=is_enabled)
        data, total = loader(16), 0.0
        for epoch in range(2):
            for number, batch in enumerate(data):
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    loss = loss_of(model, batch) / 2
                scaler.scale(loss).backward()
                total += loss.item()
                if number % 2:
                    scaler.unscale_(optimizer)
                    norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5).item())
                    scaler.step(optimizer)
                    scaler.update()
                    optimizer.zero_grad()
                    steps.append((len(steps), epoch, total))
                    total = 0.0

    (run,) = record(script)
    assert run.series("loss") == steps
    assert run.values("grad_norm") == norms
    expected = {"autocast": "bfloat16", "accumulate_grad_batches": 2, "gradient_clip_val": 0.5}
    assert expected.items() <= {name.removeprefix("torch:"): value for name, value in run.params.items()}.items()
    assert run.params.get("torch:grad_scaler") == ("GradScaler" if is_enabled else None)


def test_a_step_that_the_scaler_leaves_out_leaves_no_loss_to_the_next_one(record: Record) -> None:
    made: list[float] = []

    def script() -> None:
        model: Any = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
        (batch,) = loader(12, 12)
        for _ in range(6):
            optimizer.zero_grad()
            loss = loss_of(model, (8 * batch[0], batch[1]))
            before = model.weight.tolist()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            if model.weight.tolist() != before:
                made.append(loss.item())

    (run,) = record(script)
    assert run.values("loss") == made
    assert 0 < len(made) < 6
    assert "torch:accumulate_grad_batches" not in run.params
