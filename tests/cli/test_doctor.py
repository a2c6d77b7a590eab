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


def experiments(server: Server, which: str) -> set[str]:
    body = {"view_type": which, "max_results": 1000}
    found = requests.post(f"{server.url}/api/2.0/mlflow/experiments/search", json=body, timeout=30).json()
    return {one["name"] for one in found["experiments"]}


def test_a_server_that_takes_runs_passes_and_is_left_as_it_was(server: Server) -> None:
    before = experiments(server, "ALL")
    for time in range(3):
        code, lines = doctor("--to", server.url)
        assert code == 0, lines
        assert [line.split()[0] for line in lines if line.startswith("  ")] == ["yes"] * 10
        assert any(re.search(r"reached: in \d+ ms, version \d+\.\d+", line) for line in lines)
        assert "autotrack-doctor" not in experiments(server, "ACTIVE_ONLY"), time
    assert experiments(server, "ALL") - before <= {"autotrack-doctor"}


def test_without_a_server_that_is_said_and_all_frameworks_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = doctor()[1]
    assert "  yes  up to date on servers: none is set, and none is owed anything" in lines
    frameworks = next(line for line in lines if "frameworks" in line)
    assert re.search(r"\btorch \d", frameworks)
    assert "up to date on http://127.0.0.1:9" in "\n".join(doctor("--to", "http://127.0.0.1:9")[1])


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
