"""A store with runs of all kinds, to be damaged."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from tests.support.canned_server import Answer, CannedServer, Request, canned_server
from tests.support.processes import sidecars_of, wait_until
from tests.support.repositories import new, put


class TakesAll(CannedServer):
    """Enough of a tracking server to take every run, its metrics and its files."""

    def next_answer(self, request: Request) -> Answer:
        self.asked.append(request)
        info = {"run_id": "r1", "experiment_id": "1", "lifecycle_stage": "active",
                "artifact_uri": "mlflow-artifacts:/1/r1/artifacts"}  # fmt: skip
        if "get-by-name" in request.path:
            return Answer(body={"experiment": {"experiment_id": "1", "name": "exp", "lifecycle_stage": "active"}})
        if "runs/create" in request.path or "runs/get" in request.path or "runs/update" in request.path:
            return Answer(body={"run": {"info": info, "data": {}}})
        return Answer(body={"runs": []} if "runs/search" in request.path else {})


def make_store(store: Path) -> None:
    """Record runs of several kinds: complete, failed, killed, resumed, of a search, and with everything in them."""
    with autotrack.start_run("complete", to=store, experiment="exp", params={"lr": 0.1, "model": {"width": 3}}) as run:
        for step in range(20):
            run.log({"val_loss": 1 / (step + 1), "nan": float("nan")}, step=step, epoch=step // 5, stage="validate")
        run.log_tags({"why": "paper"})
        run.log_text("note", "# Title\n\ntext")
        run.log_table("table", [{"a": 1, "b": "x"}])
        run.log_trial(0, {"width": 3}, {"score": 0.5})
        run.log_dataset("train", [[1.0, 2.0], [3.0, 4.0]], "mine")
        run.log_image("picture", _pixels())
        for name in ("model.bin", "data.txt"):
            (store.parent / name).write_bytes(os.urandom(2000))
            run.log_artifact(store.parent / name, kind="model")
    try:
        with autotrack.start_run("failed", to=store, experiment="exp") as run:
            run.log({"loss": 0.5})
            raise ValueError("too much")
    except ValueError:
        pass
    with autotrack.start_run("plotted", to=store, experiment="exp") as run:
        run.log_plot("matrix", "confusion_matrix", {"matrix": [[1, 2], [3, 4]], "labels": ["a", "b"]})
        run.log_plot("roc", "roc", {"fpr": [0.0, 1.0], "tpr": [0.0, 1.0]})
    script = f"""
import os, autotrack
run = autotrack.start_run("killed", to={str(store)!r}, experiment="exp")
run.log({{"loss": 0.5}}, step=2**40)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "AUTOTRACK_SIDECAR": "off"}, check=False)
    _make_coded(store)
    first = next(store.glob("exp/*failed"))
    shutil.copytree(next(store.glob("exp/*complete")), first.with_name("20200101-000000-copy"))
    shutil.copyfile(first / "journal" / "main.jsonl", first / "journal" / "rank1.jsonl")
    with canned_server(kind=TakesAll) as server:
        CliRunner().invoke(app, ["sync", str(store), "--to", server.url, "--to", "tensorboard"])
    kept = str(next(store.glob("exp/*complete")))
    for command in (["register", kept, "kept"], ["models", "alias", "kept", "champion"]):
        assert CliRunner().invoke(app, [*command, "--store", str(store)]).exit_code == 0


_CODED = """
import sys, autotrack
import helper
for number in range(5):
    with autotrack.start_run(f"coded{number}", to=sys.argv[1], experiment="coded", params={"lr": 0.1}) as run:
        run.log({"val_loss": helper.loss(number)}, step=0)
        print(number)
"""


def _make_coded(store: Path) -> None:
    """Record runs with all that is captured of code: one with an environment of its own, and one that shares it."""
    project = new(store.parent / "project", {"train.py": _CODED, "helper.py": "def loss(x):\n    return x\n"})
    put(project, {"helper.py": "def loss(x):\n    return x + 1\n", "notes.py": "1\n"})
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    environ |= {"AUTOTRACK_QUIET": "1", "AUTOTRACK_SYSTEM_SECONDS": "0", "AUTOTRACK_TENSORBOARD": "off"}
    script = subprocess.Popen([sys.executable, "train.py", str(store)], cwd=project, env=environ)
    wait_until(lambda: script.poll() is not None and not sidecars_of(script.pid), seconds=60)
    folders = sorted(store.glob("coded/2*"))
    shared = [folder for folder in folders if autotrack.load(folder).shared_environment]
    for folder in set(folders) - {folders[0], *shared[:1]}:
        shutil.rmtree(folder)


def _pixels() -> Any:
    from PIL import Image

    return Image.new("RGB", (4, 4))
