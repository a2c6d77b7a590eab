"""Real servers for tests: a tracking server, the database and the object storage behind it, all on this machine.

Every server is a process group of its own that dies with whoever started it, however that ends.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep
from typing import IO

import pytest
import requests

from tests.support.made_once import made_once_in

START_SECONDS = 180
"""A tracking server that has to make its tables first takes ten seconds on an idle machine, a minute on a busy one."""

ADMIN = ("admin", "a password of twenty")
"""User and password of the tracking server that asks for them."""

STORAGE_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}

_MLFLOW = Path(__file__).with_name("mlflow_in_one_process.py")

# The shell ends the whole group when the pipe from its starter is closed, or when the server has ended.
_ON_A_LEASH = 'exec 3<&0; { "$@" </dev/null 3<&-; kill -KILL 0; } & cat <&3 >/dev/null; kill -KILL 0'


class Server:
    """A server on a free loopback port, once it is started; `is_ready` asks whether it answers.

    It can be stalled, killed and started again on the same port and data. `account` is the user it runs as.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        log: Path,
        is_ready: Callable[[], bool],
        environ: Mapping[str, str] | None = None,
        account: str | None = None,
    ) -> None:
        self.port = port
        self.log = log
        self._command = command
        self._is_ready = is_ready
        self._environ = {**os.environ, **(environ or {})}
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not been killed."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers; fails with its log when it does not."""
        with self.log.open("ab") as log:
            self._process = _on_a_leash(self._command, log, environ=self._environ, account=self._account)
        deadline = monotonic() + START_SECONDS
        while not self._is_ready():
            if not self.is_running or monotonic() > deadline:
                self.kill()
                pytest.fail(
                    f"{' '.join(self._command)} did not start:\n{self.log.read_text(errors='replace')[-4000:]}"
                )
            sleep(0.05)

    def kill(self) -> None:
        """End it at once, with all its processes; what it was doing is cut off."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def restart(self) -> None:
        """Start it again on the same port and data, if it does not run."""
        if not self.is_running:
            self.kill()
            self.start()

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """Let it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


@dataclass(frozen=True)
class ObjectStorage:
    """An S3 server; `environ` is what its clients need to be told."""

    server: Server
    environ: Mapping[str, str]

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its `s3://` address."""
        requests.put(f"{self.server.url}/{name}", timeout=10).raise_for_status()
        return f"s3://{name}"


@contextlib.contextmanager
def mlflow_server(
    folder: Path,
    *,
    backend: str = "sqlite",
    artifacts: str | None = None,
    proxied: bool = True,
    auth: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run `mlflow server` with one worker, in one process, and all its data in `folder`.

    `backend` is `sqlite` or the URL of a database, `artifacts` where files go: a folder or `s3://bucket`, through the
    server, or straight from clients when not `proxied`. With `auth` it knows one user: `ADMIN`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    place = artifacts or str(folder / "artifacts")
    if backend == "sqlite" and not (folder / "mlflow.db").exists():
        shutil.copyfile(_mlflow_tables(), folder / "mlflow.db")
    command = [
        sys.executable, str(_MLFLOW), "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}" if backend == "sqlite" else backend,
    ]  # fmt: skip
    if proxied:
        command += ["--artifacts-destination", place]
    else:
        command += ["--no-serve-artifacts", "--default-artifact-root", place]
    told = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", **(environ or {})}
    if auth:
        command += ["--app-name", "basic-auth"]
        told |= _with_auth(folder)
    yield from _running(
        Server(
            command,
            port=port,
            log=folder / "server.log",
            is_ready=lambda: _answers(f"http://127.0.0.1:{port}/health"),
            environ=told,
        )
    )


def _mlflow_tables() -> Path:
    """Return an empty database that has MLflow's tables, which take a server longer to make than all else it does."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{folder / 'mlflow.db'}"]
        subprocess.run(command, check=True, capture_output=True, timeout=START_SECONDS)

    name = f"autotrack-tests-mlflow-{version('mlflow')}-{os.getuid()}"
    return made_once_in(Path(tempfile.gettempdir()), name, make) / "mlflow.db"


@contextlib.contextmanager
def object_storage(folder: Path) -> Iterator[ObjectStorage]:
    """Run moto's S3 server; what it holds is in memory and gone when it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    server = Server(
        command, port=port, log=folder / "storage.log", is_ready=lambda: _answers(f"{url}/moto-api/"),
        environ=STORAGE_KEYS,
    )  # fmt: skip
    for running in _running(server):
        yield ObjectStorage(running, {**STORAGE_KEYS, "AWS_ENDPOINT_URL": url, "MLFLOW_S3_ENDPOINT_URL": url})


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run PostgreSQL with an empty database and yield the URL of that; skips the test where it is not installed.

    Its data lie in a temporary folder: PostgreSQL refuses to be root, and other accounts may not enter pytest's.
    """
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    account = None if os.geteuid() else _unprivileged_account()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="autotrack-postgres-") as home:
        data = Path(home) / "data"
        if account:
            shutil.chown(home, account)
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "autotrack", "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=account, cwd=home, check=True, capture_output=True, timeout=START_SECONDS,
        )  # fmt: skip
        reached = ["-h", "127.0.0.1", "-p", str(port), "-U", "autotrack"]
        command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *_settings_for_tests()]
        server = Server(
            command, port=port, log=Path(home) / "server.log", account=account,
            is_ready=lambda: subprocess.run([binaries / "pg_isready", "-q", *reached], check=False).returncode == 0,
        )  # fmt: skip
        for _ in _running(server):
            try:
                subprocess.run([binaries / "createdb", *reached, "tracking"], check=True, timeout=START_SECONDS)
                yield f"postgresql+psycopg2://autotrack@127.0.0.1:{port}/tracking"
            finally:  # killed, it would leave a piece of shared memory behind
                stop = [str(binaries / "pg_ctl"), "stop", "-D", str(data), "-m", "immediate"]
                subprocess.run(stop, user=account, cwd=home, check=False, capture_output=True)


def free_port() -> int:
    """Return a port that nobody listens on, and that no outgoing connection is given while a server is down."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _on_a_leash(
    command: Sequence[str], log: IO[bytes], *, environ: Mapping[str, str], account: str | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _ON_A_LEASH, "sh", *command],
        stdin=subprocess.PIPE, stdout=log, stderr=log, env=environ, user=account, start_new_session=True,
    )  # fmt: skip


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _with_auth(folder: Path) -> dict[str, str]:
    settings = folder / "auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder / 'auth.db'}\n"
        f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"  # checking a password takes a third of a second, on purpose
    )
    return {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for tests"}


def _postgres_binaries() -> Path | None:
    """Debian keeps the server's programs off the PATH, in a folder for each version; the newest one is taken."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _unprivileged_account() -> str:
    import pwd  # not on Windows

    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"


def _settings_for_tests() -> list[str]:
    """Only this machine, and no waiting for the disk: nothing has to survive a power cut."""
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=50"]
    return [part for setting in settings for part in ("-c", setting)]
