"""A store that somebody else made: nothing outside of it is touched, read or sent, and no run stops the others."""

import json
import os
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrack.sidecar import sync as run_sync
from tests.support.canned_server import Answer, CannedServer, Request, canned_server
from tests.support.processes import Script

SECRET = b"-----BEGIN PRIVATE KEY----- of the reader"
TOKEN = "token-of-the-reader"


def write_run(store: Path, name: str, *records: dict[str, Any], **start: Any) -> Path:
    """Write the journal of a run as somebody could by hand."""
    folder = store / "exp" / name
    (folder / "journal").mkdir(parents=True)
    began = time.time() - 100
    first = {
        "record": "RunStarted", "time": began, "id": os.urandom(16).hex(), "name": name, "experiment": "exp",
        "format": 1, "pid": 1, "host": "elsewhere", **start,
    }  # fmt: skip
    lines = [
        first,
        {"record": "Metrics", "time": began + 1, "values": {"loss": 0.5}, "step": 0},
        *records,
        {"record": "RunFinished", "time": began + 2, "status": "finished"},
    ]
    (folder / "journal" / "main.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


def artifact(path: str, kind: str = "output", **about: Any) -> dict[str, Any]:
    return {"record": "Artifact", "time": 1.0, "path": path, "kind": kind, **about}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What belongs to the reader, and must stay as it is."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "key.pem").write_bytes(SECRET)
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + SECRET)
    (folder / "start-up").write_bytes(b"alias ll='ls -l'\nhalf a line")
    (folder / "journal").mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs"


class MlflowServer(CannedServer):
    """Enough of a tracking server to take a run, its metrics and its files."""

    def next_answer(self, request: Request) -> Answer:
        self.asked.append(request)
        info = {
            "run_id": "r1", "experiment_id": "1", "lifecycle_stage": "active",
            "artifact_uri": "mlflow-artifacts:/1/r1/artifacts",
        }  # fmt: skip
        if "get-by-name" in request.path:
            return Answer(body={"experiment": {"experiment_id": "1", "name": "exp", "lifecycle_stage": "active"}})
        if "runs/create" in request.path or "runs/get" in request.path:
            return Answer(body={"run": {"info": info, "data": {}}})
        return Answer(body={"runs": []} if "runs/search" in request.path else {})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    with canned_server(kind=MlflowServer) as made:
        yield made


def sync(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autotrack", "sync", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **variables},
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()
    }


def sent(server: CannedServer) -> bytes:
    return b"".join(request.path.encode() + request.body for request in server.asked)


# ---- what is written


