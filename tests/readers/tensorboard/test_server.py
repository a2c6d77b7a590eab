"""TensorBoard in a process of its own: it answers, here only, and nothing is left of it."""

import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from autotrack.errors import AutotrackError, MissingLibraryError
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import choose
from autotrack.readers.tensorboard.server import TensorBoardServer
from tests.support.processes import Script, wait_until
from tests.support.tensorboard_pages import POINTS, is_gone, points, processes_of, record, runs_in, show


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoardServer]:
    """TensorBoard on one of two runs."""
    store = tmp_path_factory.mktemp("project") / "runs"
    record(store, "shown", points=POINTS)
    record(store, "hidden")
    with show(choose(["shown"], store=store)) as started:
        yield started


def test_it_shows_every_point_of_the_chosen_runs_and_no_other_run(server: TensorBoardServer) -> None:
    wait_until(lambda: runs_in(server.address) == {"shown"})
    wait_until(lambda: len(points(server.address, "shown")) == POINTS)
    assert runs_in(server.address) == {"shown"}


def test_it_listens_on_the_loopback_interface_only(server: TensorBoardServer) -> None:
    assert server.address.startswith("http://127.0.0.1:")
    listening = [
        connection.laddr.ip
        for process in processes_of(psutil.Process(server.pid))
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_without_the_data_server_the_python_loader_shows_the_same(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TENSORBOARD_DATA_SERVER_BINARY", str(tmp_path / "none"))
    record(store, "a", points=POINTS)
    record(store, "b")
    with show(choose(["a", "b"], store=store)) as server:
        assert len(processes_of(psutil.Process(server.pid))) == 1
        wait_until(lambda: runs_in(server.address) == {"a", "b"})
        wait_until(lambda: len(points(server.address, "a")) == POINTS)


@pytest.mark.slow
def test_a_run_that_is_recorded_meanwhile_appears(store: Path) -> None:
    record(store, "a")
    with show(choose([store])) as server:
        wait_until(lambda: len(runs_in(server.address)) == 1)
        bring_up_to_date([record(store, "b")], on_problem=pytest.fail)
        wait_until(lambda: len(runs_in(server.address)) == 2)
        assert any(run.endswith("b") for run in runs_in(server.address))


def test_nothing_is_left_of_it(store: Path, scratch: Path) -> None:
    record(store, "a")
    with show(choose(["a"], store=store)) as server:
        started = processes_of(psutil.Process(server.pid))
        assert list(scratch.iterdir())
    wait_until(lambda: all(map(is_gone, started)))
    wait_until(lambda: not list(scratch.iterdir()))
    with pytest.raises(urllib.error.URLError):
        runs_in(server.address)


def test_it_ends_with_whoever_started_it_even_by_kill_9(store: Path, scratch: Path, tmp_path: Path) -> None:
    record(store, "a")
    code = f"""
        import time
        from autotrack.readers.tensorboard.selection import choose
        from autotrack.readers.tensorboard.server import TensorBoardServer
        server = TensorBoardServer(choose(["a"], store={str(store)!r}))
        print(server.pid, flush=True)
        time.sleep(600)
    """
    with Script(tmp_path / "script", code) as script:
        started = processes_of(psutil.Process(int(wait_until(script.printed))))
        assert list(scratch.iterdir())
        script.process.kill()
        script.process.wait()
        wait_until(lambda: all(map(is_gone, started)))
    wait_until(lambda: not list(scratch.iterdir()))


def test_a_port_that_is_taken_is_said(store: Path, scratch: Path) -> None:
    record(store, "a")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AutotrackError, match=f"port {port} is taken; give another one"):
            show(choose(["a"], store=store), port=port)
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("raise ModuleNotFoundError('gone', name='tensorboard')", MissingLibraryError, "pip install tensorboard$"),
        (
            "raise ModuleNotFoundError('gone', name='pkg_resources')",
            AutotrackError,
            r"broken: .*gone.*__init__\.py, line 1",
        ),
        ("raise AttributeError('np.bool8')", AutotrackError, r"broken: tensorboard .*AttributeError: np\.bool8"),
        (
            "import os; os.write(2, b'no memory'); os._exit(3)",
            AutotrackError,
            r"not start \(exit code 3\):\nno memory",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", AutotrackError, r"not start \(exit code -11\)"),
    ],
)
def test_a_missing_or_broken_tensorboard_is_said(
    source: str, error: type[AutotrackError], said: str, store: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, "a")
    view = choose(["a"], store=store)
    (scratch.parent / "site" / "tensorboard").mkdir(parents=True)
    (scratch.parent / "site" / "tensorboard" / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(scratch.parent / "site")
    with pytest.raises(error, match=said):
        TensorBoardServer(view)
    assert not list(scratch.iterdir())


def test_its_sudden_end_is_said(store: Path) -> None:
    record(store, "a")
    with TensorBoardServer(choose([store])) as server:
        psutil.Process(server.pid).kill()
        with pytest.raises(AutotrackError, match=r"TensorBoard has ended \(exit code -9\)"):
            server.wait()
