"""Trains thirty models, and has MLflow 3 and an old MLflow 2 load them, and MLflow 3 serve one: `make models`."""

import os
import pickle
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import requests

from tests.models.thirty import all_names, problems, train
from tests.support.servers import free_port

OLD = "mlflow==2.9.2"
"""The oldest one that runs with a NumPy of today: what it needs in older versions is installed beside it."""

OLD_NEEDS = (
    "protobuf<5", "importlib-metadata<8", "databricks-cli", "oauthlib", "pyjwt", "tabulate", "entrypoints", "pytz",
    "packaging<24", "querystring_parser", "sqlalchemy<2.1", "alembic<2",
)  # fmt: skip

NOT_IN_OLD = ("keras_", "pipeline_of_a_frame")
"""MLflow 2.9 knows Keras as a part of TensorFlow only, and not the columns of text of pandas 3."""

SERVED = "lightning_of_dicts"


def old_python() -> str:
    """Return the Python of an environment with the old MLflow, and with all else of this one."""
    folder = Path(tempfile.gettempdir()) / "autotrack-mlflow-2"
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        venv.create(folder, clear=True, with_pip=True)
        site = next(folder.glob("lib/python*/site-packages"))
        (site / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*install, OLD, *OLD_NEEDS], check=True)
        made.touch()
    return str(python)


def served(folder: Path) -> str | None:
    """Have MLflow serve a model, and ask it over HTTP; return what is wrong with the response."""
    model = next((folder / "runs" / SERVED).glob("*/model"))
    data, expected = pickle.loads((folder / f"{SERVED}.pickle").read_bytes())
    port, path = free_port(), f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        model,
        "-p",
        str(port),
        "--env-manager",
        "local",
    ]
    with (folder / "served.log").open("wb") as log:
        server = subprocess.Popen(
            list(map(str, command)), stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true", "PATH": path},
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = monotonic() + 180
        while monotonic() < deadline and server.poll() is None:
            with suppress(requests.ConnectionError):
                requests.get(f"{url}/ping", timeout=10)
                break
            sleep(0.2)
        if server.poll() is not None:
            return (folder / "served.log").read_text()[-500:]
        inputs = {name: part.tolist() for name, part in data.items()}
        response = requests.post(f"{url}/invocations", json={"inputs": inputs}, timeout=60)
        predicted = response.json().get("predictions")
        return None if predicted == expected.tolist() else f"{response.status_code}: {response.text[:200]}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def main() -> int:
    """Print what is wrong, and how many models are loaded as they were."""
    with tempfile.TemporaryDirectory(prefix="autotrack-models-") as name:
        folder = Path(name)
        names = train(folder, [one for several in all_names().values() for one in several])
        old = [one for one in names if not one.startswith(NOT_IN_OLD)]
        found: dict[str, dict[str, Any]] = {
            "MLflow 3": problems(folder, names),
            OLD: problems(folder, old, python=old_python()),
            "mlflow models serve": {SERVED: served(folder)},
        }
    for reader, of_models in found.items():
        print(f"{reader}: {sum(one is None for one in of_models.values())} of {len(of_models)} models")
        for model, problem in of_models.items():
            if problem is not None:
                print(f"  {model}: {problem}")
    return int(any(problem is not None for of_models in found.values() for problem in of_models.values()))


if __name__ == "__main__":
    sys.exit(main())
