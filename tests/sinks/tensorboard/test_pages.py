"""TensorBoard in a real browser, on a store of runs of three frameworks: what its pages show is what was logged."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import autotrack
from autotrack.journal.params import varies_by_itself
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import View, choose
from autotrack.readers.tensorboard.server import TensorBoardServer
from tests.support.browser import executable, keep_picture, open_page
from tests.support.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

for _name in ("lightning", "keras", "sklearn", "matplotlib"):
    if importlib.util.find_spec(_name) is None:
        pytest.skip(f"{_name} is not installed", allow_module_level=True)

TRAINING = """\
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import lightning.pytorch as pl
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, train_test_split

import autotrack

autotrack.autolog(experiment="digits")
torch.set_num_threads(1)
digits = load_digits()
X, X_test, y, y_test = train_test_split(digits.data.astype("float32") / 16, digits.target, random_state=7)


class Net(pl.LightningModule):
    def __init__(self, width: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))

    def _loss(self, name, batch):
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log(name, loss)
        return loss

    def training_step(self, batch, _):
        return self._loss("train_loss", batch)

    def validation_step(self, batch, _):
        self._loss("val_loss", batch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def loader(X, y, **options):
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    return torch.utils.data.DataLoader(data, batch_size=64, **options)


for lr in (0.003, 0.03):
    pl.seed_everything(7, verbose=False)
    trainer = pl.Trainer(
        max_epochs=4, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, log_every_n_steps=5,
    )
    trainer.fit(Net(32, lr), loader(X, y, shuffle=True), loader(X_test, y_test))

keras.utils.set_random_seed(7)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(X, y, batch_size=64, epochs=4, validation_split=0.2, verbose=0)

grid = {"C": [0.01, 0.1, 1.0, 10.0], "class_weight": [None, "balanced"], "fit_intercept": [True, False]}
search = GridSearchCV(LogisticRegression(max_iter=50), grid, cv=2).fit(X[:400], y[:400])
confusion_matrix(y_test, search.predict(X_test))

with autotrack.start_run("by hand", experiment="notes", params={"dropout": 0.1}) as run:
    for step in range(20):
        run.log({"val_loss": 1 / (step + 1)}, step=step)
    run.log_image("first digit", np.kron(digits.images[0] * 15, np.ones((16, 16))).astype("uint8"))
    run.log_text("why", "To see **how far** it gets.")
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of Lightning, Keras and scikit-learn and one by hand, recorded by a script as users have it."""
    executable()  # skip before anything is trained
    folder = tmp_path_factory.mktemp("project")
    (folder / "train.py").write_text(TRAINING)
    subprocess.run(["git", "init", "--quiet", "."], cwd=folder, check=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "train.py"],
        cwd=folder, env={**environ, "AUTOTRACK_QUIET": "1"}, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(autotrack.runs(folder / "runs")) == 5
    return folder / "runs"


@pytest.fixture(scope="module")
def address(store: Path) -> Iterator[str]:
    """Where TensorBoard shows the whole store."""
    with started(choose([store])) as server:
        yield server.address


@pytest.fixture
def page() -> Iterator[Page]:
    with open_page() as opened:
        yield opened


@contextmanager
def started(view: View) -> Iterator[TensorBoardServer]:
    bring_up_to_date(view.runs, on_problem=pytest.fail)
    with TensorBoardServer(view) as server:
        yield server


def search_in(store: Path) -> autotrack.RecordedRun:
    (run,) = [run for run in autotrack.runs(store) if run.trials]
    return run


def texts(found: Locator) -> set[str]:
    return {text.strip() for text in found.all_text_contents()}


def test_a_scalar_has_a_card_with_a_curve_for_every_run(page: Page, address: str, store: Path) -> None:
    page.goto(f"{address}#timeseries")
    for group in ("best", "train", "validate"):
        expect(
            page.locator("metrics-card-group-toolbar").filter(has_text=re.compile(rf"^\s*{group}\s*\d+ cards"))
        ).to_be_visible()
    keep_picture(page, "time-series")
    page.locator("metrics-tag-filter input").fill("^validate/loss$")
    card = page.locator("metrics-card-groups card-view, metrics-filtered-view card-view").filter(has_text="/loss")
    for run in autotrack.runs(store).where("metrics.val_loss > 0"):
        name = f"{run.experiment}/{run.folder.name}"
        row = card.locator("tb-data-table-content-row").filter(has_text=name)
        expect(row.first).to_contain_text(f"{run.metrics['val_loss'].last.value:.4f}".rstrip("0"))
    page.keyboard.press("Escape")  # the list of tags that match
    keep_picture(page, "validation-loss")


def test_training_and_validation_are_cards_side_by_side(page: Page, store: Path) -> None:
    page.set_viewport_size({"width": 1200, "height": 640})
    with started(choose(autotrack.runs(store).where("metrics.train_loss > 0 and metrics.val_loss > 0"))) as server:
        page.goto(f"{server.address}#timeseries")
        page.locator("button").filter(has_text="Settings").click()
        page.locator("metrics-tag-filter input").fill("^(train|validate)/loss$")
        page.keyboard.press("Escape")
        cards = page.locator("metrics-filtered-view card-view")
        expect(cards).to_have_count(2)
        for card in cards.all():
            expect(card.locator("tb-data-table-content-row").first).to_be_visible()
        boxes = [card.bounding_box() for card in cards.all()]
        assert len({box["y"] for box in boxes if box is not None}) == 1
        keep_picture(page, "train-beside-validate")


def test_the_hparams_page_offers_every_column_of_every_run(page: Page, address: str, store: Path) -> None:
    runs = list(autotrack.runs(store))
    params = {
        name
        for run in runs
        for name, value in run.params.items()
        if not name.startswith("best.") and not varies_by_itself(name, value)
    }
    assert max(len(run.params) for run in runs) <= 100, "more than a run may have there"
    page.goto(f"{address}#hparams")
    wait_until(lambda: params <= texts(page.locator(".hparam-checkbox")))
    assert {"best/val_loss", "validate/loss", "train/loss"} <= texts(page.locator(".metric-checkbox"))
    keep_picture(page, "hparams")


def test_the_hparams_table_has_a_row_for_every_run_and_every_trial(page: Page, address: str, store: Path) -> None:
    page.goto(f"{address}#hparams")
    cells = page.locator("vaadin-grid-cell-content")
    wait_until(lambda: {"lr", "C", "class_weight", "0.0030000", "0.030000", "0.010000", "balanced"} <= texts(cells))
    assert {run.name for run in autotrack.runs(store)} <= {text.rpartition(" ")[0] for text in texts(cells)}
    page.locator(".hparam-checkbox").filter(has_text=re.compile(r"^\s*dropout\s*$")).click()
    wait_until(lambda: {"dropout", "0.10000"} <= texts(cells))


def test_the_candidates_of_a_search_are_lines_in_parallel_coordinates(page: Page, store: Path) -> None:
    page.set_viewport_size({"width": 1200, "height": 880})
    search = search_in(store)
    with started(choose([search])) as server:
        page.goto(f"{server.address}#hparams")
        page.get_by_text("PARALLEL COORDINATES VIEW").click()
        plot = page.locator("tf-hparams-parallel-coords-plot")
        expect(plot.locator(".foreground path")).to_have_count(len(search.trials))
        assert {"C", "class_weight"} <= texts(plot.locator("text"))
        assert {"search/mean_test_score", "search/rank_test_score"} <= texts(plot.locator("text"))
        keep_picture(page, "parallel-coordinates-at-first")
        boxes = page.locator(".hparam-checkbox, .metric-checkbox")
        details = ("mean_fit_time", "mean_score_time", "split0_test_score")
        for name in (
            "cv",
            "error_score",
            "search/rank_test_score",
            *(f"search_details/{detail}" for detail in details),
        ):
            boxes.filter(has_text=re.compile(rf"^\s*{name}\s*$")).click()
        page.get_by_text("Logarithmic").first.click()  # of the first param, C
        boxes.first.scroll_into_view_if_needed()
        expect(plot.locator(".foreground path")).to_have_count(len(search.trials))
        keep_picture(page, "parallel-coordinates")


def test_what_a_run_is_can_be_read_as_tables(page: Page, address: str, store: Path) -> None:
    page.goto(f"{address}#text")
    for tag, said in [("about", "status"), ("environment", "hostname"), ("params", "value")]:
        page.locator("tf-tag-filterer input").fill(f"^autotrack/{tag}$")
        found = page.locator("tf-text-loader").filter(has_text=f"autotrack/{tag}")
        for run in autotrack.runs(store).where("experiment == 'digits'"):
            table = found.filter(has_text=run.folder.name).locator("table")
            expect(table.filter(has_text=said).first).to_be_attached()
        keep_picture(page, f"text-{tag}")


def test_text_that_was_logged_is_shown_as_markdown(page: Page, address: str) -> None:
    page.goto(f"{address}#text")
    page.locator("tf-tag-filterer input").fill("why")
    expect(page.locator("tf-text-loader strong").filter(has_text="how far")).to_be_visible()


def test_images_and_plots_are_shown(page: Page, address: str) -> None:
    page.goto(f"{address}#images")
    for tag in ("images/first digit", "plots/test_confusion_matrix", "plots/coefficients"):
        expect(page.locator("tf-image-loader").filter(has_text=tag).locator("img")).to_be_visible()
    images = page.locator("tf-image-loader img")
    wait_until(lambda: all(images.evaluate_all("all => all.map(image => image.naturalWidth)")))
    keep_picture(page, "images")


def test_the_report_shows_runs_of_every_framework(page: Page, store: Path, tmp_path: Path) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    runs = autotrack.runs(store)
    page.goto(runs.report().write(tmp_path / "report.html").as_uri())
    expect(page.locator("td.name a")).to_have_count(len(runs))
    keep_picture(page, "report-runs")
    for run in runs:
        page.evaluate("key => { location.hash = `run/${key}`; }", run.id)
        expect(page.locator("h1")).to_have_text(run.name)
        for name, metric in run.metrics.items():
            row = page.locator("#metrics tr").filter(
                has=page.locator("th", has_text=re.compile(f"^{re.escape(name)}$"))
            )
            column = page.locator("#metrics thead th").all_inner_texts().index("points") - 1  # empty ones are left out
            expect(row.locator("td").nth(column)).to_have_text(str(metric.count))
        assert page.locator("#params tbody tr").count() == len(run.params)
        keep_picture(page, f"report-{run.name}")
    expect(page.locator("#metrics canvas").first).to_be_visible()
    assert complaints == []
