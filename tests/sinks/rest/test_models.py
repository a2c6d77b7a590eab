"""What a run has kept of its model is loaded by MLflow straight from the server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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
model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
X = np.linspace(-1, 1, 80).reshape(20, 4)
same = (model.predict(X) == np.load("predicted.npy")).all()
print(json.dumps([bool(same), model.metadata.metadata["autotrack"]["weights"], model.metadata.signature is not None]))
"""


@pytest.mark.usefixtures("everything")
def test_the_model_of_a_run_is_loaded_from_the_server(
    server: Server, experiment: str, run_script: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    ended = Script(tmp_path, TRAINING, server.url, experiment).wait()
    assert ended.exit_code == 0, ended.error
    ended.wait_for_sidecar()
    said = run_script(LOADING, server.url, experiment)
    assert json.loads(said.splitlines()[-1]) == [True, "last", True]
