"""Settings say how much of a run's files goes to a server."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from tests.support.server_reader import ServerReader
from tests.support.servers import Server


@pytest.mark.slow
def test_files_over_the_limit_stay_owed_until_it_is_raised(
    server: Server, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_UPLOAD_MB", "1")
    (tmp_path / "small.bin").write_bytes(bytes(10_000))
    (tmp_path / "large.bin").write_bytes(bytes(2_000_000))
    with autotrack.start_run(to=tmp_path / "runs", experiment=experiment) as run:
        run.log({"loss": 0.5}, step=0)
        run.log_artifact("large.bin")
        run.log_artifact("small.bin")
    ended = CliRunner().invoke(app, ["sync", str(run.folder), "--to", server.url])
    assert ended.exit_code == 1, ended.output
    assert "did not take file artifacts/large.bin" in ended.output
    assert "1 run there in part" in ended.output
    reader = ServerReader(server.url)
    assert set(reader.files(reader.run(experiment), "artifacts")) == {"artifacts/small.bin"}
    monkeypatch.setenv("AUTOTRACK_UPLOAD_MB", "5")
    ended = CliRunner().invoke(app, ["sync", str(run.folder), "--to", server.url])
    assert ended.exit_code == 0, ended.output
    assert set(reader.files(reader.run(experiment), "artifacts")) == {"artifacts/small.bin", "artifacts/large.bin"}
