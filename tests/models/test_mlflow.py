"""The folder of a kept model is a model of MLflow: the real one loads it, and it predicts the same bit by bit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRAININGS = Path(__file__).with_name("trainings.py")
LOADING = Path(__file__).with_name("loading.py")

MODELS = [
    "classifier", "regressor", "pipeline_of_a_frame", "clusterer", "categories", "search", "code_of_the_script",
    "texts", "keras_sequential", "keras_with_two_inputs", "lightning_of_the_script",
    "lightning_of_other_files",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
def test_mlflow_loads_what_was_kept_and_predicts_the_same(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    environment = {**os.environ, "KERAS_BACKEND": "torch", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}
    alone = shutil.copy(LOADING, tmp_path)  # with nothing beside it: neither this package nor what trained the models
    (tmp_path / "project").mkdir()
    script = shutil.copy(TRAININGS, tmp_path / "project")
    subprocess.run(
        [sys.executable, "-W", "ignore", script, tmp_path, *MODELS],
        env=environment,
        check=True,
        timeout=500,
        cwd=tmp_path,
    )
    done = subprocess.run(
        [sys.executable, alone, tmp_path, *MODELS],
        env=environment, check=True, timeout=500, cwd=tmp_path, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(MODELS)
