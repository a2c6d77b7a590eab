"""The connections to a server: they are kept open, and acknowledge the server's answers at once.

A server may answer anything: without end, byte by byte, or with a few kilobytes that unpack to gigabytes. So an answer
has a limit in bytes, and one in seconds.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer, local
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import super_len
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_MOST_CONNECTIONS = 8

MOST_BYTES = 2**26
"""Servers answer with lists of runs and files, and not with files."""

_BLOCK_BYTES = 2**16


class _Limit(local):
    """For how long the server may take to answer what this thread asks, and what ends it then."""

    seconds = 0.0
    timer: Timer | None = None


_limit = _Limit()


def new_session() -> requests.Session:
    """Return a session that keeps its connections open; it retries nothing by itself, and follows no redirect."""
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=_MOST_CONNECTIONS))
    return session


class _Session(requests.Session):
    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Return nowhere to go. Where it leads is not even looked at, for which all of the body would be read."""
        return iter(())


@contextmanager
def answered_within(seconds: float) -> Iterator[None]:
    """In the block, cut the connection when an answer is not complete so many seconds after all was sent."""
    _limit.seconds = seconds
    try:
        yield
    finally:
        if _limit.timer is not None:
            _limit.timer.cancel()
        _limit.seconds, _limit.timer = 0.0, None


def read(response: requests.Response) -> None:
    """Read the body of a response that was asked for as a stream, as far as it may be long.

    Raises `requests.exceptions.ContentDecodingError` for a longer one, and others as requests does.
    """
    content, size = [], 0
    for block in response.iter_content(_BLOCK_BYTES):
        content.append(block)
        size += len(block)
        if size > MOST_BYTES:
            response.close()
            raise requests.exceptions.ContentDecodingError(f"its answer is longer than {MOST_BYTES >> 20} MB")
    response._content = b"".join(content)  # where requests keeps it, which has no limits


class WatchedStream:
    """A stream that is being sent. `on_read` is called whenever more of it is read."""

    def __init__(self, stream: Any, on_read: Callable[[], None]) -> None:
        self.len = super_len(stream)  # type: ignore[no-untyped-call]  # where requests looks for the length
        self._stream = stream
        self._on_read = on_read

    def read(self, limit: int = -1) -> Any:
        """Return up to `limit` bytes."""
        self._on_read()
        return self._stream.read(limit)

    def __iter__(self) -> Iterator[Any]:
        while block := self.read(2**16):
            yield block


def _await_answer(connection: HTTPConnection) -> None:
    """Prepare for an answer that is about to come."""
    _acknowledge_at_once(connection)
    if _limit.seconds and connection.sock is not None:
        _limit.timer = Timer(_limit.seconds, _cut, [connection.sock])
        _limit.timer.daemon = True
        _limit.timer.start()


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _acknowledge_at_once(connection: HTTPConnection) -> None:
    """Have the kernel acknowledge the first part of an answer without the usual delay.

    MLflow's server sends headers and body separately, and the body only after the headers are acknowledged. Linux
    delays that by about 40 ms. The option lasts for one exchange only, so it is set for each.
    """
    quick = getattr(socket, "TCP_QUICKACK", None)  # Linux only
    if quick is not None and connection.sock is not None:
        with suppress(OSError):  # the connection is gone, which becomes apparent when the answer is read
            connection.sock.setsockopt(socket.IPPROTO_TCP, quick, 1)


class _QuickConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        _await_answer(self)
        return super().getresponse()


class _QuickTlsConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        _await_answer(self)
        return super().getresponse()


class _QuickPool(HTTPConnectionPool):
    ConnectionCls = _QuickConnection


class _QuickTlsPool(HTTPSConnectionPool):
    ConnectionCls = _QuickTlsConnection


_POOLS = {"http": _QuickPool, "https": _QuickTlsPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager
