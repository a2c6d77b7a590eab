"""The client asks until it is answered, and knows when asking again is of no use."""

import gzip
import io
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest import client, connections, patience, responses
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.patience import Patience
from tests.support.canned_server import HTML, Answer, CannedServer, Request, canned_server
from tests.support.servers import free_port

PAGE = "<html><head><style>p {}</style></head><body><h1>Please log in</h1></body></html>"
REFUSAL = {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid value nine for parameter 'step'"}
BROKEN = {"error_code": "INTERNAL_ERROR", "message": "something"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(patience, "_LONGEST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def ask() -> Iterator["Asking"]:
    with ExitStack() as running:
        yield Asking(running)


class Asking:
    """Asks a server that gives certain answers."""

    server: CannedServer

    def __init__(self, running: ExitStack) -> None:
        self._running = running

    def __call__(self, *given_answers: Answer) -> dict[str, object]:
        return self.client(*given_answers).post("runs/update", {"run_id": "1"})

    def client(self, *given_answers: Answer, patience: float | None = None) -> Client:
        self.server = self._running.enter_context(canned_server(*given_answers))
        found = Client(self.server.url, environ={}, patience=patience)
        self._running.callback(found.close)
        return found

    @property
    def count(self) -> int:
        return len(self.server.asked)


@pytest.mark.parametrize(
    "passing",
    [
        Answer(408, "late"),
        Answer(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": ""}, {"Retry-After": "0"}),
        Answer(500, BROKEN),
        Answer(502, ""),
        Answer(502, PAGE, HTML),
        Answer(503, "starting"),
        Answer(504, {"error_code": "DEADLINE_EXCEEDED", "message": ""}),
        Answer(None),
        Answer(200, PAGE, HTML),
        Answer(404, PAGE, HTML),
        Answer(200, '{"run": {"inf'),
        Answer(200, "[" * 100_000),
        Answer(200, "{}", {"Content-Length": "100", "Connection": "close"}),
        Answer(200, "{}", {"Content-Encoding": "gzip"}),
    ],
    ids=lambda answer: f"{answer.status} {answer.body!r:.20} {[*answer.headers]}",
)
def test_what_may_pass_is_asked_again(passing: Answer, ask: Asking) -> None:
    assert ask(passing, passing, passing, Answer(200, {"it": "worked"})) == {"it": "worked"}
    assert ask.count == 4
    assert len({request.body for request in ask.server.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(400, REFUSAL), "refused runs/update \\(400 INVALID_PARAMETER_VALUE\\): Invalid value nine"),
        (Answer(401, "You are not authenticated."), "401.*: set MLFLOW_TRACKING_USERNAME"),
        (Answer(403, "Permission denied"), "403 Permission denied.*lacks the right"),
        (Answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "m"}), "does not offer runs/update.*older"),
        (Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"}), "RESOURCE_DOES_NOT_EXIST"),
        (Answer(413, PAGE, HTML), "413 without a reason\\): Please log in"),
        (Answer(500, {"error_code": "INVALID_STATE", "message": "deleted"}), "INVALID_STATE\\): deleted"),
        (Answer(501, {"error_code": "NOT_IMPLEMENTED", "message": "m"}), "does not offer runs/update"),
        (Answer(302, "", {"Location": "https://elsewhere/?a=b"}), "redirects to https://elsewhere/: give the URL"),
    ],
    ids=str,
)
def test_what_will_not_pass_is_asked_once_and_explained(answer: Answer, said: str, ask: Asking) -> None:
    with pytest.raises(Refused, match=said) as raised:
        ask(answer)
    assert ask.count == 1
    assert raised.value.status == answer.status
    assert ask.server.url in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200, PAGE, HTML), "text/html instead of JSON.*login page.*begins: 'Please log in'"),
        (Answer(404, PAGE, HTML), "no tracking server at .*check the URL"),
    ],
)
def test_who_never_answered_like_a_tracking_server_is_none(answer: Answer, said: str, ask: Asking) -> None:
    with pytest.raises(Refused, match=said):
        ask(answer)
    assert ask.count == 5


