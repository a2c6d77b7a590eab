"""The project of a run is written so that MLflow, pip, conda and Docker take it, without autotrack."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal.summary import Summary
from autotrack.reproduce.lock import Lock
from autotrack.reproduce.project_command import project_command
from autotrack.reproduce.project_environment import project_environment
from tests.reproduce.planted import environ_of_users
from tests.support.made_once import made_once
from tests.support.repositories import commit, new, put, run_git

yaml = pytest.importorskip("yaml")

TRAIN = """
import argparse
from model import scale
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--note", default="a {b}")
parser.add_argument("--fast", action="store_true")
parser.add_argument("--sizes", nargs="*", default=["x"])
args = parser.parse_args()
total = sum(float(word) for word in open("data/numbers.csv").read().split(","))
for epoch in range(args.epochs):
    print(f"epoch {epoch} loss: {args.lr * total * scale / (epoch + 1)}")
print(args)
"""
ENVIRON = {"OMP_NUM_THREADS": "3", "PYTHONPATH": "lab"}


def record_and_export(top: Path) -> None:
    root = new(top / "digits", {".gitignore": "runs/\ndata/\n", "lab/train.py": TRAIN, "lab/model.py": "scale = 2\n"})
    inner = new(top / "inner", {"tools.py": "1\n"})
    run_git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    commit(root)
    put(root, {"data/numbers.csv": "1,2,3", "lab/model.py": "scale = 3\n"})
    words = ["run", "--always", "lab/train.py", "--lr", "5e-1", "--fast"]
    environ = {**environ_of_users(), **ENVIRON}
    subprocess.run([sys.executable, "-m", "autotrack", *words], cwd=root, env=environ, check=True, capture_output=True)
    run = next((root / "runs" / "digits").iterdir())
    done = CliRunner().invoke(app, ["export-project", str(run), str(top / "out"), "--json"])
    assert done.exit_code == 0, done.output
    (top / "done.json").write_text(done.stdout)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "exported_project", record_and_export) / "out"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_options_are_params_with_the_values_of_the_run(exported: Path) -> None:
    main = load(exported / "MLproject")["entry_points"]["main"]
    assert main["parameters"] == {
        "lr": {"type": "float", "default": 0.5},
        "epochs": {"type": "float", "default": 2},
        "batch_size": {"type": "float", "default": 8},
        "note": {"type": "string", "default": "a {b}"},
    }
    command = "python lab/train.py --lr {lr} --fast --epochs={epochs} --batch-size={batch_size} --note={note}"
    assert main["command"].endswith(f" {command}")
    assert " OMP_NUM_THREADS=3 " in main["command"]
    assert " PYTHONPATH=./lab${{PYTHONPATH:+:$PYTHONPATH}} " in main["command"]
    assert main["command"].startswith("cd digits && ")
    assert json.loads((exported.parent / "done.json").read_text())["missing"] == []


def test_the_code_of_then_and_its_data_are_there_and_nothing_of_git(exported: Path) -> None:
    names = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    files = ".dockerignore Dockerfile MLproject README.md conda.yaml python_env.yaml requirements.txt".split()
    code = ".gitignore .gitmodules lab/train.py lab/model.py inner/tools.py data/numbers.csv".split()
    assert names == {*files, *(f"digits/{name}" for name in code)}
    assert (exported / "digits/lab/model.py").read_text() == "scale = 3\n"


def test_the_packages_are_said_to_pip_conda_mlflow_and_docker(exported: Path) -> None:
    lines = (exported / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("msgspec==") for line in lines)
    assert not [line for line in lines if "autotrack" in line]
    python = ".".join(map(str, sys.version_info[:3]))
    assert load(exported / "python_env.yaml")["python"] == python
    assert load(exported / "conda.yaml")["dependencies"][0] == f"python={python}"
    docker = (exported / "Dockerfile").read_text()
    assert docker.startswith(f"FROM python:{python}-slim\n")
    assert json.loads(docker.rpartition("CMD ")[2])[:2] == ["sh", "-c"]
    assert "mlflow run . -P lr=0.5" in (exported / "README.md").read_text()


def test_the_dockerfile_passes_its_linter(exported: Path, tmp_path: Path) -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    lock = Lock("3.11.7", "opencv-python==4.10\nlab @ git+https://example.org/lab@1\n", {}, ())
    more = tmp_path / "Dockerfile"
    more.write_text(project_environment(lock, Summary(), tmp_path).files("python train.py")["Dockerfile"])
    assert "install -y --no-install-recommends git libgl1" in more.read_text()
    done = subprocess.run([hadolint, exported / "Dockerfile", more], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_mlflow_runs_it(exported: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    environ = environ_of_users() | {
        "MLFLOW_TRACKING_URI": (tmp_path / "mlruns").as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "mlflow", "run", str(exported), "-P", "epochs=5", "--env-manager", "local"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epoch 4 loss: 1.8" in done.stdout
    assert "batch_size=8, note='a {b}', fast=True, sizes=['x']" in done.stdout


@pytest.mark.usefixtures("everything")
def test_autotrack_runs_it_and_the_run_can_be_repeated(exported: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "autotrack", "run", "--always", "--tag", "why=x", str(exported), "-P", "lr=0.25"]
    subprocess.run(command, env=environ_of_users(), cwd=tmp_path, check=True, capture_output=True)
    [run] = autotrack.runs(tmp_path / "runs")
    assert (run.experiment, run.params["lr"], run.tags["why"]) == ("digits", 0.25, "x")
    done = run.reproduce(environment="here")
    assert (done.verdict.kind, done.run.params["lr"]) == ("identical", 0.25), done.verdict


def summary_of(source: str, values: dict[str, Any], given: tuple[str, ...] = ()) -> Summary:
    return Summary(params_by_source={source: values}, params_given={source: list(given)})


@pytest.mark.parametrize(
    ("source", "values", "words", "template"),
    [
        ("hydra", {"model.lr": 0.1, "data": "x"}, ["model.lr=0.1", "-m"], "model.lr={model_lr} -m data={data}"),
        ("hydra", {"x": "${y}", "hydra.job": "a"}, ["+x=1"], "+x={x}"),
        ("argparse", {"key": "[redacted]"}, ["--key", "[redacted]"], "--key {key}"),
        ("argparse", {"on": True, "none": None, "many": [1]}, ["--on"], "--on"),
        ("argparse", {"unknown": 3}, [], ""),
        ("argparse.changed", {"lr": 3}, ["--lr", "2"], "--lr 2"),
        ("typer", {"batch_size": 3}, [], "--batch-size={batch_size}"),
        ("fire", {"batch_size": 3}, ["{x}"], "'{{x}}' --batch_size={batch_size}"),
        ("lightning.hparams", {"lr": 3}, ["--lr=2"], "--lr=2"),
    ],
)
def test_each_parser_gets_its_params_in_its_way(
    source: str, values: dict[str, Any], words: list[str], template: str, tmp_path: Path
) -> None:
    assert project_command(words, summary_of(source, values), tmp_path).template == template


def test_an_option_is_spelled_as_its_parser_knows_it(tmp_path: Path) -> None:
    put(tmp_path, {"train.py": "parser.add_argument('--learning-rate', dest='lr', type=float, default=0.1)\n"})
    summary = summary_of("argparse", {"lr": 0.1})
    assert project_command(["train.py"], summary, tmp_path).template == "train.py --learning-rate={lr}"
    given = project_command(["--learning-rate", "0.1"], summary, tmp_path)
    assert given.template == "--learning-rate {lr}"


def test_options_are_not_added_behind_subcommands(tmp_path: Path) -> None:
    put(tmp_path, {"train.py": "parser.add_argument('--lr')\nparser.add_subparsers()\n"})
    assert project_command(["fit"], summary_of("argparse", {"lr": 1.0}), tmp_path).template == "fit"


def test_a_secret_is_a_param_without_a_default(tmp_path: Path) -> None:
    made = project_command(["--key=[redacted]"], summary_of("argparse", {"key": "[redacted]"}), tmp_path)
    assert [(one.name, one.type, one.default) for one in made.params] == [("key", "string", None)]


def test_builds_of_pytorch_name_their_index_and_local_wheels_are_copied(tmp_path: Path) -> None:
    wheel = tmp_path / "home" / "lab-1.0-py3-none-any.whl"
    put(tmp_path, {"home/lab-1.0-py3-none-any.whl": b"w"})
    lock = Lock("3.12.1", f"lab @ {wheel.as_uri()}#sha256=ab\ntorch==2.13.0\n", {}, (), "PyPy")
    packages = {"versions": {"torch": "2.13.0+cpu", "lab": "1.0"}}
    made = project_environment(lock, Summary(environment={"packages": packages}), tmp_path)
    index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert made.lines == (index, "./wheels/lab-1.0-py3-none-any.whl", "torch==2.13.0+cpu")
    assert (tmp_path / "wheels" / wheel.name).read_bytes() == b"w"
    files = made.files("train")
    assert "COPY wheels ./wheels" in files["Dockerfile"]
    assert files["Dockerfile"].startswith("FROM pypy:3.12-slim")
