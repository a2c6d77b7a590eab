"""MLflow's page in a real browser: it shows what a Lightning run and a grid search logged, where people look."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright import sync_api
from playwright.sync_api import Locator, Page, expect

import autotrack
from autotrack.readers.recorded_run import RecordedRun
from tests.support.browser import SCREENSHOTS, executable, open_page
from tests.support.processes import Script, wait_until
from tests.support.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

for _name in ("lightning", "sklearn", "matplotlib", "PIL"):
    if importlib.util.find_spec(_name) is None:
        pytest.skip(f"{_name} is not installed", allow_module_level=True)

EXPERIMENT = "digits in a browser"

TRAINING = """\
import sys

import lightning.pytorch as pl
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

import autotrack

autotrack.autolog(to=["runs", sys.argv[1]], experiment=sys.argv[2])
torch.set_num_threads(1)
digits = load_digits()
X, X_test, y, y_test = train_test_split(digits.data.astype("float32") / 16, digits.target, random_state=7)


def picture(number):
    return np.kron(digits.images[number] * 15, np.ones((16, 16))).astype("uint8")


class Net(pl.LightningModule):
    def __init__(self, width: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))

    def loss(self, name, batch):
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log(name, loss)
        return loss

    def training_step(self, batch, _):
        return self.loss("train_loss", batch)

    def validation_step(self, batch, _):
        self.loss("val_loss", batch)

    def on_train_start(self):
        run = autotrack.current_run()
        run.log_text("note", "How **far** it gets.")
        run.log_table("predictions", [{"row": row, "digit": int(y_test[row])} for row in range(5)])
        run.log_image("first digit", picture(0))
        run.log_plot("confusion", "confusion_matrix", {"labels": ["no", "yes"], "matrix": [[5, 1], [2, 7]]})

    def on_train_epoch_end(self):
        autotrack.current_run().log_image("digit", picture(self.current_epoch), step=self.current_epoch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def loader(X, y, **options):
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    return torch.utils.data.DataLoader(data, batch_size=64, **options)


class UntilTheLoadWasSeen(pl.Callback):
    def on_train_epoch_end(self, trainer, module):
        journal = autotrack.current_run().folder / "journal" / "sidecar.jsonl"
        trainer.should_stop = journal.exists() and journal.read_text().count('"SystemStats"') > 3


pl.Trainer(
    min_epochs=4, max_epochs=400, accelerator="cpu", logger=False, enable_progress_bar=False,
    enable_model_summary=False, log_every_n_steps=5, callbacks=[UntilTheLoadWasSeen()],
).fit(Net(32, 0.01), loader(X, y, shuffle=True), loader(X_test, y_test))

grid = {"C": [0.01, 0.1, 1.0], "class_weight": [None, "balanced"]}
GridSearchCV(LogisticRegression(max_iter=50), grid, cv=2).fit(X[:400], y[:400])
"""

DRAWN_AFTER_MILLISECONDS = 2_000


@pytest.fixture(scope="module")
def runs(_shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[RecordedRun]:
    """The run and the search, recorded by a script as users have it, and sent by its sidecar."""
    executable()  # skip before anything is trained
    _shared_server.restart()
    folder = tmp_path_factory.mktemp("project")
    environ = {"AUTOTRACK_SIDECAR": "on", "AUTOTRACK_ENVIRONMENT": "on", "AUTOTRACK_SYSTEM_SECONDS": "0.2"}
    ended = Script(folder, TRAINING, _shared_server.url, EXPERIMENT, **environ).wait()
    assert ended.exit_code == 0, ended.error
    ended.wait_for_sidecar()
    sync = [sys.executable, "-m", "autotrack", "sync", str(folder / "runs")]
    subprocess.run(sync, check=True, capture_output=True)  # the plots of short runs are drawn now
    return list(autotrack.runs(folder / "runs"))


@pytest.fixture
def training(runs: list[RecordedRun]) -> RecordedRun:
    return next(run for run in runs if not run.trials)


@pytest.fixture
def search(runs: list[RecordedRun]) -> RecordedRun:
    return next(run for run in runs if run.trials)


@pytest.fixture
def page() -> Iterator[Page]:
    expect.set_options(timeout=30_000)  # a busy machine takes more than the usual five seconds for a tab
    with open_page(height=1600) as opened:
        yield opened
    expect.set_options(timeout=None)


def show(page: Page, server: Server, run: RecordedRun | None = None, tab: str = "") -> None:
    """Open the page of a run, or that of all runs of the experiment, for people who train models themselves."""
    api = f"{server.url}/api/2.0/mlflow"
    named = requests.get(f"{api}/experiments/get-by-name", params={"experiment_name": EXPERIMENT}, timeout=60).json()
    experiment = named["experiment"]["experiment_id"]
    path = "/runs"
    if run is not None:
        wanted = {"experiment_ids": [experiment], "filter": f"tags.`autotrack.run` = '{run.id}'"}
        (found,) = requests.post(f"{api}/runs/search", json=wanted, timeout=60).json()["runs"]
        path = f"/runs/{found['info']['run_id']}{tab}"
    page.goto(f"{server.url}/#/experiments/{experiment}{path}?workflowType=machine_learning")


def keep(page: Page, name: str) -> None:
    """Keep a picture as `tests.support.browser` does; this page has always a request open."""
    if folder := os.environ.get(SCREENSHOTS):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(DRAWN_AFTER_MILLISECONDS)
        page.screenshot(path=Path(folder) / f"mlflow-{name}.png", animations="disabled")


def heading(page: Page, metric: str) -> Locator:
    """The heading of the card of a metric."""
    return page.get_by_role("heading", name=metric, exact=True)


def has_a_curve(page: Page, metric: str) -> bool:
    """Whether the card of a metric has a line through more than one point."""
    card = page.locator("div").filter(has=heading(page, metric)).filter(has=page.locator(".js-line"))
    return "L" in (card.last.locator(".js-line").first.get_attribute("d") or "")


def unfold(folder: Locator, item: Locator) -> None:
    """Click on a folder of the files until an item of it is there: the page loses clicks while it loads its tree."""

    def is_there() -> bool:
        folder.click()
        try:
            item.wait_for(timeout=10_000)
        except sync_api.TimeoutError:
            return False
        return True

    wait_until(is_there)


def section(page: Page, column: str) -> Locator:
    """The table below the heading of a column."""
    return page.locator("[role=table]").filter(has=page.get_by_text(column, exact=True)).last


def test_the_table_of_runs_has_the_candidates_of_a_search_nested_in_it(
    page: Page, server: Server, training: RecordedRun, search: RecordedRun
) -> None:
    show(page, server)
    expect(page.get_by_role("link", name=training.name, exact=True)).to_be_visible()
    expect(page.get_by_text("train (").first).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=search.name, exact=True))
    row.get_by_role("button").first.click()
    for trial in search.trials:
        name = f"candidate {trial.number} of {search.name}"
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    keep(page, "runs")


def test_a_search_lists_its_candidates(page: Page, server: Server, search: RecordedRun) -> None:
    show(page, server, search)
    candidates = page.get_by_role("link").filter(has_text="candidate ")
    expect(candidates).to_have_count(len(search.trials))
    keep(page, "search")
    candidates.filter(has_text="candidate 0 ").click()
    expect(page.get_by_role("heading", name=f"candidate 0 of {search.name}")).to_be_visible()
    expect(section(page, "Parameter")).to_contain_text("class_weight")
    expect(section(page, "Metric")).to_contain_text("mean_test_score")
    keep(page, "candidate")


def test_a_run_says_what_it_is(page: Page, server: Server, training: RecordedRun) -> None:
    show(page, server, training)
    expect(page.get_by_text("Finished", exact=True)).to_be_visible()
    expect(page.get_by_text("script.py").first).to_be_visible()
    expect(page.locator("strong").filter(has_text="far")).to_be_visible()
    expect(page.get_by_text("autotrack.status").first).to_be_visible()
    expect(section(page, "Parameter")).to_contain_text("width")
    expect(section(page, "Metric")).to_contain_text("system/process_count")
    keep(page, "run")


def test_every_metric_has_a_chart(page: Page, server: Server, training: RecordedRun) -> None:
    show(page, server, training, "/model-metrics")
    for metric in training.metrics:
        expect(heading(page, metric)).to_be_visible()
    for metric in ("train_loss", "val_loss"):
        wait_until(lambda metric=metric: has_a_curve(page, metric))  # type: ignore[misc]  # of a default
    keep(page, "metrics")


def test_pictures_over_steps_are_among_the_charts(page: Page, server: Server, training: RecordedRun) -> None:
    show(page, server, training, "/model-metrics")
    expect(heading(page, "digit")).to_be_visible()
    picture = page.locator('img[src*="images%2Fdigit"]').first
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") == 128)


def test_the_load_has_a_tab_of_its_own(page: Page, server: Server, training: RecordedRun) -> None:
    show(page, server, training, "/system-metrics")
    names = (
        "cpu_utilization_percentage",
        "disk_usage_percentage",
        "process_memory_megabytes",
    )  # the rest needs scrolling
    for name in names:
        expect(heading(page, name)).to_be_attached()
    keep(page, "system-metrics")


def test_a_data_set_says_how_large_it_is_and_of_what(page: Page, server: Server, training: RecordedRun) -> None:
    show(page, server, training)
    page.get_by_text("train (").first.click()
    for said in ("1347", "float32 [1347, 64]", "fingerprint"):
        expect(page.get_by_text(said).first).to_be_visible()
    keep(page, "data-set")


def test_files_are_shown_as_what_they_are(page: Page, server: Server, training: RecordedRun) -> None:
    show(page, server, training, "/artifacts")
    unfold(page.get_by_text("artifacts", exact=True).last, page.get_by_text("images", exact=True).first)
    unfold(page.get_by_text("images", exact=True).first, page.get_by_text("first digit.png"))
    page.get_by_text("first digit.png").click()
    picture = page.locator('img[src^="blob:"]').first
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") == 128)
    keep(page, "image")
    unfold(page.get_by_text("tables", exact=True), page.get_by_text("predictions.json"))
    page.get_by_text("predictions.json").click()
    expect(page.get_by_text("View as table")).to_be_visible()
    expect(page.get_by_text("digit", exact=True)).to_be_visible()
    keep(page, "table")
    unfold(page.get_by_text("texts", exact=True), page.get_by_text("note.md"))
    page.get_by_text("note.md").click()
    expect(page.locator("strong").filter(has_text="far")).to_be_visible()
    unfold(page.get_by_text("plots", exact=True), page.get_by_text("confusion.png"))
    page.get_by_text("confusion.png").click()
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") > 300)
    keep(page, "plot")
