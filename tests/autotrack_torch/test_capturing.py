"""Steps that are captured in a CUDA graph: nothing is made yet, and the device must not be asked."""

import pytest
import torch

from autotrack_torch import capturing
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def test_a_step_that_is_only_captured_is_none(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = []

    def script() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.1))
        for number, batch in enumerate(loader()):
            with monkeypatch.context() as captured:
                if number == 1:  # after one to warm up
                    captured.setattr(capturing, "_HAS_CUDA", True)
                    captured.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
                    assert capturing.is_capturing()
                loss = loss_of(model, batch)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                losses.append(loss.item())

    (run,) = record(script)
    assert run.values("loss") == losses[::2]
    assert len(run.values("grad_norm")) == 2
    assert ["CUDA graph" in notice for notice in run.notices] == [True]