def test_who_did_is_believed_to_be_away_behind_a_proxy(ask: Asking) -> None:
    pages = [Answer(200, PAGE, HTML), Answer(404, PAGE, HTML)] * 10
    found = ask.client(Answer(), *pages, Answer(200, {"it": "is back"}))
    found.get("experiments/search")
    assert found.get("experiments/search") == {"it": "is back"}


def test_a_request_that_a_working_server_cannot_digest_is_refused_in_the_end(ask: Asking) -> None:
    works = Answer(200, {"experiments": []})
    with pytest.raises(Refused, match="INTERNAL_ERROR") as raised:
        ask(*[Answer(500, BROKEN)] * 8, works, Answer(500, BROKEN), works, Answer(500, BROKEN), works)
    assert raised.value.message == "something"
    assert ask.server.asked[-1].path.startswith("/api/2.0/mlflow/experiments/search")


def test_a_server_that_fails_at_everything_is_asked_on(ask: Asking) -> None:
    assert ask(*[Answer(500, BROKEN)] * 21, Answer(200, {"it": "worked"})) == {"it": "worked"}


def test_before_a_request_is_repeated_one_may_look_whether_it_was_done(ask: Asking) -> None:
    class Done(Exception):  # noqa: N818  what was found, no error
        pass

    def look() -> None:
        raise Done

    with pytest.raises(Done):
        ask.client(Answer(None)).post("runs/create", {}, before_retry=look)
    assert ask.count == 1
    assert ask.client(Answer()).post("runs/create", {}, before_retry=look) == {}


def test_patience_has_an_end(ask: Asking) -> None:
    began = monotonic()
    with pytest.raises(Unreachable, match=r"did not answer within 0.05 s: 503 Service Unavailable"):
        ask.client(Answer(503, ""), patience=0.05).get("runs/get")
    assert monotonic() - began < 5


def test_patience_with_a_server_that_says_nothing_has_an_end_too() -> None:
    began = monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", environ={}, patience=0.5)
        with pytest.raises(Unreachable, match="Read timed out"):
            found.get("runs/get")
        found.close()
    assert monotonic() - began < 20


class Drip(socketserver.StreamRequestHandler):
    """Begins an answer, and goes on with a byte now and then."""

    def handle(self) -> None:
        self.connection.recv(2**16)
        with suppress(OSError):
            self.wfile.write(self.server.begins)  # type: ignore[attr-defined]
            while True:
                self.wfile.write(b"x")
                sleep(0.02)


