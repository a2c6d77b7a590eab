"""TensorBoard on a store or on chosen runs: what it is shown, that it answers, and that nothing is left of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack.board.choice import Filter, View, choose, link_runs
from autotrack.board.process import Board, make_links
from autotrack.board.update import bring_up_to_date
from autotrack.errors import AutotrackError, MissingLibraryError, QueryError, RunNotFoundError
from autotrack.summary import Summary
from tests.processes import Script, wait_until

POINTS = 1500  # more than TensorBoard keeps by default


def record(store: Path, name: str, *, experiment: str = "digits", loss: float = 0.5, points: int = 1) -> Path:
    with autotrack.start_run(name, to=store, experiment=experiment) as run:
        for step in range(points):
            run.log({"loss": loss}, step=step)
    return run.folder


def show(view: View, **options: Any) -> Board:
    """Start TensorBoard on runs whose event files are up to date."""
    troubles: list[str] = []
    bring_up_to_date(view.runs, on_trouble=troubles.append)
    assert troubles == []
    return Board(view, **options)


def ask(address: str, path: str, **parameters: str) -> Any:
    """Ask TensorBoard's HTTP API, without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}data/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        assert error.code == 404, error  # it has not been loaded yet
        error.close()
        return []


def runs_in(address: str) -> set[str]:
    return set(ask(address, "runs"))


def points(address: str, run: str) -> list[list[float]]:
    return list(ask(address, "plugin/scalars/scalars", run=run, tag="metrics/loss"))


def processes_of(board: psutil.Process) -> list[psutil.Process]:
    return [board, *board.children(recursive=True)]


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this process and of those it starts."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


