"""A TCP proxy that cuts connections in the middle of a request, and tells how much has passed."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.support.servers import free_port

_METHODS = (b"GET ", b"HEAD ", b"PUT ", b"POST ", b"DELETE ")


class CuttingProxy:
    """Passes connections on to the server at `upstream`.

    Whenever `cut_after` more bytes have been sent, over all connections together, the current connection is cut, up to
    `cuts` times. `on_passed` is called whenever `passed_bytes` more have been sent. A request that begins with one of
    `refuses` closes its connection. `up_bytes` counts all bytes that were sent, and `heads` has the first lines of all
    requests.
    """

    def __init__(self, upstream: str) -> None:
        parsed = urlsplit(upstream)
        self.upstream = (parsed.hostname or "127.0.0.1", parsed.port or 80)
        self.cut_after, self.cuts = 0, 0
        self.passed_bytes = 0
        self.on_passed: Callable[[], None] = _nothing
        self.refuses: tuple[bytes, ...] = ()
        self.up_bytes = self._cut_at = self._told_at = 0
        self.heads: list[bytes] = []
        self.port = free_port()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Become an ordinary proxy again, and forget all requests."""
        self.cut_after = self.cuts = self.passed_bytes = self.up_bytes = self._cut_at = self._told_at = 0
        self.on_passed, self.refuses, self.heads = _nothing, (), []

    def requests_like(self, method: bytes, part: bytes) -> int:
        """Count the requests of a method whose first line has this part."""
        return sum(head.startswith(method) and part in head for head in self.heads)

    def carry(self, block: bytes) -> bool:
        """Note what goes up next; returns False where the connection is to be cut instead."""
        with self.lock:
            if block.startswith(_METHODS) and b" HTTP/1.1\r\n" in block[:4000]:
                self.heads.append(block.partition(b"\r\n")[0])
            self.up_bytes += len(block)
            is_cut = self.cuts > 0 and self.up_bytes - self._cut_at > self.cut_after
            if is_cut:
                self.cuts, self._cut_at = self.cuts - 1, self.up_bytes
            is_due = self.passed_bytes > 0 and self.up_bytes - self._told_at > self.passed_bytes
            if is_due:
                self._told_at = self.up_bytes
        if is_due:
            self.on_passed()
        return not is_cut


@contextmanager
def cutting_proxy(upstream: str) -> Iterator[CuttingProxy]:
    """Run such a proxy in threads."""
    cutter = CuttingProxy(upstream)
    with _Server(("127.0.0.1", cutter.port), _Connection) as server:
        server.cutter = cutter
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield cutter
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False
    cutter: CuttingProxy


class _Connection(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.cutter.upstream) as server:
            back = threading.Thread(target=_pass, args=(server, self.request), daemon=True)
            back.start()
            with suppress(OSError):
                self._carry_up(server)
            for end in (server, self.request):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join()

    def _carry_up(self, server: socket.socket) -> None:
        cutter = self.server.cutter
        while block := self.request.recv(2**16):
            if block.startswith(cutter.refuses or b"\0never") or not cutter.carry(block):
                return
            server.sendall(block)


def _pass(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(2**16):
            to.sendall(block)
    with suppress(OSError):  # an end without a goodbye is an end as well
        to.shutdown(socket.SHUT_RDWR)


def _nothing() -> None:
    return
