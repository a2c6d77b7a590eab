"""Texts, tables, pictures and plots of a run, as TensorBoard gets them."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import autotrack
from autotrack.journal.records import (
    Artifact,
    Dataset,
    Environment,
    Notice,
    Params,
    Plot,
    RunFinished,
    Table,
    Tags,
    Text,
)
from autotrack.sinks.shipment import Shipment
from autotrack.sinks.tensorboard import TensorBoardSink
from tests.support.event_files import (
    BEGAN,
    event_files,
    loaded,
    metrics,
    open_shipment,
    scalars,
    ship,
    started,
    texts,
    write,
)


def images(folder: Path) -> dict[str, list[tuple[int, Image.Image]]]:
    """The steps and pictures of every image tag."""
    found = loaded(folder)
    return {
        tag: [(event.step, Image.open(io.BytesIO(event.encoded_image_string))) for event in found.Images(tag)]
        for tag in found.Tags()["images"]
    }


def test_what_a_run_is_can_be_read_as_text(tmp_path: Path) -> None:
    write(
        tmp_path,
        started(frameworks={"keras": "3.15"}, argv=["fit.py", "--lr=0.1"]),
        Tags(time=BEGAN, values={"why": "paper"}),
        Params(time=BEGAN, values={"lr": 0.1, "drop": None, "a|b": "x_y"}, source="argparse"),
        Params(time=BEGAN, values={"lr": 0.1, "drop": 1}, source="model.init"),
        Environment(time=BEGAN, kind="git", values={"commit": "c0ffee" * 6, "branch": "main", "dirty": True}),
        Environment(time=BEGAN, kind="hardware", values={"cpu_model": "fast"}, files=["environment/hardware.json"]),
        Dataset(time=BEGAN, role="train", kind="tuple", rows=10, fingerprint="f1", schema={"x": "float32"}),
        Text(time=BEGAN, name="model_summary", text="dense  10"),
        Text(time=BEGAN, name="changes", text="- params: lr 0.1 → 0.2"),
        Notice(time=BEGAN, about="git", message="no remote"),
        metrics(0, loss=1.0),
        RunFinished(time=BEGAN + 7.5, status="failed", error="ValueError: bad", traceback="Traceback: bad"),
    )
    found = texts(ship(tmp_path))
    about = found["autotrack/about"]
    for said in ("brave-otter", "failed", "keras 3.15", "c0ffeec0ff with changes", "7.5", "paper", "ValueError: bad"):
        assert said in about
    assert "| fact | value |" in about
    assert "| lr | 0.1 | argparse, model.init |" in found["autotrack/params"]
    assert r"| a\|b | x\_y | argparse |" in found["autotrack/params"]
    assert "| drop | None | argparse |" in found["autotrack/params"]
    assert "| drop | 1 | model.init |" in found["autotrack/params"]
    assert "| branch | main |" in found["autotrack/environment"]
    assert "environment/hardware.json" in found["autotrack/environment"]
    assert "| train | 10 | x: float32 | f1 |" in found["autotrack/data"]
    assert found["autotrack/model"] == "```\ndense  10\n```"
    assert found["autotrack/changes"] == "- params: lr 0.1 → 0.2"
    assert found["autotrack/notices"] == "- **git**: no remote"


def test_texts_and_tables_that_were_logged_keep_their_steps(tmp_path: Path) -> None:
    said = [Text(time=BEGAN + step, name="sample", text=f"**{step}**", step=step) for step in range(2)]
    rows = Table(time=BEGAN, name="scores", columns=["a", "b"], rows=[[1, "x|y"]])
    ship(write(tmp_path, started(), *said, Text(time=BEGAN, name="mine/too", text="hm"), rows))
    found = loaded(tmp_path)
    assert [(e.step, e.tensor_proto.string_val[0]) for e in found.Tensors("text/sample")] == [
        (0, b"**0**"),
        (1, b"**1**"),
    ]
    assert texts(tmp_path)["mine/too"] == "hm"
    assert texts(tmp_path)["tables/scores"] == "| a | b |\n|---|---|\n| 1 | x\\|y |"


def test_a_text_is_written_again_only_when_it_has_changed(tmp_path: Path) -> None:
    shipment = open_shipment(write(tmp_path, started(), Params(time=BEGAN, values={"lr": 0.1}), metrics(0, loss=1.0)))
    for step in range(1, 5):
        shipment.carry(flush=True)
        write(tmp_path, metrics(step, loss=1.0), Notice(time=BEGAN + step, about="x", message=str(step)))
    shipment.carry(flush=True)
    shipment.close()
    found = loaded(tmp_path)
    assert len(found.Tensors("autotrack/params")) == 1
    assert len(found.Tensors("autotrack/notices")) == 4


def test_figures_and_images_that_were_logged_are_shown(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 2])
    with autotrack.start_run("mine", to=tmp_path, experiment="digits") as run:
        run.log_figure("loss curve", figure, step=3)
        for step in (1, 2):
            run.log_image("samples/digit", [[step / 2] * 4] * 8, step=step)
    ship(run.folder)
    found = images(run.folder)
    assert [(step, picture.size) for step, picture in found["samples/digit"]] == [(1, (4, 8)), (2, (4, 8))]
    kept = Image.open(run.folder / "artifacts" / "figures" / "loss curve-3.png")
    ((step, picture),) = found["figures/loss curve"]
    assert (step, picture.tobytes()) == (3, kept.tobytes())
    before = [path.read_bytes() for path in event_files(run.folder)]
    ship(run.folder)  # the records with the checksums of the files bring no new pictures
    assert [path.read_bytes() for path in event_files(run.folder)] == before


def test_pictures_that_are_gone_or_are_none_cost_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "fake.png").write_bytes(b"no picture")
    paths = ["fake.png", "gone.png", "page.html"]
    found = [Artifact(time=BEGAN, path=path, kind="figure") for path in paths]
    ship(write(tmp_path, started(), *found, metrics(0, loss=1.0)))
    assert images(tmp_path) == {}
    assert scalars(tmp_path)["metrics/loss"] == [(0, 1.0)]


PLOTS: dict[str, dict[str, Any]] = {
    "confusion_matrix": {"labels": ["cat", "dog"], "matrix": [[3, 1], [0, 4]]},
    "roc": {"false_positive_rate": [0, 0.1, 1], "true_positive_rate": [0, 0.9, 1], "auc": 0.9},
    "precision_recall": {"recall": [1.0, 0.5, 0.0], "precision": [0.4, 0.8, 1.0]},
    "calibration": {"predicted": [0.1, 0.9], "observed": [0.2, 0.8]},
    "importances": {"names": ["a", "b"], "values": [0.3, 0.7]},
    "coefficients": {"names": ["a", "b"], "values": [[0.3, -0.7], [1, 2], ["NaN", 0]]},
    "residuals": {"predicted": [1, 2], "residual": [0.1, -0.1]},
    "curve": {"x": ["l1", "l2"], "y": [0.1, "NaN"], "x_name": "penalty", "y_name": "score"},
}


@pytest.mark.parametrize("kind", PLOTS)
def test_every_kind_of_plot_is_drawn(tmp_path: Path, kind: str) -> None:
    ship(write(tmp_path, started(), Plot(time=BEGAN, name=f"my_{kind}", kind=kind, data=PLOTS[kind], step=4)))
    ((step, picture),) = images(tmp_path)[f"plots/my_{kind}"]
    assert step == 4
    assert picture.size == (675, 510)
    assert len(picture.convert("L").getcolors() or []) > 1


def test_many_bars_and_labels_are_drawn_as_well(tmp_path: Path) -> None:
    count = 200
    matrix = {"labels": list(range(count)), "matrix": [[0] * count] * count}
    bars = {"names": [f"x{number}" for number in range(count)], "values": list(range(count))}
    plots = [Plot(time=BEGAN, name="m", kind="confusion_matrix", data=matrix)]
    ship(write(tmp_path, started(), *plots, Plot(time=BEGAN, name="b", kind="importances", data=bars)))
    assert set(images(tmp_path)) == {"plots/m", "plots/b"}


def test_a_precision_recall_curve_is_tensorboard_s_own_too(tmp_path: Path) -> None:
    data = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 0.75, 0.5]}
    ship(write(tmp_path, started(), Plot(time=BEGAN, name="pr", kind="precision_recall", data=data)))
    found = loaded(tmp_path)
    tensor = found.Tensors("pr_curves/pr")[0].tensor_proto
    assert [dim.size for dim in tensor.tensor_shape.dim] == [6, 3]
    assert list(tensor.float_val)[-6:] == [0.5, 0.75, 1.0, 1.0, 0.5, 0.0]
    assert "pr_curves/pr" in found.PluginTagToContent("pr_curves")


def test_a_histogram_is_tensorboard_s_own(tmp_path: Path) -> None:
    data = {"edges": [0.0, 1.0, 3.0], "counts": [4, 6]}
    ship(write(tmp_path, started(), Plot(time=BEGAN, name="layer/weights", kind="histogram", data=data, step=2)))
    (event,) = loaded(tmp_path).Histograms("layer/weights")
    histogram = event.histogram_value
    assert (event.step, histogram.min, histogram.max, histogram.num) == (2, 0.0, 3.0, 10.0)
    assert (list(histogram.bucket_limit), list(histogram.bucket)) == ([1.0, 3.0], [4.0, 6.0])


def test_of_one_plot_logged_twice_the_later_one_is_drawn(tmp_path: Path) -> None:
    first = Plot(time=BEGAN, name="m", kind="curve", data={"x": [1], "y": [1]}, step=1)
    ship(write(tmp_path, started(), first, Plot(time=BEGAN + 1, name="m", kind="curve", data=PLOTS["curve"], step=1)))
    assert len(images(tmp_path)["plots/m"]) == 1


@pytest.mark.parametrize("data", [{}, {"labels": ["a"], "matrix": [[1, 2], [3]]}, {"labels": 3, "matrix": "none"}])
def test_a_plot_that_cannot_be_drawn_is_said_and_costs_nothing_else(tmp_path: Path, data: dict[str, Any]) -> None:
    bad = Plot(time=BEGAN, name="bad", kind="confusion_matrix", data=data)
    ship(
        write(tmp_path, started(), bad, Plot(time=BEGAN, name="odd", kind="unheard of", data={}), metrics(0, loss=1.0))
    )
    assert "could not be drawn" in texts(tmp_path)["plots not drawn/bad"]
    assert "odd" not in str(texts(tmp_path)) + str(images(tmp_path))
    assert scalars(tmp_path)["metrics/loss"] == [(0, 1.0)]


def test_plots_of_a_short_run_wait_for_somebody_who_asks_for_them(tmp_path: Path) -> None:
    bars = {"names": ["a", "b"], "values": [0.7, 0.3]}
    folder = write(tmp_path, started(), Plot(time=BEGAN + 1, name="b", kind="importances", data=bars))
    for draws, shown in ((False, set()), (False, set()), (True, {"plots/b"}), (True, {"plots/b"})):
        shipment = Shipment(folder, TensorBoardSink(draws=draws), on_problem=pytest.fail)
        shipment.carry(flush=True)
        shipment.close()
        assert set(images(tmp_path)) == shown
    assert len(images(tmp_path)["plots/b"]) == 1, "drawn once"


def test_plots_of_a_long_run_are_drawn_while_it_goes_on(tmp_path: Path) -> None:
    bars = {"names": ["a", "b"], "values": [0.7, 0.3]}
    folder = write(tmp_path, started(), Plot(time=BEGAN + 11, name="b", kind="importances", data=bars))
    shipment = Shipment(folder, TensorBoardSink(draws=False), on_problem=pytest.fail)
    shipment.carry(flush=True)
    assert set(images(tmp_path)) == {"plots/b"}
    shipment.close()
