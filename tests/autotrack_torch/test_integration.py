"""The integration as autotrack sees it, and the first step of a plain loop."""

from collections.abc import Callable
from pathlib import Path

import torch

import autotrack
from autotrack.journal.records import AnyRecord, Metrics
from autotrack.testing import check_integration
from autotrack_torch.integration import TorchIntegration
from autotrack_torch.loop import current_loop


def test_hooks_keep_what_they_patch_and_are_taken_back() -> None:
    check_integration(TorchIntegration())


def test_the_first_step_of_an_optimizer_starts_a_run(
    store: Path, read_journal: Callable[[Path], list[AnyRecord]]
) -> None:
    autotrack.autolog(to=str(store))
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    assert current_loop() is None
    losses = []
    for _ in range(3):
        loss = model(torch.ones(4, 1)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    loop = current_loop()
    assert loop is not None
    assert loop.step == 2
    loop.run.finish()
    records = [record for record in read_journal(loop.run.folder) if isinstance(record, Metrics)]
    values = [(name, value) for record in records for name, value in record.values.items()]
    assert [value for name, value in values if name == "loss"] == losses
    assert [value for name, value in values if name == "lr-SGD"] == [0.5] * 3
