"""The tutorial: a script without a line about tracking ends as a registered model, which is loaded and served."""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
import requests

import autotrack
from autotrack.models.registry import Registry
from tests.support.made_once import made_once
from tests.support.processes import sidecars_of, wait_until
from tests.support.servers import START_SECONDS, free_port

SCRIPT = Path(__file__).parents[2] / "examples" / "torch_script.py"
NAME = "mnist_classifier"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),  # what the script kept its model with
]


def environment() -> dict[str, str]:
    """Return that of somebody who has set nothing."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}


def autotrack_command(*words: object, folder: Path) -> str:
    """Run a command as somebody types it; return what it prints."""
    command = [sys.executable, "-m", "autotrack", *map(str, words)]
    done = subprocess.Popen(command, cwd=folder, env=environment(), text=True, stdout=-1, stderr=-1)
    printed, said = done.communicate(timeout=300)
    assert done.returncode == 0, said
    wait_until(lambda: not sidecars_of(done.pid))
    return printed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the script was run twice."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")

    def train(folder: Path) -> None:
        for epochs in (1, 2):
            arguments = ["--epochs", epochs, "--batch_size=256"]
            autotrack_command("run", "--register", NAME, SCRIPT, *arguments, folder=folder)

    return made_once(tmp_path_factory, "tutorial", train)


@pytest.fixture
def digits() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Pictures as the script trains on them."""
    from sklearn.datasets import load_digits

    found: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (load_digits().data[:5] / 16).astype("float32")
    return found


def test_each_run_ends_as_a_version(folder: Path) -> None:
    model = Registry(folder / "runs").model(NAME)
    runs = {run.id: run.params["epochs"] for run in autotrack.runs(folder / "runs")}
    assert [runs[version.origin.run] for _, version in sorted(model.versions.items())] == [1, 2]


def test_a_version_is_loaded_and_predicts(folder: Path, tmp_path: Path, digits: "np.ndarray[tuple[int, int]]") -> None:
    import torch

    np.save(tmp_path / "digits.npy", digits)
    model = autotrack.load_model(f"models:/{NAME}", store=folder / "runs", trusted=True)
    expected = model(torch.from_numpy(digits)).tolist()
    words = ("predict", NAME, tmp_path / "digits.npy", "--store", folder / "runs", "--trusted")
    assert json.loads(autotrack_command(*words, folder=tmp_path)) == expected


def test_the_best_weights_that_the_script_has_saved_are_a_model_as_well(folder: Path) -> None:
    run = next(run for run in autotrack.runs(folder / "runs") if run.params["epochs"] == 2)
    version = run.register("mnist_best", weights="best")
    assert version.path.startswith("best_model/")
    assert version.saved_for.keys() == {"accuracy"}


@pytest.mark.usefixtures("everything")
def test_a_version_is_served(folder: Path, tmp_path: Path, digits: "np.ndarray[tuple[int, int]]") -> None:
    import torch

    pytest.importorskip("mlflow")
    port = free_port()
    command = [sys.executable, "-m", "autotrack", "serve", f"{NAME}/2", "--port", str(port), "--trusted"]

    def is_ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/ping", timeout=10).ok
        except requests.ConnectionError:
            return False

    with (tmp_path / "served.log").open("w") as log:
        process = subprocess.Popen([*command, "--store", str(folder / "runs")], stderr=log, stdout=log)
    try:
        until = monotonic() + START_SECONDS
        while not is_ready() and process.poll() is None and monotonic() < until:
            sleep(0.2)
        url = f"http://127.0.0.1:{port}/invocations"
        answer = requests.post(url, json={"inputs": digits.tolist()}, timeout=60).json()
    finally:
        process.terminate()
    assert process.wait(60) == 0
    assert not is_ready(), "it has ended the server, too"
    model = autotrack.load_model(f"models:/{NAME}/2", store=folder / "runs", trusted=True)
    assert answer["predictions"] == model(torch.from_numpy(digits)).tolist()