WRITTEN: dict[str, Callable[[Path, Path], None]] = {
    "the sidecar's journal": lambda run, home: (run / "journal" / "sidecar.jsonl").symlink_to(home / "start-up"),
    "the folder of journals": lambda run, home: (run / "more").symlink_to(home / "journal"),
    "the summary": lambda run, home: (run / "run.json").symlink_to(home / "start-up"),
    "an event file": lambda run, home: (run / "events.out.tfevents.1.a.1.0.autotrack").symlink_to(home / "start-up"),
    "what was sent": lambda run, home: (run / "remote").symlink_to(home),
    "the environment": lambda run, home: (run / "environment").symlink_to(home),
    "a trial": lambda run, home: (run / "trials").symlink_to(home),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_no_file_outside_is_written_through_a_link(what: str, store: Path, home: Path, server: CannedServer) -> None:
    WRITTEN[what](write_run(store, "bad"), home)
    write_run(store, "good")
    before = contents(home)
    done = sync(store, "--to", server.url)
    assert contents(home) == before
    assert done.returncode == 1
    assert "is a link" in done.stderr
    assert "1 run complete" in done.stdout, "the other run is synced"
    assert (store / "exp" / "good" / "run.json").exists()


PLANTED: dict[str, Callable[[Path, Path], None]] = {
    **WRITTEN,
    "the draft of an event file": lambda run, home: (run / ".autotrack-events.part").symlink_to(home / "start-up"),
    "a folder for the session": lambda run, home: (run / "hparams").symlink_to(home),
    "what was printed": lambda run, home: (run / "output.log").symlink_to(home / "start-up"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_link_that_comes_after_the_run_was_looked_through_is_not_followed_either(
    what: str, store: Path, home: Path, server: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write to a store can exchange a folder for a link at any moment."""
    trial = {"record": "Trial", "time": 1.0, "number": 0, "params": {"lr": 0.1}, "values": {"score": 0.5}}
    far = {"record": "Metrics", "time": 1.0, "values": {"loss": 0.4}, "step": 2**40}
    folder = write_run(store, "bad", trial, far)
    before = contents(home)

    def looked_through(_: Path) -> None:
        PLANTED[what](folder, home)

    monkeypatch.setattr(run_sync, "check_structure", looked_through)
    run_sync.RunSync(["tensorboard", server.url], trusted=[server.url], on_problem=lambda *_: None).sync(folder)
    assert contents(home) == before
    assert b"PRIVATE KEY" not in sent(server)


def test_runs_are_not_looked_for_behind_links(store: Path, home: Path) -> None:
    elsewhere = write_run(home, "private")
    store.mkdir()
    (store / "exp").symlink_to(home / "exp")
    assert "no runs in" in sync(store).stderr
    assert not (elsewhere / "run.json").exists()


# ---- what is read and sent


READ: dict[str, tuple[list[dict[str, Any]], Callable[[Path, Path], None]]] = {
    "a linked artifact": (
        [artifact("artifacts/weights.bin")],
        lambda run, home: (run / "artifacts" / "weights.bin").symlink_to(home / "key.pem"),
    ),
    "a link in a folder": (
        [artifact("artifacts/model")],
        lambda run, home: (run / "artifacts" / "model").symlink_to(home),
    ),
    "a linked image": (
        [artifact("artifacts/images/a-1.png", "image", step=1)],
        lambda run, home: (run / "artifacts" / "images").symlink_to(home),
    ),
    "an artifact above the run": ([artifact("../../../home/key.pem")], lambda *_: None),
    "an absolute artifact": ([artifact("{home}/key.pem")], lambda *_: None),
    "an image elsewhere": ([artifact("../../../home/picture.png", "image", step=1)], lambda *_: None),
    "a file of the environment": (
        [{"record": "Environment", "time": 1.0, "kind": "git", "values": {}, "files": ["../../../home/key.pem"]}],
        lambda *_: None,
    ),
}


@pytest.mark.parametrize("what", READ)
def test_no_file_outside_is_read_and_sent(what: str, store: Path, home: Path, server: CannedServer) -> None:
    records, link = READ[what]
    run = write_run(store, "bad", *json.loads(json.dumps(records).replace("{home}", str(home))))
    (run / "artifacts").mkdir()
    link(run, home)
    done = sync(store, "--to", server.url, "--to", "tensorboard")
    assert b"PRIVATE KEY" not in sent(server)
    for content in contents(run).values():  # nor its checksum, nor a copy in an event file
        assert b"PRIVATE KEY" not in content
        assert b"sha256" not in content
    assert "1 run complete" in done.stdout
    assert b"runs/create" in sent(server), "the run itself is sent"


def test_a_pipe_and_a_device_hold_nothing_up(store: Path, server: CannedServer) -> None:
    run = write_run(store, "pipe", artifact("artifacts/pipe"), artifact("/dev/zero"))
    (run / "artifacts").mkdir()
    os.mkfifo(run / "artifacts" / "pipe")
    journal = write_run(store, "no journal") / "journal" / "main.jsonl"
    journal.unlink()
    os.mkfifo(journal)
    write_run(store, "good")
    done = sync(store, "--to", server.url)
    assert "2 runs complete" in done.stdout
    assert "not a regular file" in done.stderr


# ---- credentials


def authorizations(server: CannedServer) -> set[str | None]:
    return {asked.headers.get("Authorization") for asked in server.asked}


def test_credentials_do_not_go_to_a_server_that_only_the_run_names(store: Path, server: CannedServer) -> None:
    write_run(store, "bad", destinations=[server.url])
    done = sync(store, MLFLOW_TRACKING_TOKEN=TOKEN)
    assert not server.asked
    assert done.returncode == 1
    assert f"autotrack sync --to {server.url}" in done.stderr


@pytest.mark.parametrize("named_by", ["--to", "AUTOTRACK_TO", "MLFLOW_TRACKING_URI"])
def test_credentials_go_to_servers_that_the_user_names(store: Path, server: CannedServer, named_by: str) -> None:
    write_run(store, "own", destinations=[server.url])
    option = ["--to", server.url] if named_by == "--to" else []
    variables = {} if named_by == "--to" else {named_by: server.url}
    done = sync(store, *option, MLFLOW_TRACKING_TOKEN=TOKEN, **variables)
    assert authorizations(server) == {f"Bearer {TOKEN}"}
    assert f"1 run at {server.url}" in done.stdout


def test_a_server_that_only_the_run_names_is_not_even_asked(store: Path, server: CannedServer) -> None:
    write_run(store, "bad", destinations=[server.url])
    done = sync(store, HOME=str(store))
    assert not server.asked
    assert done.returncode == 1
    assert f"autotrack sync --to {server.url}" in done.stderr


def test_a_command_that_is_said_may_be_pasted_whatever_the_run_names(store: Path, home: Path) -> None:
    name = f"http://127.0.0.1:9/$(touch {home}/sprung)"
    write_run(store, "bad", destinations=[name])
    said = sync(store).stderr
    command = said.partition("run: ")[2].splitlines()[0]
    assert shlex.split(command)[:3] == ["autotrack", "sync", "--to"]
    subprocess.run(["sh", "-c", command.replace("autotrack", "true", 1)], check=False)
    assert not (home / "sprung").exists()


@pytest.mark.parametrize("sidecar", ["on", "off"])
def test_a_server_that_a_training_of_the_user_has_named_gets_the_rest(
    store: Path, server: CannedServer, tmp_path: Path, sidecar: str
) -> None:
    code = f"""
    import autotrack
    autotrack.start_run("one", to=["other", "{server.url}"], experiment="exp").finish()
    """
    with Script(tmp_path, textwrap.dedent(code), AUTOTRACK_SIDECAR=sidecar, AUTOTRACK_EXIT_TIMEOUT="0") as script:
        script.wait().wait_for_sidecar()
    write_run(store, "own", destinations=[server.url])
    done = sync(store)
    assert f"1 run at {server.url}" in done.stdout, done.stderr
