"""A proxy in front of a server that fails on purpose, in all the ways in which networks, proxies and servers do."""

import contextlib
import http.client
import http.server
import random
import socket
import socketserver
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, cast
from urllib.parse import urlsplit

HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back in a minute.</body></html>"
_INTERNAL_ERROR = b'{"error_code": "INTERNAL_ERROR", "message": "on purpose"}'
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}  # RFC 9110, 7.6.1


class Fault(StrEnum):
    """What becomes of a request instead of an answer."""

    TOO_MANY = auto()
    """429 with `Retry-After`; the server never sees the request."""
    SERVER_ERROR = auto()
    """500 as the tracking server words it."""
    BAD_GATEWAY = auto()
    """502 without a body."""
    HTML_GATEWAY = auto()
    """502 with a page of HTML."""
    HTML_PAGE = auto()
    """200 with a page of HTML, as a login page or a maintenance page does."""
    STALL = auto()
    """The answer, but late: after the proxy's `stall_seconds`."""
    DROP_BEFORE = auto()
    """The connection is reset; the server never sees the request."""
    DROP_AFTER = auto()
    """The connection is reset after the server has done what was asked."""
    CUT_SHORT = auto()
    """The connection is reset in the middle of the answer."""


Plan = Callable[[int], Fault | None]
"""What becomes of the n-th request, counted from 0; None for an ordinary answer."""


Refusals = Callable[[str, str, bytes], int | None]
"""The status with which a request is refused, by its method, path and body; None for an ordinary answer."""


def calm(_: int) -> Fault | None:
    """Forward everything."""
    return None


def always(fault: Fault) -> Plan:
    """Fail all requests alike."""
    return lambda _: fault


def in_order(*faults: Fault | None) -> Plan:
    """Fail the first requests in this order, and forward all later ones."""
    return lambda number: faults[number] if number < len(faults) else None


def at_random(share: float, *, seed: int, faults: tuple[Fault, ...] = tuple(Fault)) -> Plan:
    """Fail this share of the requests, each as `seed` and its number say, however they are spread over threads."""

    def fate(number: int) -> Fault | None:
        chance = random.Random(f"{seed} {number}")
        return chance.choice(faults) if chance.random() < share else None

    return fate


@dataclass(frozen=True)
class Seen:
    """One request that came to the proxy, and what became of it."""

    method: str
    path: str
    body: bytes
    fault: Fault | None


class ChaosProxy:
    """Forwards HTTP requests to the server at `upstream` as its `plan` says, which may be replaced at any time.

    What `refuses` gives a status for is refused with a page of HTML, as proxies do, and the server never sees it.
    `seen` are all requests so far, in the order in which they came. While the server is away, connections are reset.
    """

    def __init__(self, upstream: str, plan: Plan = calm, *, stall_seconds: float = 0.5) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.stall_seconds = stall_seconds
        self.seen: list[Seen] = []
        self.refuses: Refusals = lambda *_: None
        self.closing = threading.Event()
        self._plan, self._planned_from = plan, 0
        self._lock = threading.Lock()
        self._server = _ProxyServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def plan(self) -> Plan:
        """What becomes of the requests, counted from when the plan was set."""
        return self._plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        with self._lock:
            self._plan, self._planned_from = plan, len(self.seen)

    @property
    def did(self) -> Counter[Fault | None]:
        """How often it did what."""
        with self._lock:
            return Counter(one.fault for one in self.seen)

    def requests_to(self, path: str) -> list[Seen]:
        """Return the requests whose path ends so, without their queries."""
        with self._lock:
            return [one for one in self.seen if one.path.partition("?")[0].endswith(path)]

    def decide(self, method: str, path: str, body: bytes) -> Fault | None:
        """Note a request and say what becomes of it."""
        with self._lock:
            fault = self._plan(len(self.seen) - self._planned_from)
            self.seen.append(Seen(method, path, body, fault))
            return fault

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Cut all connections and wait for the threads."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut_connections()
        self._server.server_close()


@contextlib.contextmanager
def chaos_proxy(upstream: str, plan: Plan = calm, *, stall_seconds: float = 0.5) -> Iterator[ChaosProxy]:
    """Run a `ChaosProxy`."""
    proxy = ChaosProxy(upstream, plan, stall_seconds=stall_seconds)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


class _ProxyServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = False  # `server_close` waits for them
    request_queue_size = 128

    def __init__(self, proxy: ChaosProxy) -> None:
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    @contextlib.contextmanager
    def holding(self, connection: socket.socket) -> Iterator[None]:
        """Know of a connection while it is open, so that it can be cut."""
        self._open.add(connection)
        if self.proxy.closing.is_set():
            _cut(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    def cut_connections(self) -> None:
        for connection in list(self._open):
            _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError | http.client.HTTPException):  # connections end, that is the point
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave together

    def handle(self) -> None:
        self.proxy = cast("_ProxyServer", self.server).proxy
        with cast("_ProxyServer", self.server).holding(self.connection):
            super().handle()

    def forward(self) -> None:
        body = self._read_body()
        fault = self.proxy.decide(self.command, self.path, body)
        if (status := self.proxy.refuses(self.command, self.path, body)) is not None:
            self._answer(status, b"<html>refused</html>", {"Content-Type": "text/html"})
            return
        match fault:
            case Fault.TOO_MANY:
                self._answer(429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED"}', {"Retry-After": "0.1"})
            case Fault.SERVER_ERROR:
                self._answer(500, _INTERNAL_ERROR, {"Content-Type": "application/json"})
            case Fault.BAD_GATEWAY:
                self._answer(502, b"")
            case Fault.HTML_GATEWAY | Fault.HTML_PAGE:
                self._answer(502 if fault is Fault.HTML_GATEWAY else 200, HTML, {"Content-Type": "text/html"})
            case Fault.DROP_BEFORE:
                self._reset()
            case _:
                self._forward(body, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = forward  # noqa: N815  as http.server has it

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the standard library calls it
        """`ChaosProxy.seen` is the log."""

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        if fault is Fault.STALL:
            self.proxy.closing.wait(self.proxy.stall_seconds)
        try:
            status, headers, content = self._ask_server(body)
        except (OSError, http.client.HTTPException):  # it is away
            self._reset()
        else:
            if fault is Fault.DROP_AFTER or (fault is Fault.CUT_SHORT and not content):
                self._reset()
            elif fault is Fault.CUT_SHORT:
                self._answer(status, content, headers, cut_at=len(content) // 2)
                self._reset()
            else:
                self._answer(status, content, headers)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _ask_server(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(*self.proxy.upstream)
        with contextlib.closing(upstream):
            upstream.connect()
            with cast("_ProxyServer", self.server).holding(upstream.sock):
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP | {"content-length", "expect"}:
                        upstream.putheader(name, value)
                upstream.putheader("Content-Length", str(len(body)))
                upstream.putheader("Connection", "close")
                upstream.endheaders(body)
                answer = upstream.getresponse()
                kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
                return answer.status, kept, answer.read()

    def _answer(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, *, cut_at: int | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut_at])
        self.wfile.flush()

    def _reset(self) -> None:
        """Close the connection so that the other side notices at once, in the middle of whatever it does."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
