"""What a run has kept of its model is loaded by MLflow straight from the server, and is there once."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import mlflow
import pytest

from tests.support.chaos_proxy import ChaosProxy, Fault
from tests.support.processes import Script
from tests.support.servers import Server

pytestmark = pytest.mark.slow

TRAINING = """
import sys, numpy as np, autotrack

autotrack.autolog(to=["runs", sys.argv[1]], experiment=sys.argv[2])
from sklearn.linear_model import LogisticRegression

X = np.linspace(-1, 1, 80).reshape(20, 4)
model = LogisticRegression().fit(X, X[:, 0] > 0)
np.save("predicted.npy", model.predict(X))
"""

LOADING = """
import json, os, sys
import mlflow, numpy as np

mlflow.set_tracking_uri(sys.argv[1])
run = mlflow.search_runs(experiment_names=[sys.argv[2]], output_format="list")[0]
X = np.linspace(-1, 1, 80).reshape(20, 4)
for uri in (f"models:/{sys.argv[3]}", f"runs:/{run.info.run_id}/model"):
    model = mlflow.pyfunc.load_model(uri)
    same = (model.predict(X) == np.load("predicted.npy")).all()
    about = model.metadata
    print(json.dumps([bool(same), about.metadata["autotrack"]["weights"], about.signature is not None, about.run_id]))
"""


def logged_models(url: str, experiment: str) -> list[Any]:
    client = mlflow.MlflowClient(url)
    found = client.get_experiment_by_name(experiment)
    return list(client.search_logged_models([found.experiment_id])) if found is not None else []


@pytest.mark.usefixtures("everything")
def test_the_model_of_a_run_is_loaded_from_the_server(
    server: Server, experiment: str, run_script: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    ended = Script(tmp_path, TRAINING, server.url, experiment).wait()
    assert ended.exit_code == 0, ended.error
    ended.wait_for_sidecar()
    (model,) = logged_models(server.url, experiment)
    lines = run_script(LOADING, server.url, experiment, model.model_id).splitlines()
    assert json.loads(lines[-2]) == [True, "last", True, model.source_run_id]
    assert json.loads(lines[-1])[:3] == [True, "last", True]


@pytest.mark.usefixtures("everything")
def test_it_is_a_logged_model_of_its_run_and_there_once_whatever_is_sent_again(
    server: Server, experiment: str, tmp_path: Path, sync: Callable[..., None], failing: Callable[..., ChaosProxy]
) -> None:
    ended = Script(tmp_path, TRAINING, "tensorboard", experiment).wait()
    assert ended.exit_code == 0, ended.error
    ended.wait_for_sidecar()
    proxy = failing(lambda number: Fault.DROP_AFTER if number % 3 == 0 else None)
    sync(tmp_path / "runs", url=proxy.url)
    for folder in (tmp_path / "runs").glob("*/*/remote"):
        rmtree(folder)
    sync(tmp_path / "runs", url=server.url)
    (model,) = logged_models(server.url, experiment)
    assert (model.name, model.status, model.params["C"]) == ("model", "READY", "1.0")
    assert {metric.key: metric.dataset_name for metric in model.metrics}["fit_seconds"] == "X"
    run: Any = mlflow.MlflowClient(server.url).get_run(model.source_run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    sent = json.loads(next((tmp_path / "runs").glob("*/*/remote/*.json")).read_text())["sent"]
    assert not [what for what in sent if what.startswith("file model/")]  # MLflow shows those of the logged model
