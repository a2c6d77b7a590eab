"""A thread of its own for every server: runs arrive while training goes on, and an outage holds nothing up."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import pytest

import autotrack
from autotrack.journal.reader import Position
from autotrack.journal.records import AnyRecord, Metrics
from autotrack.settings import UploadLimits
from autotrack.sidecar.upload_thread import UploadThread
from autotrack.sinks.owed import Owed


class Server:
    """A place that takes records. While it `is_away`, whoever sends there waits; while it `refuses`, nobody can."""

    def __init__(self) -> None:
        self.steps: dict[Path, list[int | None]] = {}
        self.acknowledged: dict[Path, dict[str, int]] = {}
        self.closed: list[Path] = []
        self.is_away = threading.Event()
        self.refuses, self.refused = threading.Event(), 0
        self.last_progress = monotonic()


class Sink:
    """Sends to the server, as long as nobody says stop."""

    destination = "http://server"
    follows = True

    def __init__(self, server: Server, stop: threading.Event) -> None:
        self._server, self._stop = server, stop
        self._waiting: list[int | None] = []

    owed = Owed()
    registered_as: tuple[str, ...] = ()

    @property
    def last_progress(self) -> float:
        return self._server.last_progress

    def open(self, folder: Path) -> dict[str, int]:
        self._folder = folder
        return self._server.acknowledged.get(folder, {})

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        self._waiting += [record.step for record in batch if isinstance(record, Metrics)]

    def flush(self, position: Position) -> None:
        if self._server.refuses.is_set():
            self._server.refused += 1
            raise PermissionError("not you")
        while self._server.is_away.is_set():
            if self._stop.wait(0.01):
                raise ConnectionError("told to stop")
        self._server.steps.setdefault(self._folder, []).extend(self._waiting)
        self._server.acknowledged[self._folder] = position.offsets
        self._server.last_progress = monotonic()
        self._waiting = []

    def close(self) -> None:
        self._server.closed.append(self._folder)


def wait_until(holds: Callable[[], object]) -> None:
    deadline = monotonic() + 20
    while not holds():
        assert monotonic() < deadline, "that took too long"
        sleep(0.01)


def has_arrived(server: Server, folder: Path, step: int) -> bool:
    return server.steps.get(folder, [])[-1:] == [step]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def uploading(server: Server, monkeypatch: pytest.MonkeyPatch) -> UploadThread:
    def make(url: str, *, stop: threading.Event, uploads: UploadLimits, on_problem: object) -> Sink:
        assert url == "http://server"
        return Sink(server, stop)

    monkeypatch.setattr("autotrack.sinks.build.remote_sink", make)
    monkeypatch.setattr("autotrack.sidecar.upload_thread._SECONDS", 0.01)
    return UploadThread("http://server")


def unexpected(problem: str) -> None:
    raise AssertionError(problem)


def test_what_is_logged_arrives_while_training_goes_on(server: Server, uploading: UploadThread, store: Path) -> None:
    run = autotrack.start_run(to=store)
    uploading.add(run.folder, UploadLimits(), unexpected)
    for step in range(3):
        run.log({"loss": 0.5}, step=step)
        wait_until(partial(has_arrived, server, run.folder, step))
    run.finish()
    uploading.end(run.folder)
    wait_until(lambda: uploading.is_done)
    assert server.steps == {run.folder: [0, 1, 2]}
    assert server.closed == [run.folder]
    uploading.stop()


def test_a_run_that_goes_on_after_its_end_is_taken_up_where_it_stopped(
    server: Server, uploading: UploadThread, store: Path
) -> None:
    run = autotrack.start_run(to=store)
    run.log({"loss": 0.5}, step=0)
    run.finish()
    uploading.add(run.folder, UploadLimits(), unexpected)
    uploading.end(run.folder)
    wait_until(lambda: uploading.is_done)
    run.log({"loss": 0.4}, step=1)
    uploading.add(run.folder, UploadLimits(), unexpected)
    uploading.end(run.folder)
    wait_until(lambda: uploading.is_done)
    assert server.steps[run.folder] == [0, 1]
    uploading.stop()


def test_all_runs_arrive_when_the_server_comes_back(server: Server, uploading: UploadThread, store: Path) -> None:
    server.is_away.set()
    folders = []
    for number in range(5):
        with autotrack.start_run(to=store) as run:
            run.log({"loss": 0.5}, step=number)
        uploading.add(run.folder, UploadLimits(), unexpected)
        uploading.end(run.folder)
        folders.append(run.folder)
    assert not uploading.is_done
    assert uploading.describe() == "sending 5 runs to http://server"
    server.is_away.clear()
    wait_until(lambda: uploading.is_done)
    assert server.steps == {folder: [number] for number, folder in enumerate(folders)}
    uploading.stop()


def test_it_is_stuck_from_when_it_was_asked_to_hurry_and_can_be_stopped(
    server: Server, uploading: UploadThread, store: Path
) -> None:
    server.is_away.set()
    with autotrack.start_run(to=store) as run:
        pass
    problems: list[str] = []
    uploading.add(run.folder, UploadLimits(), problems.append)
    assert uploading.seconds_stuck() < 0.01, "nobody is waiting yet"
    uploading.flush_now()
    wait_until(lambda: uploading.seconds_stuck() > 0.05)
    uploading.stop()
    wait_until(lambda: uploading.is_done)
    assert problems == ["http://server: ConnectionError: told to stop"]


def test_runs_that_a_server_was_not_even_asked_to_take_note_that_it_was_given_up(
    server: Server, uploading: UploadThread, store: Path
) -> None:
    server.is_away.set()
    problems: list[str] = []
    for number in range(4):
        with autotrack.start_run(to=store) as run:
            if number == 3:  # a short run that is completed only when the server has been given up
                uploading.stop()
            uploading.add(run.folder, UploadLimits(), problems.append)
    wait_until(lambda: uploading.is_done)
    assert problems == ["http://server: ConnectionError: told to stop"] * 4


@pytest.mark.parametrize("at_end", [False, True], ids=["while it goes on", "at its end"])
def test_a_run_that_is_refused_is_tried_again_after_a_while_and_at_its_end(
    at_end: bool, server: Server, uploading: UploadThread, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotrack.sidecar.upload_thread._RETRY_SECONDS", 1000.0 if at_end else 0.05)
    problems: list[str] = []
    server.refuses.set()
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 0.5}, step=0)
        uploading.add(run.folder, UploadLimits(), problems.append)
        wait_until(lambda: problems)
        if not at_end:
            wait_until(lambda: server.refused > 2)
        server.refuses.clear()
        if not at_end:
            wait_until(partial(has_arrived, server, run.folder, 0))
    uploading.end(run.folder)
    wait_until(lambda: uploading.is_done)
    assert server.steps[run.folder] == [0]
    assert problems == ["http://server: PermissionError: not you"], "it is said once"
    uploading.stop()


def test_a_run_that_is_refused_for_good_is_given_up_at_its_end(
    server: Server, uploading: UploadThread, store: Path
) -> None:
    server.refuses.set()
    problems: list[str] = []
    with autotrack.start_run(to=store) as run:
        uploading.add(run.folder, UploadLimits(), problems.append)
        wait_until(lambda: problems)
    uploading.end(run.folder)
    wait_until(lambda: uploading.is_done)
    assert server.refused == 2
    uploading.stop()
