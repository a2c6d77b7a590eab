"""A plain loop leaves the module that it trained as a whole, also one that is gone before the process ends."""

import gc
import weakref
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
import torch
import yaml

import autotrack
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


class Scaled(torch.nn.Module):
    """Is defined in the script, as far as a file can tell: `__main__` does not exist where it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = net()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * 2  # type: ignore[no-any-return]

    def note(self, *_: object) -> None:
        """Serve as a hook, which makes a cycle."""


def train(model: torch.nn.Module, epochs: int = 1) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _epoch in range(epochs):
        for batch in loader():
            optimizer.zero_grad()
            loss_of(model, batch).backward()
            optimizer.step()


def described(run: Any) -> dict[str, dict[str, Any]]:
    """Return what `MLmodel` says of each model of a run, by its folder."""
    folders = sorted(run.folder.glob("model/**/MLmodel"))
    return {str(one.parent.relative_to(run.folder)): yaml.safe_load(one.read_text()) for one in folders}


X = torch.ones(2, 3)


@pytest.mark.parametrize("stays", [True, False], ids=["stays alive", "dies in a function"])
def test_the_module_is_kept_as_training_left_it(record: Record, store: Path, *, stays: bool) -> None:
    left: list[Any] = []
    expected: list[Any] = []

    def script() -> None:
        model = Scaled()
        train(model)
        expected.append(model(X).detach())
        left.extend([model] if stays else [weakref.ref(model), weakref.ref(model.layer.weight)])

    record(script)
    run = autotrack.runs(store)[0]
    assert torch.equal(run.load_model(trusted=True)(X), expected[0])
    mlmodel = described(run)["model"]
    assert mlmodel["flavors"]["pytorch"]["model_data"] == "data"
    assert (mlmodel["metadata"]["autotrack"]["weights"], mlmodel["metadata"]["autotrack"]["step"]) == ("last", 2)
    assert stays or [one() for one in left] == [None, None]


def test_a_module_in_a_cycle_dies_as_it_would_without_us(record: Record, store: Path) -> None:
    gone: list[Any] = []

    def script() -> None:
        model: Any = Scaled()
        model.layer.register_forward_hook(model.note)
        train(model)
        gone.append(weakref.ref(model))
        del model
        gc.collect()
        assert gone[0]() is None

    record(script)
    assert not described(autotrack.runs(store)[0])


def test_several_models_are_kept_under_the_names_that_the_script_has_for_them(record: Record, store: Path) -> None:
    def script() -> None:
        generator, critic = net(), net()
        optimizers = [torch.optim.SGD(one.parameters(), lr=0.1) for one in (generator, critic)]
        for batch in loader():
            for model, optimizer in zip((generator, critic), optimizers, strict=True):
                optimizer.zero_grad()
                loss_of(model, batch).backward()
                optimizer.step()

    record(script)
    assert sorted(described(autotrack.runs(store)[0])) == ["model/critic", "model/generator"]


def test_the_last_of_several_trainings_of_one_run_is_the_model(record: Record, store: Path) -> None:
    def script() -> None:
        with autotrack.start_run():
            for _ in range(3):
                train(Scaled())
            train(model := Scaled())
            torch.save(model(X).detach(), "expected.bin")

    record(script)
    run = autotrack.runs(store)[0]
    assert torch.equal(run.load_model(trusted=True)(X), torch.load("expected.bin"))


@pytest.mark.parametrize("restores", [True, False])
def test_it_is_said_which_weights_the_model_has(record: Record, store: Path, *, restores: bool) -> None:
    expected = []

    def script() -> None:
        model = Scaled()
        optimizer, best = torch.optim.SGD(model.parameters(), lr=0.1), 0.0
        for epoch in range(3):
            loss = model(X).sum()
            loss.backward()
            optimizer.step()
            accuracy = (0.5, 0.7, 0.6)[epoch]
            if accuracy > best:
                best = accuracy
                torch.save({"weights": model.state_dict()}, "best.pt")
                expected.append(model(X).detach())
        if restores:
            model.load_state_dict(torch.load("best.pt")["weights"])

    record(script)
    run = autotrack.runs(store)[0]
    (about,) = (one["metadata"]["autotrack"] for one in described(run).values())
    if restores:
        assert (about["weights"], about["epoch"], about["metrics"]) == ("best", 1, {"accuracy": 0.7})
    else:
        assert (about["weights"], about["epoch"]) == ("last", 2)
    assert torch.equal(run.load_model("best", trusted=True)(X), expected[-1])


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_scripted_model_is_kept_as_such(record: Record, store: Path) -> None:
    expected = []

    def script() -> None:
        model = torch.jit.script(Scaled())
        train(model)
        expected.append(model(X).detach())

    record(script)
    loaded = autotrack.runs(store)[0].load_model(trusted=True)
    assert isinstance(loaded, torch.jit.ScriptModule)
    assert torch.equal(loaded(X), expected[0])


def test_what_cannot_be_kept_is_said_and_harms_nothing(record: Record, store: Path) -> None:
    def script() -> None:
        unpicklable, huge = net(), net()
        unpicklable.lock = Lock()
        huge.data = torch.empty(200_000_000)  # 800 MB, of which no page is touched
        train(unpicklable)
        train(huge)

    record(script)
    notices = [notice.message for run in autotrack.runs(store) for notice in run.notices]
    assert {("_thread.lock" in one, "too much besides" in one) for one in notices if "as a whole" in one} == {
        (True, False),
        (False, True),
    }


def test_nothing_is_kept_where_checkpoints_are_off_or_the_training_failed(record: Record, store: Path) -> None:
    record(lambda: train(Scaled()), checkpoints=False)

    def fails() -> None:
        model = Scaled()
        with suppress(RuntimeError), autotrack.start_run():
            train(model)
            raise RuntimeError

    record(fails)
    assert [described(run) for run in autotrack.runs(store)] == [{}, {}]
