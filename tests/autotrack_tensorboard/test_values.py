"""What a writer writes is in the journal, at the same step, under the same name."""

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from PIL import Image

import autotrack
from autotrack.journal.records import number
from tests.autotrack_tensorboard.conftest import OneRun, all_runs, values_of

TAGS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
NUMBERS = st.floats() | st.integers(-(2**31), 2**31)


@given(st.lists(st.tuples(TAGS, NUMBERS, st.integers(0, 2**40)), min_size=1, max_size=20))
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_scalars_are_kept_exactly_as_they_were_given(library: Any, written: list[tuple[str, Any, int]]) -> None:
    autotrack.autolog(to="store", experiment="tests", frameworks=["tensorboard"])
    known = {run.id for run in all_runs()}
    with library.SummaryWriter("events") as writer:
        for tag, value, step in written:
            writer.add_scalar(tag, value, step)
    (run,) = (run for run in all_runs() if run.id not in known)
    for name in {tag for tag, _, _ in written}:
        expected = [(step, value) for tag, value, step in written if tag == name]
        found = [(step, number(value)) for step, value in values_of(run, name)]
        assert [step for step, _ in found] == [step for step, _ in expected]
        assert all(
            one == two or (math.isnan(one) and math.isnan(two))
            for (_, one), (_, two) in zip(found, expected, strict=True)
        )


@pytest.mark.parametrize("value", [np.float32(0.5), np.array([0.5]), torch.tensor(0.5), torch.tensor([[0.5]])])
def test_numbers_of_numpy_and_torch_count(writer: Any, value: Any, recorded: OneRun) -> None:
    writer.add_scalar("loss", value, np.int64(3))
    writer.add_scalar("loss", value, torch.tensor(4))
    writer.add_scalar("loss", value, 5.7)
    writer.close()
    assert values_of(recorded(), "loss") == [(3, 0.5), (4, 0.5), (5, 0.5)]


def test_a_group_of_scalars_has_the_name_of_the_group_in_front(writer: Any, recorded: OneRun) -> None:
    writer.add_scalars("accuracy", {"train": 0.9, "validate": 0.8}, 7)
    writer.close()
    assert {name: values_of(recorded(), name) for name in recorded().metrics} == {
        "accuracy/train": [(7, 0.9)],
        "accuracy/validate": [(7, 0.8)],
    }


def test_without_a_step_values_are_counted_for_each_name(writer: Any, recorded: OneRun) -> None:
    for loss in (3.0, 2.0, 1.0):
        writer.add_scalar("loss", loss)
        writer.add_scalar("twice", 2 * loss)
    writer.close()
    assert values_of(recorded(), "loss") == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert values_of(recorded(), "twice") == [(0, 6.0), (1, 4.0), (2, 2.0)]


def test_the_step_of_a_block_of_tensorboardx_counts(autolog: None, recorded: OneRun) -> None:
    with (
        importlib.import_module("tensorboardX").SummaryWriter("events") as writer,
        writer.use_metadata(global_step=10),
    ):
        writer.add_scalar("loss", 3.0)
    assert values_of(recorded(), "loss") == [(10, 3.0)]


def test_a_writer_of_tensorboardx_that_writes_no_files_is_recorded(autolog: None, recorded: OneRun) -> None:
    with importlib.import_module("tensorboardX").SummaryWriter("events", write_to_disk=False) as writer:
        writer.add_scalar("loss", 3.0, 1)
        writer.add_text("note", "words", 1)
    assert (recorded().summary.texts, values_of(recorded(), "loss")) == ({"note": "words"}, [(1, 3.0)])


def test_text_is_kept_whole(writer: Any, recorded: OneRun) -> None:
    writer.add_text("note", "# Ünder\n\n| a | b |", 2)
    writer.close()
    assert recorded().summary.texts == {"note": "# Ünder\n\n| a | b |"}


