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
    other_line: int | None  # the batch whose loss another line of the script goes back from
    rate: str  # how the learning rate changes
    clips: bool


PLANS = st.builds(
    Plan,
    batches=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    first=st.integers(0, 1),
    accumulate=st.integers(1, 2),
    skip=st.none() | st.integers(0, 3),
    evaluates=st.booleans(),
    is_list=st.booleans(),
    other_line=st.none() | st.integers(0, 7),
    rate=st.sampled_from(["constant", "every step", "every epoch", "momentum"]),
    clips=st.booleans(),
)


def go_backward(loss: Any, *, on_other_line: bool) -> None:
    if on_other_line:
        loss.backward()
    else:
        loss.backward()


def change(group: dict[str, Any], rate: str, *, steps: int | None = None) -> None:
    """Change the settings of the optimizer after so many steps, or after an epoch."""
    if rate == ("every epoch" if steps is None else "every step"):
        group["lr"] *= 0.9
    if rate == "momentum" and steps is not None and steps % 3 == 0:
        group["momentum"] = 1.1 - group["momentum"]


def run(plan: Plan) -> list[tuple[int, int, dict[str, float]]]:
    """Run the loop, and return step, epoch and values of each of its steps."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    data: Any = loader(32)
    data, steps = list(data) if plan.is_list else data, list[tuple[int, int, dict[str, float]]]()
    group, has_changed, norm = optimizer.param_groups[0], False, 0.0
    total, calls = 0.0, 0
    for epoch, most in enumerate(plan.batches, plan.first):
        for number, batch in enumerate(data):
            if number == most:
                break
            if number == plan.skip:
                continue
            loss = loss_of(model, batch)
            go_backward(loss, on_other_line=number == plan.other_line and plan.accumulate == 1)
            total, calls = total + loss.item(), calls + 1
            if calls == plan.accumulate:
                if plan.clips:
                    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
                optimizer.step()
                optimizer.zero_grad()
                values = {"loss": total, "lr-SGD": group["lr"]}
                values |= {"grad_norm": norm} if plan.clips else {}
                has_changed = has_changed or group["momentum"] != 0.5
                values |= {"lr-SGD-momentum": group["momentum"]} if has_changed else {}
                steps.append((len(steps), epoch, values))
                total, calls = 0.0, 0
                change(group, plan.rate, steps=len(steps))
            if plan.evaluates:
                with torch.no_grad():
                    for other in loader(8):
                        loss_of(model, other)
        change(group, plan.rate)
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
    reader, recorded = JournalReader(folder / "journal" / "main.jsonl"), list[tuple[int | None, int | None, Any]]()
    while batch := reader.read():
        recorded += [
            (one.step, one.epoch, one.values) for one in batch if isinstance(one, Metrics) and "loss" in one.values
        ]
    assert recorded == steps
