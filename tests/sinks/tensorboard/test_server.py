"""What TensorBoard's pages are told by its server, with each of its two readers, is what the journals say."""

import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.journal.params import varies_by_itself
from autotrack.journal.records import Params, Plot, RunFinished, number
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sinks.tensorboard.tags import Tags, metric_tag
from tests.support.event_files import (
    BEGAN,
    TensorBoardPages,
    metrics,
    open_shipment,
    scalars,
    ship,
    started,
    tensorboard_pages,
    until,
    write,
)
from tests.support.framework_runs import framework_runs

pytestmark = pytest.mark.slow

HAS_RUST = find_spec("tensorboard_data_server") is not None
READERS = [
    pytest.param(True, id="rust", marks=pytest.mark.skipif(not HAS_RUST, reason="there is no data server here")),
    pytest.param(False, id="python"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return framework_runs(tmp_path_factory)


def points(run: RecordedRun, metric: str) -> list[tuple[float, int | None, float]]:
    """What autotrack itself reads of a metric, in TensorBoard's precision."""
    return [
        (point.time, point.step, struct.unpack("<f", struct.pack("<f", number(point.value)))[0])
        for point in run.history(metric)
    ]


def name_in(store: Path, run: RecordedRun) -> str:
    return run.folder.relative_to(store).as_posix()


def wait_for_all(page: TensorBoardPages, store: Path) -> list[RecordedRun]:
    """All runs of a store, once TensorBoard has loaded them."""
    found = list(autotrack.runs(store))
    count = sum(1 + sum(trial.kind == "candidate" for trial in run.trials) for run in found)
    until(lambda: len(page.sessions()) >= count and len(page.get("scalars/tags")) >= count)
    return found


@pytest.mark.parametrize("fast", READERS)
def test_every_run_of_every_framework_is_shown_as_it_was_recorded(store: Path, fast: bool) -> None:
    with tensorboard_pages(store, fast=fast) as page:
        found = wait_for_all(page, store)
        assert len(found) == 3
        for run in found:
            assert run.metrics
            for metric in run.metrics:
                tag = metric_tag(metric, run.history(metric)[0].stage)
                expected = points(run, metric)
                if fast:  # of several points of a step it shows the latest, as where a late save adds to an epoch's
                    expected = list({step: (at, step, value) for at, step, value in expected}.values())
                assert page.scalars(name_in(store, run), tag) == expected, metric
        check_columns(page, found)
        check_sessions(page, found, store)
        check_texts_and_pictures(page, found, store)


def given(run: RecordedRun) -> set[str]:
    """The names of the params but for those that a search has found out, and those that vary by themselves."""
    return {
        name for name, value in run.params.items() if not (name.startswith("best.") or varies_by_itself(name, value))
    }


def check_columns(page: TensorBoardPages, found: list[RecordedRun]) -> None:
    params, metric_tags = page.columns()
    logged = {name for run in found for name in given(run)}
    logged |= {name for run in found for trial in run.trials for name in trial.params}
    assert params == logged
    measured = {metric_tag(name, run.history(name)[0].stage) for run in found for name in run.metrics}
    results = {Tags().result(name) for run in found for trial in run.trials for name in trial.values}
    assert measured | results <= metric_tags


def check_sessions(page: TensorBoardPages, found: list[RecordedRun], store: Path) -> None:
    sessions = page.sessions()
    for run in found:
        name = name_in(store, run)
        assert set(sessions[name]["hparams"]) == given(run)
        assert sessions[name]["sessions"][0]["status"] == "STATUS_SUCCESS"
        for trial in run.trials:
            shown = sessions[f"{name}/trials/{trial.number}"]
            assert trial.params.items() <= shown["hparams"].items()
            values = {one["name"]["tag"]: one["value"] for one in shown["metricValues"]}
            assert values == pytest.approx({Tags().result(name): value for name, value in trial.values.items()})


def check_texts_and_pictures(page: TensorBoardPages, found: list[RecordedRun], store: Path) -> None:
    tags, pictures = page.get("text/tags"), page.get("images/tags")
    for run in found:
        name = name_in(store, run)
        assert {"autotrack/about", "autotrack/params"} <= set(tags[name])
        (said,) = page.get("text/text", run=name, tag="autotrack/about")
        assert run.name in said["text"]
        assert set(pictures.get(name, {})) == {f"plots/{plot.name}" for plot in run.plots}
        for plot in run.plots:
            (image,) = page.get("images/images", run=name, tag=f"plots/{plot.name}", sample="0")
            content = page.get(f"images/individualImage?{image['query']}")
            assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize("fast", READERS)
def test_pages_that_are_open_follow_a_run_also_when_it_goes_back(tmp_path: Path, fast: bool) -> None:
    folder = write(tmp_path / "runs" / "r", started(), *[metrics(step, loss=10.0 - step) for step in range(8)])
    shipment = open_shipment(write(folder, Params(time=BEGAN, values={"lr": 0.1})))
    shipment.carry(flush=True)
    purge = "Detected out of order event.step"  # Python's reader says so when it drops what it has read
    with tensorboard_pages(tmp_path / "runs", fast=fast, expects=purge) as page:
        until(lambda: "r" in page.get("scalars/tags") and len(page.scalars("r", "metrics/loss")) == 8)
        write(folder, started(time=BEGAN + 50, resumed_at_step=3))
        write(folder, *[metrics(step, at=BEGAN + 60 + step, loss=20.0 - step) for step in (3, 4)])
        shipment.carry(flush=True)
        expected = [(0, 10.0), (1, 9.0), (2, 8.0), (3, 17.0), (4, 16.0)]
        until(lambda: [point[1:] for point in page.scalars("r", "metrics/loss")] == expected)
        write(folder, metrics(5, at=BEGAN + 66, loss=1.0), RunFinished(time=BEGAN + 67, status="finished"))
        shipment.carry(flush=True)
        shipment.close()
        until(lambda: [point[1:] for point in page.scalars("r", "metrics/loss")] == [*expected, (5, 1.0)])
        until(lambda: page.sessions()["r"]["sessions"][0]["status"] == "STATUS_SUCCESS")
    assert scalars(folder)["metrics/loss"] == [*expected, (5, 1.0)]


@pytest.mark.parametrize("fast", READERS)
def test_curves_and_histograms_are_on_their_own_pages(tmp_path: Path, fast: bool) -> None:
    curve = {"recall": [1.0, 0.5, 0.0], "precision": [0.4, 0.75, 1.0]}
    bars = {"edges": [0.0, 1.0, 3.0], "counts": [4, 6]}
    plots = [
        Plot(time=BEGAN, name="pr", kind="precision_recall", data=curve),
        Plot(time=BEGAN, name="w", kind="histogram", data=bars),
    ]
    ship(write(tmp_path / "runs" / "r", started(), *plots))
    with tensorboard_pages(tmp_path / "runs", fast=fast) as page:
        shown: Any = until(lambda: page.get("pr_curves/pr_curves", run="r", tag="pr_curves/pr"))
        (entry,) = shown["r"]
        assert (entry["precision"], entry["recall"]) == ([0.4000000059604645, 0.75], [1.0, 0.5])
        assert page.get("histograms/histograms", run="r", tag="plots/w")[0][2]