# ---- what is shown


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two experiments; two of the runs have one name."""
    store = tmp_path_factory.mktemp("project") / "runs"
    for name, experiment, loss in [
        ("a", "digits", 0.3),
        ("b", "digits", 0.2),
        ("b", "digits", 0.1),
        ("c", "wine", 0.4),
    ]:
        record(store, name, experiment=experiment, loss=loss)
    return store


def test_a_store_is_shown_as_it_is_so_that_new_runs_appear(recorded: Path) -> None:
    view = choose([recorded])
    assert (view.logdir, view.links, view.title) == (recorded, {}, "runs")
    assert sorted(view.runs) == sorted(run.folder for run in autotrack.runs(recorded))


def test_without_a_place_it_is_the_store_of_the_settings(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.parent)
    assert choose([]).logdir == recorded
    assert choose([], store=recorded).logdir == recorded


def test_an_experiment_is_a_store_of_its_own(recorded: Path) -> None:
    view = choose([recorded / "wine"])
    assert (view.logdir, len(view.runs)) == (recorded / "wine", 1)


def test_runs_are_shown_by_their_names(recorded: Path) -> None:
    run = autotrack.runs(recorded).where("name == 'a'")[0]
    for reference in ("a", run.id, run.folder, run, autotrack.runs(recorded).where("name == 'a'")):
        view = choose([reference], store=recorded)
        assert (view.links, view.logdir) == ({"a": run.folder}, None)
    assert list(choose(["latest"], store=recorded).links) == ["c"]


def test_runs_of_one_name_are_shown_by_those_of_their_folders(recorded: Path) -> None:
    view = choose([autotrack.runs(recorded).where("experiment == 'digits'")])
    folders = {folder.name: folder for folder in view.runs}
    assert set(view.links) == {"a", *(name for name in folders if "-b" in name)}
    assert all(view.links[name] == folders[name] for name in view.links if name != "a")


def test_of_several_experiments_runs_are_shown_below_the_names_of_these(recorded: Path) -> None:
    assert set(choose(["a", "c"], store=recorded).links) == {"digits/a", "wine/c"}


def test_a_condition_and_a_number_choose_as_in_ls(recorded: Path) -> None:
    def losses(**options: Any) -> list[float]:
        folders = choose([recorded], only=Filter(**options)).runs
        return [autotrack.load(folder).metrics["loss"].last.value for folder in folders]

    assert losses(where="metrics.loss < 0.35") == [0.1, 0.2, 0.3]
    assert losses(last=2) == [0.4, 0.1]
    assert losses(last=2, sort="metrics.loss") == [0.1, 0.2]
    assert losses(last=1, sort="metrics.loss", descending=True) == [0.4]
    with pytest.raises(QueryError):
        losses(where="metrics.loss <")


def test_stores_and_runs_can_be_shown_together_and_nothing_is_made_in_them(recorded: Path, tmp_path: Path) -> None:
    record(tmp_path / "runs", "other", experiment="wine")
    alone = record(tmp_path / "elsewhere", "x", experiment="wine")
    before = sorted(path for store in (recorded, tmp_path / "runs") for path in store.rglob("*"))
    view = choose([recorded / "wine", tmp_path / "runs" / "wine", alone, "a"], store=recorded)
    names = {f"{recorded.parent.name}-runs-wine", f"{tmp_path.name}-runs-wine", "wine-x", "digits-a"}
    assert set(view.links) == names
    make_links(tmp_path / "links", view.links)
    assert {path.name for path in (tmp_path / "links").iterdir()} == names
    assert sorted(path for store in (recorded, tmp_path / "runs") for path in store.rglob("*")) == before


@pytest.mark.parametrize("place", ["nowhere", "latest", "./runs", "empty"])
def test_what_is_not_there_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunNotFoundError, match=place):
        choose([place])


def test_a_store_without_runs_is_said() -> None:
    with pytest.raises(RunNotFoundError, match="no runs in runs; record one"):
        choose([])


def test_a_condition_that_no_run_meets_is_said(recorded: Path) -> None:
    with pytest.raises(RunNotFoundError, match=r"for none of 4 runs does 'metrics\.loss < 0' hold"):
        choose([recorded], only=Filter(where="metrics.loss < 0"))


texts = st.one_of(st.sampled_from(["a", "b", "a/b", "..", ".", "", "a b", "lr=0.1", "é" * 90, "\0"]), st.text())


@given(runs=st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
def test_every_run_has_a_link_whatever_it_is_called(runs: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for number in range(len(runs)):
            (home / "store" / str(number)).mkdir(parents=True)
        links = link_runs(
            autotrack.RecordedRun(home / "store" / str(number), Summary(name=name, experiment=experiment))
            for number, (experiment, name) in enumerate(runs)
        )
        make_links(home / "links", links)
        found = {(home / "links" / name).resolve(): name for name in links}
        assert set(found) == {(home / "store" / str(number)).resolve() for number in range(len(runs))}
        assert all(not list(folder.iterdir()) for folder in found)


# ---- TensorBoard itself


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """TensorBoard on one of two runs."""
    store = tmp_path_factory.mktemp("project") / "runs"
    record(store, "shown", points=POINTS)
    record(store, "hidden")
    with show(choose(["shown"], store=store)) as started:
        yield started


def test_it_shows_every_point_of_the_chosen_runs_and_no_other_run(board: Board) -> None:
    wait_until(lambda: runs_in(board.address) == {"shown"})
    wait_until(lambda: len(points(board.address, "shown")) == POINTS)


def test_it_listens_on_the_loopback_interface_only(board: Board) -> None:
    assert board.address.startswith("http://127.0.0.1:")
    listening = [
        connection.laddr.ip
        for process in processes_of(psutil.Process(board.pid))
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
    with show(choose(["a", "b"], store=store)) as board:
        assert len(processes_of(psutil.Process(board.pid))) == 1
        wait_until(lambda: runs_in(board.address) == {"a", "b"})
        wait_until(lambda: len(points(board.address, "a")) == POINTS)


def test_nothing_is_left_of_it(store: Path, scratch: Path) -> None:
    record(store, "a")
    with show(choose(["a"], store=store)) as board:
        started = processes_of(psutil.Process(board.pid))
        assert list(scratch.iterdir())
    wait_until(lambda: all(map(is_gone, started)))
    wait_until(lambda: not list(scratch.iterdir()))
    with pytest.raises(urllib.error.URLError):
        runs_in(board.address)


def test_it_ends_with_whoever_started_it_even_by_kill_9(store: Path, scratch: Path, tmp_path: Path) -> None:
    record(store, "a")
    code = f"""
        import time
        from autotrack.board.choice import choose
        from autotrack.board.process import Board
        board = Board(choose(["a"], store={str(store)!r}))
        print(board.pid, flush=True)
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
        Board(view)
    assert not list(scratch.iterdir())


