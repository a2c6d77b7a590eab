"""What a plain loop has saved is loaded if it is a model, and refused if it would run code that nobody trusts."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import autotrack
from autotrack.errors import ModelLoadError, UntrustedModelError
from tests.support.foreign_runs import made_foreign


def train(save: Callable[[torch.nn.Module], None]) -> torch.nn.Module:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.rand(4, 2)).pow(2).mean().backward()
        optimizer.step()
    save(model)
    return model


@pytest.fixture(autouse=True)
def _recorded() -> None:
    autotrack.autolog(to="runs", experiment="tests", frameworks="torch")


def test_a_whole_model_is_loaded_if_it_is_trusted() -> None:
    with autotrack.start_run() as active:
        model = train(lambda model: torch.save(model, "net.pt"))
    run, x = autotrack.load(active.folder), torch.rand(4, 2)
    with pytest.raises(UntrustedModelError):
        made_foreign(run).load_model()
    assert torch.equal(run.load_model(trusted=True)(x), model(x))
    assert run.path("model/net") == run.folder / "model" / "net.pt"


def test_weights_alone_are_no_model_and_the_message_says_what_to_do() -> None:
    with autotrack.start_run() as active:
        train(lambda model: torch.save(model.state_dict(), "best.pt"))
    run = autotrack.load(active.folder)
    with pytest.raises(ModelLoadError, match="load_state_dict"):
        run.load_model()
    assert run.checkpoint("last") == Path(run.folder / "checkpoints" / "best.pt")
