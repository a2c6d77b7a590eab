"""`autotrack sync`: old runs are sent to servers, each by itself, and it is said what came of that."""

import itertools
import queue
import socket
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import cast

import pytest

import autotrack
from autotrack.sidecar import completion
from autotrack.sidecar.silent_server import said_when_silent
from autotrack.sidecar.sync import RunSync
from autotrack.sinks.base import RemoteSink, Unreachable
from autotrack.sinks.owed import Owed
from autotrack.sinks.rest.client import Refused
from autotrack.training import without_sidecar

URL = "http://me:x8Kq71zz@127.0.0.1:9"
SHOWN = "http://127.0.0.1:9"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Exception | None]]:
    """What each server answers, one run after the other, without any server; each answer is used up."""
    answers: dict[str, list[Exception | None]] = {}

    def send(folder: Path, url: str, *, patience: float, **_: object) -> completion.Sent:
        assert patience > 0
        return completion.Sent(answers[url].pop(0), Owed())

    monkeypatch.setattr(completion, "send", send)
    monkeypatch.setattr(
        without_sidecar.WithoutSidecar, "send_unsent", lambda _: None
    )  # what would be sent when the tests end
    return answers


def recorded(store: Path, **options: object) -> Path:
    with autotrack.start_run(to=[str(store), URL]) as run:
        run.log({"loss": 0.5}, step=0)
    return run.folder


@pytest.fixture
def folder(store: Path, sent: dict[str, list[Exception | None]]) -> Path:
    return recorded(store)


def test_a_run_is_sent_to_where_it_was_recorded_for(folder: Path, sent: dict[str, list[Exception | None]]) -> None:
    sent[SHOWN] = [None]
    outcome = RunSync(on_problem=lambda *_: None).sync(folder)
    assert (outcome.state, outcome.sent) == ("complete", {SHOWN: None})
    assert sent == {SHOWN: []}, "without the password, which is written nowhere"


def test_or_to_where_it_is_told(folder: Path, sent: dict[str, list[Exception | None]]) -> None:
    sent["https://other"] = [None]
    outcome = RunSync(["https://other"], on_problem=lambda *_: None).sync(folder)
    assert outcome.sent == {"https://other": None}


def test_a_server_that_does_not_answer_is_not_tried_for_the_runs_that_follow(
    store: Path, folder: Path, sent: dict[str, list[Exception | None]]
) -> None:
    sent[SHOWN] = [Unreachable("nobody there")]
    run_sync = RunSync(on_problem=lambda *_: None)
    assert [run_sync.sync(run).sent for run in (folder, recorded(store))] == [{SHOWN: "nobody there"}] * 2
    sent[SHOWN] = [None]
    run_sync.try_again()
    assert run_sync.sync(folder).sent == {SHOWN: None}


class Silent:
    """What sends to a server of which nothing has been heard since `last_progress`."""

    owed, registered_as = Owed(), ()

    def __init__(self, last_progress: float) -> None:
        self.last_progress = last_progress


def test_whoever_waits_for_a_silent_server_is_told_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_SIDECAR", "off")
    monkeypatch.setattr(without_sidecar.WithoutSidecar, "send_unsent", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts connections, and nobody ever answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for _ in range(2):
            with autotrack.start_run(to=[str(store), url]) as run:
                run.log({"loss": 0.5}, step=0)
        one, two = autotrack.sync(store, timeout=0.3)
        silent.settimeout(0.1)
        attempts = 0
        with suppress(TimeoutError):
            while True:
                silent.accept()[0].close()
                attempts += 1
    assert one.sent == two.sent
    assert "did not answer within 0.3 s" in str(one.sent[url])
    assert 1 <= attempts <= 4, "of one run only"
    said: queue.Queue[float] = queue.Queue()
    with said_when_silent(cast("RemoteSink", Silent(monotonic())), said.put, seconds=0.01):
        assert said.get(timeout=60) == 0.01
    with said_when_silent(cast("RemoteSink", Silent(monotonic() + 1000)), said.put, seconds=0.0):
        pass
    assert said.empty()


def test_a_server_that_refuses_run_after_run_for_minutes_is_left_alone(
    store: Path, folder: Path, sent: dict[str, list[Exception | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = itertools.count(step=60)
    monkeypatch.setattr("autotrack.sidecar.sync.monotonic", lambda: next(minutes))
    sent[SHOWN] = [Refused("works, but not for this")] * 9
    run_sync = RunSync(on_problem=lambda *_: None)
    for run in (folder, *(recorded(store) for _ in range(4))):
        assert run_sync.sync(run).sent == {SHOWN: "works, but not for this"}
    assert len(sent[SHOWN]) == 6, "three have been tried"


def test_a_run_that_is_refused_stops_no_other(
    store: Path, folder: Path, sent: dict[str, list[Exception | None]]
) -> None:
    sent[SHOWN] = [Refused("too long"), None]
    run_sync = RunSync(on_problem=lambda *_: None)
    assert [run_sync.sync(run).sent for run in (folder, recorded(store))] == [{SHOWN: "too long"}, {SHOWN: None}]


def test_a_run_that_is_being_recorded_is_left_to_its_own_sidecar_and_sent_elsewhere(
    store: Path, sent: dict[str, list[Exception | None]]
) -> None:
    sent["https://other"] = [None]
    with autotrack.start_run(to=[str(store), URL]) as run:
        outcome = RunSync([SHOWN, "https://other"], on_problem=lambda *_: None).sync(run.folder)
        assert (outcome.state, outcome.sent) == ("still being recorded", {"https://other": None})


def test_a_folder_without_a_readable_run_is_said_to_be_so(store: Path) -> None:
    journal = store / "tests" / "newer" / "journal" / "main.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text('{"record":"RunStarted","time":1,"id":"1","name":"a","experiment":"b","format":99}\n')
    outcome = RunSync(on_problem=lambda *_: None).sync(journal.parents[1])
    assert outcome.state == "unreadable"
    assert "format 99" in (outcome.error or "")
