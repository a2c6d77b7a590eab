"""The connections to a server: they are kept open, and acknowledge the server's answers at once."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import super_len
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_MOST_CONNECTIONS = 8


def new_session() -> requests.Session:
    """Return a session that keeps its connections open; it retries nothing by itself."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=_MOST_CONNECTIONS))
    return session


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
        _acknowledge_at_once(self)
        return super().getresponse()


class _QuickTlsConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        _acknowledge_at_once(self)
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