@pytest.mark.parametrize("begins", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_that_comes_byte_by_byte_is_not_awaited_for_ever(begins: bytes) -> None:
    began = monotonic()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        server.begins = begins  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        found = Client(f"http://127.0.0.1:{server.server_address[1]}", environ={}, patience=0.5)
        with pytest.raises(Unreachable, match=r"did not answer within 0\.5 s"):
            found.get("runs/get")
        found.close()
        server.shutdown()
    assert monotonic() - began < 20


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_an_answer_that_unpacks_to_more_than_makes_sense_is_not_read(
    status: int, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_BYTES", 2**20)
    bomb = Answer(status, gzip.compress(bytes(2**24)), {"Content-Encoding": "gzip", "Location": "/elsewhere"})
    with pytest.raises(Unreachable, match="its answer is longer than 1 MB"):
        ask.client(bomb, patience=0.5).get("runs/get")


def test_a_server_that_is_late_once_or_twice_gets_another_chance() -> None:
    class Late(CannedServer):
        def next_answer(self, request: Request) -> Answer:
            answer = super().next_answer(request)
            if len(self.asked) < 3:
                gave_up.wait(60)
            return answer

    gave_up = threading.Event()
    with canned_server(Answer(200, {"it": "worked"}), kind=Late) as server:
        found = Client(server.url, environ={}, patience=6.0)
        assert found.get("runs/get") == {"it": "worked"}
        assert len(server.asked) == 3
        gave_up.set()
        found.close()


def test_who_waits_for_a_server_gives_it_up_earlier_when_nothing_is_heard_of_it() -> None:
    busy = Patience(120.0)
    assert (busy.limit(is_busy=True), busy.limit(is_busy=False)) == (120.0, 20.0)
    assert [round(busy.seconds_for(attempt)) for attempt in (1, 2, 3, 4)] == [20, 40, 60, 60]


def test_being_told_to_stop_ends_a_pause_at_once() -> None:
    stop = threading.Event()
    with canned_server(Answer(429, "", {"Retry-After": "300"})) as server:
        found = Client(server.url, environ={}, stop=stop)

        def stop_once_it_was_asked() -> None:
            while not server.asked:
                sleep(0.01)
            sleep(0.1)
            stop.set()

        stopping = threading.Thread(target=stop_once_it_was_asked)
        stopping.start()
        began = monotonic()
        with pytest.raises(Unreachable, match="before we stopped: 429"):
            found.get("runs/get")
        assert monotonic() - began < 30
        with pytest.raises(Unreachable, match="given up before this was sent"):
            found.get("runs/get")
        stopping.join()
        found.close()
    assert len(server.asked) == 1


def test_nobody_there_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "AWAY_SECONDS", 0.02)
    said = list[str]()
    found = Client(f"http://127.0.0.1:{free_port()}", environ={}, patience=0.3, on_problem=said.append)
    with pytest.raises(Unreachable, match="Connection refused"):
        found.get("runs/get")
    assert [found.url in one and "still trying" in one for one in said] == [True]


def test_a_stream_is_opened_anew_for_every_attempt(ask: Asking) -> None:
    streams = list[io.BytesIO]()

    def opened() -> io.BytesIO:
        streams.append(io.BytesIO(b"content"))
        return streams[-1]

    found = ask.client(Answer(None), Answer(502, ""), Answer(201))
    assert found.send("PUT", "files/a", data=opened, expected=(200, 201)).status_code == 201
    found.send("PUT", "files/b", data=io.BytesIO(b"content"), expected=(201,))
    assert [request.body for request in ask.server.asked] == [b"content"] * 4
    assert {request.headers["Content-Length"] for request in ask.server.asked} == {"7"}
    assert [stream.closed for stream in streams] == [True] * 3


def test_the_url_may_be_one_copied_from_the_page_and_have_a_prefix(ask: Asking) -> None:
    server = ask.client(Answer()).url
    for url in (f"{server}/prefix/", f"{server}/prefix/#/experiments/1"):
        found = Client(url, environ={})
        found.get("runs/get", run_id="a b")
        found.close()
    assert {one.path for one in ask.server.asked} == {"/prefix/api/2.0/mlflow/runs/get?run_id=a+b"}


def test_connections_are_kept_open_and_many_threads_share_a_client(ask: Asking) -> None:
    found = ask.client(Answer(200, {"it": "worked"}))
    threads = [threading.Thread(target=lambda: [found.get("runs/get") for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ask.count == 80


def test_the_reason_of_a_failure_is_short_and_shows_no_signature() -> None:
    with pytest.raises(Unreachable) as raised:
        Client("http://127.0.0.1:1", environ={}, patience=0.0).send(
            "PUT", "http://127.0.0.1:1/part?X-Amz-Signature=s1g"
        )
    said = str(raised.value).partition("did not answer within 0 s: ")[2]
    assert re.fullmatch(r"Failed to establish a new connection: \[Errno \d+\] Connection refused", said)
    with (
        canned_server(Answer(None)) as server,
        pytest.raises(Unreachable, match=r"closed connection without response$"),
    ):
        Client(server.url, environ={}, patience=0.0).send("PUT", f"{server.url}/part?X-Amz-Signature=s1g")


def retry_after(value: str) -> float | None:
    response = requests.Response()
    response.headers["Retry-After"] = value
    return responses.pause_asked_for(response)


def test_retry_after_has_seconds_or_a_date() -> None:
    assert (retry_after("12"), retry_after("0.5"), retry_after("99999")) == (12.0, 0.5, 600.0)
    in_a_minute = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 50 < in_a_minute <= 60
    assert retry_after(format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)) == 0.0


@given(st.text(max_size=30))
def test_a_header_that_means_nothing_is_passed_over(value: str) -> None:
    pause = retry_after(value)
    assert pause is None or 0 <= pause <= 600


def test_a_file_that_is_gone_is_no_outage(ask: Asking, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ask.client(Answer()).send("PUT", "files/a", data=(tmp_path / "gone").open)
