"""Tracking servers for the tests of the remote sink: slow to start, so they live as long as the tests."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.chaos_proxy import ChaosProxy, Plan, calm, chaos_proxy
from tests.support.servers import Server, mlflow_server, object_storage, postgres


@pytest.fixture(autouse=True)
def _no_server_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a server, an account there, or a proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("URI", "USERNAME", "PASSWORD", "TOKEN", "INSECURE_TLS", "SERVER_CERT_PATH", "CLIENT_CERT_PATH"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.delenv("MLFLOW_WORKSPACE", raising=False)


@pytest.fixture(scope="session")
def _shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(_shared_server: Server) -> Iterator[Server]:
    """A tracking server with sqlite and files on disk, shared by all tests; it may be killed and stalled."""
    _shared_server.restart()
    yield _shared_server
    _shared_server.restart()


@pytest.fixture(scope="session")
def team_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tracking server as teams run it: on PostgreSQL, with its files in object storage."""
    with ExitStack() as running:
        database = running.enter_context(postgres())
        storage = running.enter_context(object_storage(tmp_path_factory.mktemp("storage")))
        place = storage.make_bucket("team")
        folder = tmp_path_factory.mktemp("team_server")
        yield running.enter_context(mlflow_server(folder, backend=database, artifacts=place, environ=storage.environ))


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tracking server that asks for user and password: `tests.support.servers.ADMIN`."""
    with mlflow_server(tmp_path_factory.mktemp("guarded_server"), auth=True) as server:
        yield server


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses on the shared server."""
    return re.sub(r"\W+", "-", request.node.name).strip("-")


@pytest.fixture
def failing(server: Server) -> Iterator[Callable[..., ChaosProxy]]:
    """Put a proxy that fails as a plan says in front of a server, the shared one unless another `url` is given."""

    def proxy(plan: Plan = calm, *, url: str = server.url, stall_seconds: float = 0.2) -> ChaosProxy:
        return running.enter_context(chaos_proxy(url, plan, stall_seconds=stall_seconds))

    with ExitStack() as running:
        yield proxy


@pytest.fixture
def sync() -> Callable[..., None]:
    """Run `autotrack sync`, which is to send everything."""

    def run(*places: Path, url: str) -> None:
        command = [sys.executable, "-m", "autotrack", "sync", *map(str, places), "--to", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run
