"""`autotrack doctor` says whether a server takes runs, and what is wrong with it otherwise."""

import re
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from autotrack.cli.app import app
from tests.support.servers import ADMIN, Server, free_port, mlflow_server


def doctor(*arguments: str) -> tuple[int, list[str]]:
    ended = CliRunner().invoke(app, ["doctor", *arguments])
    return ended.exit_code, ended.output.splitlines()


def test_a_server_that_takes_runs_passes_and_is_left_as_it_was(server: Server) -> None:
    code, lines = doctor("--to", server.url)
    assert code == 0
    assert [line.split()[0] for line in lines if line.startswith("  ")] == ["yes"] * 9
    assert any(re.search(r"reached: in \d+ ms, version \d+\.\d+", line) for line in lines)
    found = requests.get(
        f"{server.url}/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": "autotrack-doctor"}, timeout=30
    ).json()
    body = {"experiment_ids": [found["experiment"]["experiment_id"]]}
    left = requests.post(f"{server.url}/api/2.0/mlflow/runs/search", json=body, timeout=30).json()
    assert not left.get("runs"), "the run of the check is deleted"


def test_nobody_listening_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.cli.doctor._PATIENCE_SECONDS", 0.1)
    code, lines = doctor("--to", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "  no   reached: " in lines[-1]
    assert "Connection refused" in lines[-1]


def test_a_place_on_the_server_that_is_none_is_said(server: Server) -> None:
    code, lines = doctor("--to", f"{server.url}/elsewhere")
    assert code == 1
    assert lines[-1].startswith("  no   speaks the MLflow protocol, and lets us in: ")


@pytest.mark.slow
def test_a_wrong_password_is_said_without_it(guarded_server: Server) -> None:
    user, password = ADMIN
    code, lines = doctor("--to", guarded_server.url.replace("//", f"//{user}:wr0ng-pa55word@"))
    assert code == 1
    assert "401" in lines[-1]
    assert not [line for line in lines if "wr0ng-pa55word" in line]
    code, _ = doctor("--to", guarded_server.url.replace("//", f"//{user}:{password.replace(' ', '%20')}@"))
    assert code == 0


@pytest.mark.slow
def test_a_store_of_artifacts_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    with mlflow_server(tmp_path, artifacts="gopher://nowhere/artifacts", proxied=False) as server:
        code, lines = doctor("--to", server.url)
    assert code == 1
    assert lines[-1].startswith("  no   takes artifacts: ")
