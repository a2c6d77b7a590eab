"""Thirty models, each trained under autolog, and loaded by the real MLflow in a process without the training code."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support.processes import wait_until

TRAININGS = Path(__file__).with_name("trainings")
LOADING = Path(__file__).with_name("loading.py")

TEN = [
    "classifier", "pipeline_of_a_frame", "categories", "code_of_the_script", "keras_with_two_inputs",
    "torch_of_the_script", "torch_with_two_inputs", "torch_scripted", "lightning_of_other_files", "lightning_of_dicts",
]  # fmt: skip
"""One of each kind: those that are trained in every run of the tests."""

_ENVIRONMENT = {"KERAS_BACKEND": "torch", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}


def all_names() -> dict[str, list[str]]:
    """Return the names of all models, by the file that trains them."""
    trained = re.compile(r"^def ([a-z]\w*)\(\) -> Trained:", re.MULTILINE)
    return {path.name: trained.findall(path.read_text()) for path in sorted(TRAININGS.glob("*_models.py"))}


def train(folder: Path, chosen: Iterable[str]) -> list[str]:
    """Train the chosen models below a folder, a process for each framework; return their names."""
    wanted = set(chosen)
    project = Path(shutil.copytree(TRAININGS, folder / "project"))
    done = []
    for script, names in all_names().items():
        here = [name for name in names if name in wanted]
        if here:
            command = [sys.executable, "-W", "ignore", str(project / script), str(folder), *here]
            subprocess.run(command, env={**os.environ, **_ENVIRONMENT}, check=True, timeout=900, cwd=folder)
        done += here
    wait_until(lambda: all(list((folder / "runs" / name).glob("*/model/MLmodel")) for name in done))
    shutil.rmtree(project)
    return done


def problems(folder: Path, names: Iterable[str], *, python: str = sys.executable) -> dict[str, str | None]:
    """Load models in one fresh process; return what is wrong with each, None if it predicts the same bit by bit."""
    alone = shutil.copy(LOADING, folder)  # with nothing beside it: neither this package nor what trained the models
    done = subprocess.run(
        [python, alone, folder, *names],
        env={**os.environ, **_ENVIRONMENT}, check=True, timeout=900, cwd=folder, stdout=subprocess.PIPE,
    )  # fmt: skip
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found
