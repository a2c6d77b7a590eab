"""A server that gives the answers a test tells it to give, and keeps the requests."""

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Answer:
    """A status with a body: a page, bytes, or an object that becomes JSON. The status None closes the connection."""

    status: int | None = 200
    body: str | bytes | dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Request:
    """One request that the server got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class CannedServer(http.server.ThreadingHTTPServer):
    """Gives `answers` in order, and from then on the last one. `asked` are the requests so far."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers) or [Answer()]
        self.asked: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_answer(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@contextmanager
def canned_server(*answers: Answer, kind: type[CannedServer] = CannedServer) -> Iterator[CannedServer]:
    """Run a server with these answers; `kind` may be a subclass."""
    with kind(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CannedServer

    def answer(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.next_answer(Request(self.command, self.path, dict(self.headers), body))
        if answer.status is None:
            self.close_connection = True
            return
        self.send_response(answer.status, HTTPStatus(answer.status).phrase)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.content)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815  as the standard library calls them

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the standard library calls it
        pass

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
