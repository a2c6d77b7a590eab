"""The example in plain PyTorch, unchanged: TensorBoard and MLflow's page show what its run holds."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

import autotrack
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import choose
from autotrack.readers.tensorboard.server import TensorBoardServer
from tests.support.browser import executable, keep_picture, open_page
from tests.support.processes import sidecars_of, wait_until
from tests.support.server_reader import ReadRun, check_arrived
from tests.support.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

for _name in ("torch", "sklearn", "tqdm", "tensorboard"):
    if importlib.util.find_spec(_name) is None:
        pytest.skip(f"{_name} is not installed", allow_module_level=True)

SCRIPT = Path(__file__).parents[3] / "examples" / "torch_script.py"
EXPERIMENT = "a script of plain PyTorch"
PRINTED = ("train_loss", "valid_loss", "accuracy")


@pytest.fixture(scope="module")
def run(_shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> RecordedRun:
    """The one run of the script, as its sidecar has sent it."""
    executable()  # skip before anything is trained
    _shared_server.restart()
    folder = tmp_path_factory.mktemp("project")
    options = ["-e", EXPERIMENT, "--to", "runs", "--to", _shared_server.url]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "autotrack", "run", *options, str(SCRIPT), "--epochs", "3", "--batch_size=128"],
        cwd=folder, env={**environ, "AUTOTRACK_QUIET": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.wait(timeout=300) == 0
    wait_until(lambda: not sidecars_of(process.pid))
    subprocess.run([sys.executable, "-m", "autotrack", "sync", str(folder / "runs")], check=True, capture_output=True)
    (found,) = autotrack.runs(folder / "runs")
    return found


@pytest.fixture(scope="module")
def sent(_shared_server: Server, run: RecordedRun) -> ReadRun:
    """The run as the server has it, which is all that the run folder has."""
    return check_arrived(_shared_server.url, EXPERIMENT, run.folder)


@pytest.fixture
def page() -> Iterator[Page]:
    expect.set_options(timeout=30_000)
    with open_page(height=1600) as opened:
        yield opened
    expect.set_options(timeout=None)


def shown(value: object) -> str:
    """Return a value as both pages round it."""
    return f"{value:.4f}".rstrip("0")


def test_the_server_has_every_step_and_what_was_printed_on_its_epoch(run: RecordedRun, sent: ReadRun) -> None:
    assert [step for _, step, _ in sorted(sent.points["loss"])] == list(range(33))
    assert {*PRINTED, "best_accuracy"} <= {name for name in sent.points if run.metrics[name].source == "printed"}
    assert [step for _, step, _ in sorted(sent.points["accuracy"])] == [10, 21, 32]
    expected = {"batch_size": "128", "epochs": "3", "lr_init": "0.001", "optimizer": "Adam", "scheduler": "StepLR"}
    assert expected.items() <= sent.params.items()


def test_the_page_of_mlflow_shows_params_metrics_and_curves(
    page: Page, server: Server, run: RecordedRun, sent: ReadRun
) -> None:
    url = f"{server.url}/api/2.0/mlflow/experiments/get-by-name"
    found = requests.get(url, params={"experiment_name": EXPERIMENT}, timeout=60).json()["experiment"]["experiment_id"]
    address = f"{server.url}/#/experiments/{found}/runs/{sent.run_id}"
    page.goto(f"{address}?workflowType=machine_learning")
    params = page.locator("[role=table]").filter(has=page.get_by_text("Parameter", exact=True)).last
    metrics = page.locator("[role=table]").filter(has=page.get_by_text("Metric", exact=True)).last
    expect(params).to_contain_text("lr_init")
    expect(metrics).to_contain_text("valid_loss")
    for name in PRINTED:
        row = metrics.locator("[role=row]").filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text(shown(run.metrics[name].last.value))
    page.goto(f"{address}/model-metrics?workflowType=machine_learning")
    for name in ("loss", *PRINTED):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_tensorboard_shows_the_same(page: Page, run: RecordedRun) -> None:
    view = choose([run])
    bring_up_to_date(view.runs, on_problem=pytest.fail)
    with TensorBoardServer(view) as server:
        page.goto(f"{server.address}#timeseries")
        for tag, name in [("train/loss", "loss"), *((f"printed/{name}", name) for name in PRINTED)]:
            page.locator("metrics-tag-filter input").fill(f"^{tag}$")
            cards = page.locator("metrics-filtered-view card-view")
            expect(cards).to_have_count(1)
            row = cards.locator("tb-data-table-content-row").first
            expect(row).to_contain_text(shown(run.metrics[name].last.value))
        page.keyboard.press("Escape")
        keep_picture(page, "plain-torch")
