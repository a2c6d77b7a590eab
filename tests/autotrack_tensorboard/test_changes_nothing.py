"""A writer behaves the same with autotrack as without it, and writes the same bytes."""

import importlib
import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import pyplot

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.testing import check_integration
from autotrack_tensorboard import summaries
from autotrack_tensorboard.integration import TensorBoardIntegration
from tests.autotrack_tensorboard.conftest import MakeWriter, OneRun, all_runs, values_of


def write_everything(writer: Any) -> None:
    """Write one of each, with times that are the same whenever it is called."""
    draw = np.random.default_rng(1)
    for step in range(3):
        writer.add_scalar("loss", 0.1 * step, step, 10.0)
    writer.add_scalar("tensor", torch.tensor(0.3, requires_grad=True), 1, 10.0)
    writer.add_scalars("group", {"a": 1.0, "b": float("nan")}, 1, 10.0)
    writer.add_text("note", "words", 1, 10.0)
    writer.add_image("image", draw.random((3, 6, 6)), 1, 10.0)
    writer.add_images("images", draw.random((2, 3, 6, 6)), 1, 10.0)
    writer.add_figure("figure", [pyplot.figure(figsize=(1, 1)), pyplot.figure(figsize=(1, 1))], 1, walltime=10.0)
    writer.add_histogram("histogram", draw.normal(size=100), 1, walltime=10.0)
    writer.add_pr_curve("curve", draw.integers(0, 2, 50), draw.random(50), 1, walltime=10.0)
    writer.add_custom_scalars_multilinechart(["loss", "tensor"])
    writer.close()


def events_in(folder: Path) -> dict[str, list[bytes]]:
    """The events of each file but the first, by the file's folder; those made with the time of now without it."""
    loader = importlib.import_module("tensorboard.backend.event_processing.event_file_loader").RawEventFileLoader
    event_class = importlib.import_module("tensorboard.compat.proto.event_pb2").Event
    found: dict[str, list[bytes]] = {}
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        events = [event_class.FromString(raw) for raw in loader(str(path)).Load()]
        for event in events:
            event.wall_time = 10.0
        found.setdefault(str(path.parent.relative_to(folder)), []).extend(
            event.SerializeToString(deterministic=True) for event in events[1:]
        )
    return found


def test_the_event_files_are_the_same_byte_for_byte(make_writer: MakeWriter, recorded: OneRun) -> None:
    write_everything(make_writer("without"))
    autotrack.autolog(to="store", experiment="tests", frameworks=["tensorboard"])
    write_everything(make_writer("with"))
    assert events_in(Path("with")) == events_in(Path("without"))
    assert len(events_in(Path("with"))) == 3
    assert len(recorded().metrics) == 4


def test_random_states_and_gradients_are_left_alone(writer: Any) -> None:
    weight = torch.tensor(0.3, requires_grad=True)
    loss = weight * 2

    def states() -> Any:
        return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()

    before = states()
    writer.add_scalar("loss", loss, 1)
    writer.add_histogram("weight", weight, 1)
    assert states() == before
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    assert weight.grad == 2


def test_an_exception_of_the_writer_is_unchanged_and_nothing_is_recorded(writer: Any) -> None:
    with pytest.raises(ValueError, match="no element") as caught:
        writer.add_histogram("empty", np.array([]), 1)
    assert caught.value.__context__ is None
    with pytest.raises(TypeError, match="should be dictionary"):
        writer.add_hparams("no dict", {})
    with pytest.raises(TypeError):
        writer.add_scalar("a name alone")
    writer.close()
    assert not all_runs()


@pytest.mark.parametrize("failing", ["record", "rebin"])
def test_a_failure_of_ours_is_invisible_to_the_script(
    writer: Any, recorded: OneRun, monkeypatch: pytest.MonkeyPatch, faulty: None, failing: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(summaries, failing, broken)
    with pytest.warns(AutotrackWarning, match="ours"):
        writer.add_histogram("weights", np.arange(9.0), 1)
    writer.add_scalar("loss", 0.5, 1)
    writer.close()
    run = recorded()
    assert (run.status, values_of(run, "loss")) == ("finished", [(1, 0.5)])
    assert ["ours" in notice.message for notice in run.notices] == [True]


def test_a_store_that_cannot_be_written_is_tried_once_and_not_felt(make_writer: MakeWriter, faulty: None) -> None:
    Path("occupied").write_text("a file")
    autotrack.autolog(to="occupied", experiment="tests", frameworks=["tensorboard"])
    writer = make_writer()
    with pytest.warns(AutotrackWarning, match="Choose another folder"):
        writer.add_scalar("loss", 0.5, 1)
    writer.add_scalar("loss", 0.4, 2)  # warnings are errors here


def test_the_integration_patches_as_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    integration = TensorBoardIntegration()
    installed = [name for name in integration.modules if importlib.util.find_spec(name.partition(".")[0])]
    integration.modules = {name: integration.modules[name] for name in installed}  # without TensorFlow, most often
    check_integration(integration)


def test_after_disabling_nothing_is_recorded(make_writer: MakeWriter, library: Any) -> None:
    before = dict(vars(library.SummaryWriter))
    autotrack.autolog(to="store", experiment="tests")
    assert dict(vars(library.SummaryWriter)) != before
    autotrack.autolog(disable=True)
    assert dict(vars(library.SummaryWriter)) == before
    make_writer().add_scalar("loss", 0.5, 1)
    assert not Path("store").exists()
