"""What a server has not taken is said wherever somebody looks, until it has taken it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from tests.support.chaos_proxy import ChaosProxy, chaos_proxy
from tests.support.disks import read_only
from tests.support.processes import wait_until
from tests.support.server_reader import check_arrived
from tests.support.servers import Server, free_port


def call(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "300"})
    return ended.exit_code, ended.output


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    with autotrack.start_run("big", to="runs", experiment=request.node.name) as run:
        run.log({"loss": 0.5}, step=0)
        for name in ("a", "b", "c", "d"):
            (tmp_path / name).write_text(name * 10)
            run.log_artifact(name)
    return run.folder


@pytest.fixture
def proxy(server: Server) -> Iterator[ChaosProxy]:
    with chaos_proxy(server.url) as proxy:
        yield proxy


def test_files_that_are_too_large_for_a_server_are_one_line_everywhere_until_they_are_not(
    folder: Path, proxy: ChaosProxy, server: Server
) -> None:
    proxy.refuses = lambda method, path, _: 413 if method == "PUT" and not path.endswith("/d") else None
    code, said = call("sync", "--to", proxy.url)
    assert code == 1
    assert said.count("\n") == 2
    assert f"{proxy.url} did not take 3 files (artifacts/a, artifacts/b and 1 more) of {folder.name}: refused" in said
    assert "(413 without a reason)" in said
    assert said.endswith(f"1 run complete, 0 runs at {proxy.url}, 1 run there in part\n")

    code, listed = call("ls")
    assert code == 0
    again = (
        f"{proxy.url} lacks parts of run {folder.name}: `autotrack show` says which, `autotrack sync --to {proxy.url}`"
    )
    assert again in listed
    shown = call("show")[1]
    assert proxy.url in shown.partition("owed to servers")[2]
    assert "3 files (artifacts/a, artifacts/b and 1 more): refused" in shown
    assert list(json.loads(call("show", "--json")[1])["owed"]) == [proxy.url]
    code, checked = call("doctor")
    assert code == 1
    assert f"no   up to date on servers: {again}" in checked
    code, checked = call("doctor", "--to", server.url)
    assert code == 0, checked

    proxy.refuses = lambda *_: None
    assert call("sync", "--to", proxy.url) == (0, f"1 run complete, 1 run at {proxy.url}\n")
    check_arrived(server.url, autotrack.load(folder).experiment, folder)
    assert "lacks" not in call("ls")[1]
    assert "owed to servers" not in call("show")[1]
    assert json.loads(call("show", "--json")[1])["owed"] == {}
    assert call("doctor")[0] == 0


def test_a_server_that_has_taken_nothing_and_that_no_run_names_is_owed_nothing(folder: Path) -> None:
    mistyped = f"http://127.0.0.1:{free_port()}"
    code, said = call("sync", "--to", mistyped)
    assert code == 1
    assert said.endswith(f"1 run complete, 0 runs at {mistyped}, 1 run not sent there\n")
    assert "lacks" not in call("ls")[1]
    assert json.loads(call("show", "--json")[1])["owed"] == {}
    assert call("doctor")[0] == 0
    assert not list(folder.glob("remote/*.json"))


def test_a_run_that_its_server_does_not_let_in_at_all_is_owed_too(
    proxy: ChaosProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_EXIT_TIMEOUT", "0")
    proxy.refuses = lambda *_: 401
    with autotrack.start_run("refused", to=["runs", proxy.url]) as run:
        run.log({"loss": 0.5}, step=0)
    folder = run.folder
    code, said = call("sync")
    assert code == 1
    assert said.endswith(f"1 run complete, 0 runs at {proxy.url}, 1 run not sent there\n")
    assert (
        f"{proxy.url} lacks parts of run {folder.name}: `autotrack show` says which, `autotrack sync` "
        in call("ls")[1]
    )
    assert "the transfer was broken off: " in call("show")[1]
    proxy.refuses = lambda *_: None
    assert call("sync")[0] == 0
    assert "lacks" not in call("ls")[1]


def test_a_store_that_may_only_be_read_is_sent_all_the_same_and_not_written_to(
    folder: Path, proxy: ChaosProxy, server: Server
) -> None:
    before = sorted(folder.rglob("*"))
    with read_only(folder.parents[1]):
        proxy.refuses = lambda method, path, _: 413 if path.endswith("/a") else None
        code, said = call("sync", "--to", proxy.url)
        assert code == 1
        assert said.endswith(f"1 run read-only, 0 runs at {proxy.url}, 1 run there in part\n")
        assert f"{proxy.url} lacks parts of run {folder.name}" in call("ls")[1]
        proxy.refuses = lambda *_: None
        assert call("sync", "--to", proxy.url) == (0, f"1 run read-only, 1 run at {proxy.url}\n")
        sent = len(proxy.seen)
        assert call("sync", "--to", proxy.url)[0] == 0
        assert not [one for one in proxy.seen[sent:] if one.method == "PUT"]
        assert "lacks" not in call("ls")[1]
        code, said = call("sync", "--to", "tensorboard")
        assert (code, said.splitlines()[-1]) == (0, "1 run read-only")
        assert "may only be read" in said
    check_arrived(server.url, autotrack.load(folder).experiment, folder)
    assert sorted(folder.rglob("*")) == before


def test_a_run_that_has_ended_and_not_reached_its_server_is_not_sent_yet_until_it_has(
    proxy: ChaosProxy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_EXIT_TIMEOUT", "0")
    proxy.refuses = lambda *_: 503
    with autotrack.start_run("waiting", to=["runs", proxy.url]) as run:
        run.log({"loss": 0.5}, step=0)
        assert "not sent yet" not in call("ls")[1], "it is still being recorded"
    said = f"not sent yet to {proxy.url}: run {run.folder.name}"
    assert said in call("ls")[1]
    assert json.loads(call("show", "--json")[1])["owed"] == {proxy.url: ["not sent yet"]}
    code, checked = call("doctor")
    assert code == 1
    assert said in checked
    assert call("doctor", "--to", server.url)[0] == 0
    proxy.refuses = lambda *_: None
    wait_until(lambda: call("sync")[0] == 0, seconds=30)
    assert "not sent yet" not in call("ls")[1]
    assert json.loads(call("show", "--json")[1])["owed"] == {}
    assert call("doctor")[0] == 0