def test_its_sudden_end_is_said(store: Path) -> None:
    record(store, "a")
    with Board(choose([store])) as board:
        psutil.Process(board.pid).kill()
        with pytest.raises(AutotrackError, match=r"TensorBoard has ended \(exit code -9\)"):
            board.wait()


# ---- event files


def event_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("events.out.tfevents.*"))


def test_a_run_without_event_files_gets_them_once(store: Path) -> None:
    folder = record(store, "a")
    assert not event_files(folder)
    bring_up_to_date([folder], on_trouble=pytest.fail)
    first = {path: path.read_bytes() for path in event_files(folder)}
    assert first
    bring_up_to_date([folder], on_trouble=pytest.fail)
    assert {path: path.read_bytes() for path in event_files(folder)} == first


def test_a_run_that_is_being_recorded_is_left_to_whoever_records_it(store: Path) -> None:
    with autotrack.start_run("a", to=store, experiment="digits") as run:
        run.log({"loss": 0.5})
        bring_up_to_date([run.folder], on_trouble=pytest.fail)
        assert not event_files(run.folder)


def test_a_run_that_cannot_be_written_stops_no_other(store: Path) -> None:
    broken, good = record(store, "a"), record(store, "b")
    journal = broken / "journal" / "main.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"format":1', b'"format":99'))
    troubles: list[str] = []
    bring_up_to_date([broken, good], on_trouble=troubles.append)
    assert event_files(good)
    assert len(troubles) == (1 if b'"format":99' in journal.read_bytes() else 0)


# ---- the command


class Command:
    """`autotrack tensorboard` as a person starts it."""

    def __init__(self, *arguments: str | Path, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autotrack", "tensorboard", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def address(self) -> str:
        """Return the address that it says in its first line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert re.match(r"TensorBoard with 1 run: http://127\.0\.0\.1:\d+/ ", line), self.end()
        return line.split()[4]

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code, and what it said on standard error."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def test_the_command_says_the_address_and_ends_with_ctrl_c(store: Path, scratch: Path) -> None:
    record(store, "a")
    record(store, "b")
    with Command("--where", "name == 'a'") as command:
        address = command.address()
        wait_until(lambda: runs_in(address) == {"a"})
        started = psutil.Process(command.process.pid).children(recursive=True)
        assert started
        command.process.send_signal(signal.SIGINT)
        assert command.end() == (0, "\n")
    wait_until(lambda: all(map(is_gone, started)))
    wait_until(lambda: not list(scratch.iterdir()))


def test_the_command_opens_the_browser_when_asked_to(store: Path, tmp_path: Path) -> None:
    record(store, "a")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened.new; mv {tmp_path}/opened.new {tmp_path}/opened\n')
    browser.chmod(0o755)
    with Command("--open", BROWSER=str(browser)) as command:
        address = command.address()
        wait_until((tmp_path / "opened").exists)
        assert (tmp_path / "opened").read_text().strip() == address


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no runs in runs; record one"),
        (["nowhere"], "no run 'nowhere' in runs; it has none"),
        (["--where", "lr <"], "'lr <' cannot be read"),
    ],
)
def test_the_command_says_what_went_wrong_in_a_line(arguments: list[str], said: str, store: Path) -> None:
    if "--where" in arguments:
        record(store, "a")
    with Command(*arguments) as command:
        code, errors = command.end()
    assert (code, len(errors.splitlines())) == (1, 1)
    assert errors.startswith("autotrack: ")
    assert said in errors
