"""A step that is like the one before takes few calls of ours; one that is not is recorded as well."""

import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

import autotrack
import autotrack_torch
from autotrack.journal.records import Metrics
from autotrack_torch import members, steps
from autotrack_torch.watch import watch
from tests.autotrack_torch.conftest import Record, loader, loss_of, net

OURS = tuple(str(Path(str(package.__file__)).parent) for package in (autotrack, autotrack_torch))


@pytest.mark.parametrize("clips", [False, True], ids=["plain", "clipped"])
@pytest.mark.parametrize("make", [loader, lambda samples: list(loader(samples))], ids=["loader", "list"])
def test_a_usual_step_takes_few_calls(make: Any, clips: bool, record: Record) -> None:
    calls: Counter[int] = Counter()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        calls[step] += event == "call" and frame.f_code.co_filename.startswith(OURS)

    step = 0

    def script() -> None:
        nonlocal step
        model = net()
        optimizer = torch.optim.Adam(model.parameters())
        before = sys.getprofile()
        for _epoch in range(2):
            for batch in make(48):
                optimizer.zero_grad()
                loss = loss_of(model, batch)
                loss.backward()
                if clips:
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                sys.setprofile(count)
                optimizer.step()
                sys.setprofile(before)
                step += 1

    (run,) = record(script)
    assert run.epochs == [0, 1]
    assert [step for step, _, _ in run.series("loss")] == list(range(24))
    assert sorted(calls.values())[12] <= 13, "half of the steps take more calls"


def test_what_is_not_usual_is_recorded_in_the_middle_of_it(record: Record) -> None:
    expected, norms = [], []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for number, batch in enumerate(loader(40)):
            loss = loss_of(model, batch)
            loss.backward()
            if number > 3:
                norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.5).item())
            if number == 6:
                optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.3})
            if number == 8:
                with autotrack.start_run("apart") as run:
                    run.log({"other": 7.0}, step=0)
            optimizer.step()
            expected.append(loss.item())
        assert watch.loop.usual_step is not None

    run, apart = record(script)
    assert run.values("loss") == expected
    assert run.values("grad_norm") == norms
    assert run.params["torch:gradient_clip_val"] == 1.5
    assert run.values("lr-SGD") == [0.1] * 6
    assert run.values("lr-SGD/pg2") == [0.3] * 4
    assert apart.names == {"other"}


def eventful() -> None:
    """Train with something else in each epoch, in the middle of it."""
    torch.manual_seed(0)
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    for epoch in range(5):
        for number, batch in enumerate(loader(20 if epoch == 2 else 40)):
            loss = loss_of(model, batch)
            if epoch == 3 and number > 3:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
                continue
            loss.backward()
            if epoch == 1 and number == 5:  # as where an exception is raised and caught before the step
                continue
            if epoch == 2 and number > 2:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] *= 0.5 if number == 6 else 1.0
            if epoch == 4 and number == 3:
                optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
            if epoch == 4 and number == 8:
                thread = threading.Thread(target=optimizer.step)
                thread.start()
                thread.join()
            else:
                optimizer.step()
        with torch.no_grad():
            for other in loader(8):
                loss_of(model, other)


def test_the_quick_way_and_the_general_one_record_the_same(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    (quick,) = record(eventful)
    vars(watch).clear()
    vars(watch).update(vars(type(watch)()))
    members._born.clear()
    monkeypatch.setattr(steps, "usual_after", lambda *_: None)
    general = record(eventful)[-1]
    assert len(quick.values("loss")) > 40
    measured = [
        [
            (
                one.step,
                one.epoch,
                {name: value for name, value in one.values.items() if name[:4] in ("loss", "lr-S", "grad")},
            )
            for one in run.of(Metrics)
        ]
        for run in (quick, general)
    ]
    assert measured[0] == measured[1]
    assert quick.params == general.params
