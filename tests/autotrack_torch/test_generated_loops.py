"""Generated loops are recorded as a plain interpretation of them says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.journal.reader import JournalReader
from autotrack.journal.records import Metrics
from autotrack_torch.watch import watch
from tests.autotrack_torch.conftest import loader, loss_of, net


@dataclass(frozen=True)
class Plan:
    """What a loop does."""

    batches: list[int]  # how many batches of each epoch are used before it is left
    first: int
    accumulate: int
    skip: int | None
    evaluates: bool
    is_list: bool


PLANS = st.builds(
    Plan,
    batches=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    first=st.integers(0, 1),
    accumulate=st.integers(1, 2),
    skip=st.none() | st.integers(0, 3),
    evaluates=st.booleans(),
    is_list=st.booleans(),
)


def run(plan: Plan) -> list[tuple[int, int, float]]:
    """Run the loop, and return step, epoch and loss of each of its steps."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data: Any = loader(16)
    data, steps = list(data) if plan.is_list else data, list[tuple[int, int, float]]()
    total, calls = 0.0, 0
    for epoch, most in enumerate(plan.batches, plan.first):
        for number, batch in enumerate(data):
            if number == most:
                break
            if number == plan.skip:
                continue
            loss = loss_of(model, batch)
            loss.backward()
            total, calls = total + loss.item(), calls + 1
            if calls == plan.accumulate:
                optimizer.step()
                optimizer.zero_grad()
                steps.append((len(steps), epoch, total))
                total, calls = 0.0, 0
            if plan.evaluates:
                with torch.no_grad():
                    for other in loader(8):
                        loss_of(model, other)
    return steps


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(plan=PLANS)
def test_a_generated_loop_is_recorded_as_it_runs(plan: Plan, store: Path) -> None:
    autotrack.autolog(to=str(store))
    steps = run(plan)
    if watch.loop is None:
        assert not steps
        return
    folder = watch.loop.run.folder
    watch.loop.finish()
    reader, recorded = JournalReader(folder / "journal" / "main.jsonl"), list[tuple[Any, Any, Any]]()
    while batch := reader.read():
        recorded += [
            (one.step, one.epoch, one.values["loss"])
            for one in batch
            if isinstance(one, Metrics) and "loss" in one.values
        ]
    assert recorded == steps
