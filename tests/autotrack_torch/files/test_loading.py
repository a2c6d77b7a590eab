"""A training whose model was loaded from a file of a run says which run it goes on from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import autotrack
from autotrack_torch.loop import current_loop


@pytest.fixture(autouse=True)
def _recording(store: Path) -> None:
    autotrack.autolog(to=str(store), experiment="tests")


def train(model: Any) -> autotrack.RecordedRun:
    """Make a step with a model, in a run of its own."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.ones(4, 2)).square().mean().backward()
    optimizer.step()
    loop = current_loop()
    assert loop is not None
    return autotrack.load(loop.run.folder)


def train_first(save: Callable[[Any], None]) -> str:
    """Train a model in a run of its own, and save it; return the id of the run."""
    model = torch.nn.Linear(2, 1)
    train(model)
    save(model)
    loop = current_loop()
    assert loop is not None
    loop.run.finish()
    return loop.run.id


def plain(model: Any) -> None:
    torch.save({"model": model.state_dict(), "epoch": 3}, "file")


def test_a_loaded_state_names_the_run() -> None:
    first = train_first(plain)
    model = torch.nn.Linear(2, 1)
    model.load_state_dict(torch.load("file")["model"])
    assert train(model).summary.resumed_from == first


def test_a_state_with_other_names_and_a_part_of_a_model_do_too() -> None:
    first = train_first(plain)
    state = {f"0.{name}": value for name, value in torch.load("file")["model"].items()}
    model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Linear(1, 1))
    model.load_state_dict(state, strict=False)
    assert train(model).summary.resumed_from == first


def test_a_loaded_module_does_too() -> None:
    first = train_first(lambda model: torch.save(model, "file"))
    assert train(torch.load("file", weights_only=False)).summary.resumed_from == first


def test_safetensors_do_too() -> None:
    first = train_first(lambda model: safetensors.torch.save_model(model, "file"))
    model = torch.nn.Linear(2, 1)
    safetensors.torch.load_model(model, "file")
    assert train(model).summary.resumed_from == first


def test_it_counts_what_the_file_was_when_it_was_loaded() -> None:
    first = train_first(plain)
    model = torch.nn.Linear(2, 1)
    model.load_state_dict(torch.load("file")["model"])
    torch.save({}, "file")
    assert train(model).summary.resumed_from == first


def test_a_file_in_the_folder_of_a_run_names_it() -> None:
    first = train_first(plain)
    (run,) = autotrack.runs()
    model = torch.nn.Linear(2, 1)
    model.load_state_dict(torch.load(run.folder / "checkpoints" / "file")["model"])
    assert train(model).summary.resumed_from == first


def test_other_files_and_other_models_name_none() -> None:
    train_first(plain)
    other, model = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    other.load_state_dict(torch.load("file")["model"])
    torch.save(model.state_dict(), "mine")
    model.load_state_dict(torch.load("mine"))
    assert train(model).summary.resumed_from is None
