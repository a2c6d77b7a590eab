"""What MLflow's own client reads of real trainings is what the journals say, point by point and byte by byte."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import autotrack
from tests.support.processes import Script
from tests.support.server_reader import comparable, recorded_points
from tests.support.servers import Server

pytestmark = pytest.mark.slow

LIGHTNING = """
import sys, torch, autotrack
from torch.utils.data import DataLoader, TensorDataset

autotrack.autolog(to=["runs", sys.argv[1]], experiment=sys.argv[2])
import lightning.pytorch as pl


class Net(pl.LightningModule):
    def __init__(self, width=4, lr=0.05):
        super().__init__()
        self.save_hyperparameters()
        self.layer, self.head = torch.nn.Linear(4, width), torch.nn.Linear(width, 1)

    def loss(self, batch):
        return self.head(self.layer(batch[0])).pow(2).mean()

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


torch.manual_seed(0)
data = DataLoader(TensorDataset(torch.linspace(-1, 1, 320).reshape(80, 4)), batch_size=4)
pl.Trainer(
    max_epochs=3, log_every_n_steps=1, logger=False, accelerator="cpu", enable_progress_bar=False
).fit(Net(), data, data)
"""

KERAS = """
import sys, numpy as np, autotrack

autotrack.autolog(to=["runs", sys.argv[1]], experiment=sys.argv[2])
import keras

x = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
model.compile("sgd", loss="mse", metrics=["mae"])
model.fit(x, x.sum(axis=1), epochs=4, batch_size=8, validation_split=0.2, verbose=0)
"""

SEARCH = """
import sys, autotrack
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

autotrack.autolog(to=["runs", sys.argv[1]], experiment=sys.argv[2])
grid = {"max_depth": [1, 2, 3], "criterion": ["gini", "entropy"]}
GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=3).fit(*load_wine(return_X_y=True))
"""

READING = """
import json, pathlib, sys, mlflow

url, name, folder = sys.argv[1:]
mlflow.set_tracking_uri(url)
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(name)
table = mlflow.search_runs(experiment_names=[name])
found = []
for run in client.search_runs([experiment.experiment_id]):
    run_id = run.info.run_id
    (row,) = table[table.run_id == run_id].to_dict("records")
    files = mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=f"{folder}/{run_id}")
    for model in getattr(run.outputs, "model_outputs", ()):  # MLflow 3 has their files beside those of the run
        mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=f"{folder}/{run_id}/model")
    found.append({
        "status": run.info.status, "name": run.info.run_name,
        "started": run.info.start_time, "ended": run.info.end_time,
        "params": run.data.params, "tags": run.data.tags, "latest": run.data.metrics,
        "points": {
            key: [(one.timestamp, one.step, one.value) for one in client.get_metric_history(run_id, key)]
            for key in run.data.metrics
        },
        "row": {key: value for key, value in row.items() if key.startswith(("metrics.", "params.", "status"))},
        "datasets": [
            {"tags": {tag.key: tag.value for tag in one.tags}, "name": one.dataset.name, "digest": one.dataset.digest}
            for one in run.inputs.dataset_inputs
        ],
        "folder": files,
    })
print(json.dumps(found))
"""

Reading = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def read(server: Server, run_script: Callable[..., str], tmp_path: Path) -> Reading:
    """Read all runs of an experiment with MLflow's client, in a process of its own."""

    def read_all(experiment: str) -> list[dict[str, Any]]:
        found = run_script(READING, server.url, experiment, str(tmp_path / "downloaded"))
        return json.loads(found.splitlines()[-1])  # type: ignore[no-any-return]

    return read_all


def train(folder: Path, code: str, url: str, experiment: str) -> autotrack.RecordedRun:
    """Run a script as users do, with its sidecar, and wait until that has sent everything."""
    environ = {"AUTOTRACK_SIDECAR": "on", "AUTOTRACK_ENVIRONMENT": "on", "KERAS_BACKEND": "torch"}
    ended = Script(folder, code, url, experiment, **environ).wait()
    assert ended.exit_code == 0, ended.error
    ended.wait_for_sidecar()
    (run,) = autotrack.runs(folder / "runs")
    return run


def check(found: dict[str, Any], run: autotrack.RecordedRun) -> None:
    """The server's run is the one in the folder: all points, all params, all files."""
    assert [said for said in troubles(run) if "No such file" not in said] == []  # of a checkpoint that was replaced
    points = {
        name: sorted(((at, step, comparable(value)) for at, step, value in series), key=str)
        for name, series in found["points"].items()
        if not name.startswith("system/")
    }
    assert points == recorded_points(run.folder)
    assert {name: found["params"][name] for name in run.params} == as_text(run.params)
    assert found["status"] == found["row"]["status"] == "FINISHED"
    assert found["started"] == pytest.approx(run.summary.started * 1000, abs=1)
    assert run.summary.ended is not None
    assert found["ended"] == pytest.approx(run.summary.ended * 1000, abs=1)
    assert {f"params.{name}": value for name, value in found["params"].items()}.items() <= found["row"].items()
    assert {f"metrics.{name}" for name in points} <= set(found["row"])
    check_files(Path(found["folder"]), run)


def troubles(run: autotrack.RecordedRun) -> list[str]:
    return [notice.message for notice in run.summary.notices if notice.about == "remote"]


def as_text(params: Mapping[str, Any]) -> dict[str, str]:
    """Params as MLflow's own client logs them."""
    return {name: str(value) for name, value in params.items()}


def check_files(downloaded: Path, run: autotrack.RecordedRun) -> None:
    assert run.artifacts
    for artifact in run.artifacts:
        source = run.folder / artifact.path
        for path in [source] if source.is_file() else source.rglob("*"):
            if path.is_file() and path.name != "MLmodel":  # there it names the logged model and the run, too
                assert (downloaded / path.relative_to(run.folder)).read_bytes() == path.read_bytes()


def test_a_lightning_run(server: Server, experiment: str, read: Reading, tmp_path: Path) -> None:
    run = train(tmp_path / "job", LIGHTNING, server.url, experiment)
    (found,) = read(experiment)
    check(found, run)
    assert {"loss", "val_loss"} <= set(found["points"])
    assert len(found["points"]["loss"]) == 60
    assert {one["tags"]["mlflow.data.context"] for one in found["datasets"]} >= {"train"}
    assert [name for name in found["points"] if name.startswith("system/")]


def test_a_keras_run(server: Server, experiment: str, read: Reading, tmp_path: Path) -> None:
    run = train(tmp_path / "job", KERAS, server.url, experiment)
    (found,) = read(experiment)
    check(found, run)
    assert {"loss", "mae", "val_loss", "val_mae"} <= set(found["points"])


def test_a_grid_search_and_its_candidates(server: Server, experiment: str, read: Reading, tmp_path: Path) -> None:
    run = train(tmp_path / "job", SEARCH, server.url, experiment)
    found = read(experiment)
    (parent,) = [one for one in found if "mlflow.parentRunId" not in one["tags"]]
    check(parent, run)
    nested = {json.dumps(one["params"], sort_keys=True): one for one in found if one is not parent}
    assert len(nested) == len(run.trials) == 6
    for trial in run.trials:
        one = nested[json.dumps(as_text(trial.params), sort_keys=True)]
        assert one["latest"] == pytest.approx(trial.values)
        assert one["status"] == "FINISHED"
        assert one["ended"] >= one["started"]