def test_images_are_kept_pixel_by_pixel(writer: Any, recorded: OneRun) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    writer.add_image("inputs/first", pixels, 4, dataformats="HWC")
    writer.add_images("inputs/all", np.stack([pixels, pixels]), 4, dataformats="NHWC")
    writer.close()
    run = recorded()
    found = {artifact.path: (artifact.kind, artifact.step) for artifact in run.artifacts}
    assert found == dict.fromkeys(
        ("artifacts/images/inputs/first-4.png", "artifacts/images/inputs/all-4.png"), ("image", 4)
    )
    with Image.open(run.folder / "artifacts/images/inputs/first-4.png") as image:
        assert (np.asarray(image) == pixels).all()


def test_the_tag_of_an_image_never_leads_out_of_the_run_folder(writer: Any, recorded: OneRun) -> None:
    for tag in ("../../escaped", "/absolute", "..", "back\\slash"):
        writer.add_image(tag, np.zeros((1, 4, 4)), 1)
    writer.close()
    paths = sorted(artifact.path.removeprefix("artifacts/images/") for artifact in recorded().artifacts)
    assert paths == ["absolute-1.png", "back/slash-1.png", "escaped-1.png", "image-1.png"]
    assert not list(Path().glob("*escaped*"))


def test_a_figure_is_kept_as_a_figure(writer: Any, recorded: OneRun) -> None:
    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    writer.add_figure("curve", figure, 3)
    writer.close()
    (artifact,) = recorded().artifacts
    assert (artifact.kind, artifact.path, artifact.step) == ("figure", "artifacts/figures/curve-3.png", 3)
    with Image.open(recorded().folder / artifact.path) as image:
        assert image.size == (640, 480)
    assert not pyplot.get_fignums(), "the writer closes the figure"


def test_a_precision_recall_curve_is_kept_as_a_plot(writer: Any, recorded: OneRun) -> None:
    labels, predictions = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    writer.add_pr_curve("curve", labels, predictions, 2)
    writer.close()
    (plot,) = recorded().summary.plots
    assert (plot.name, plot.kind, plot.step) == ("curve", "precision_recall", 2)
    assert (plot.data["precision"][0], plot.data["recall"][0]) == (0.5, 1.0)


def test_a_histogram_is_kept_as_a_plot(writer: Any, recorded: OneRun) -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    writer.add_histogram("weights", torch.from_numpy(values), 2)
    writer.close()
    (plot,) = recorded().summary.plots
    assert (plot.name, plot.kind, plot.step) == ("weights", "histogram", 2)
    edges, counts = plot.data["edges"], plot.data["counts"]
    assert (edges[0], edges[-1], len(edges)) == (values.min(), values.max(), 31)
    exact, _ = np.histogram(values, edges)
    assert np.abs(np.asarray(counts) - exact).max() < 150, "shared out by width, for want of the values"


def test_hyperparameters_are_params_and_their_metrics_metrics(writer: Any, recorded: OneRun) -> None:
    writer.add_hparams({"lr": 0.1, "optimizer": "adam", "bias": True}, {"hparam/accuracy": 0.9})
    writer.close()
    run = recorded()
    assert run.params_by_source == {"tensorboard": {"lr": 0.1, "optimizer": "adam", "bias": True}}
    assert values_of(run, "hparam/accuracy") == [(0, 0.9)]
    assert not run.summary.trials


def test_several_sets_of_hyperparameters_are_trials(writer: Any, recorded: OneRun) -> None:
    for index in range(3):
        writer.add_hparams({"lr": 0.1 * index}, {"accuracy": index})
    writer.close()
    run = recorded()
    found = [(trial.number, trial.params, trial.values) for trial in run.summary.trials]
    assert found == [(index, {"lr": 0.1 * index}, {"accuracy": index}) for index in range(3)]
    assert run.params["lr"] == 0.0


def test_what_is_not_recorded_is_named(writer: Any, recorded: OneRun, faulty: None) -> None:
    writer.add_mesh("mesh", torch.zeros((1, 4, 3)), global_step=1)
    writer.add_mesh("mesh", torch.zeros((1, 4, 3)), global_step=2)
    writer.close()
    assert [notice.message for notice in recorded().notices] == ["meshes are not recorded; they are only in events"]
