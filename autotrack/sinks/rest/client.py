"""Talks to a tracking server, however long that takes: requests are repeated until they are answered.

Requests are repeated here and not by urllib3's `Retry`. That one waits with `sleep`, which `stop` cannot end, and
counts attempts where patience is in seconds. It cannot open a throttled stream anew, tell a page of a proxy (200 or
404) from an answer of the server, nor look whether the server has done it already before it asks again.
"""

import io
import math
import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, NamedTuple

import requests
import urllib3

from autotrack.errors import AutotrackError
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest import connections, responses
from autotrack.sinks.rest.auth import ServerAuth, access
from autotrack.sinks.rest.patience import ANSWER_SECONDS, AWAY_SECONDS, Patience, pause_after

API = "api/2.0/mlflow/"

Data = bytes | io.BufferedIOBase | Callable[[], Any]
"""A body: bytes, a stream, or a function that opens the stream anew for every attempt."""

_CONNECT_SECONDS = 10.0
_SLOWEST_BYTES_PER_SECOND = 1e6
"""A server that passes a file on to object storage answers only when all of it is there."""

_ATTEMPTS_WITH_A_STRANGER = 5
"""How many attempts there are before something that never answered like a tracking server counts as none."""

_PAUSE_WHILE_IT_WORKS_SECONDS = 4.0

_HOPELESS = (
    requests.exceptions.SSLError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
)

_PASSING = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError)
"""Other errors of the operating system concern files: certificates, or files that are sent."""


class Probe(NamedTuple):
    """A harmless request to an endpoint below `/api/2.0/mlflow/`, which tells whether the server works otherwise.

    After so many `attempts`, a request is to blame when it fails several `times` in a row while the server works.
    """

    path: str
    body: Mapping[str, Any] | None = None
    attempts: int = 6
    times: int = 3


_READ = Probe("experiments/search?max_results=1")


class Refused(AutotrackError):  # noqa: N818  what the server did
    """The server will not do this, however often it is asked.

    `status` is the HTTP status, or 0 when there was no answer. `error_code` and `message` are those of the server.
    """

    def __init__(self, explanation: str, *, status: int = 0, error_code: str = "", message: str = "") -> None:
        super().__init__(explanation)
        self.status = status
        self.error_code = error_code
        self.message = message


class Client:
    """A connection to the tracking server at `url`. Several threads may use it at the same time.

    Connection errors, timeouts and the statuses 408, 429 and 5xx are tried again after growing pauses, or when
    `Retry-After` says, until `stop` is set or the request has taken `patience` seconds, or 20 if the server does not
    even accept connections. Then `Unreachable` is raised. Every other failure raises `Refused`. `on_problem` is told
    once per outage that the server is away.
    `last_progress` is when the server last answered or took more of a stream, on the clock of `time.monotonic`.

    Every request may reach the server twice. Raises `SettingsError` as `auth.access` does.
    """

    def __init__(
        self,
        url: str,
        *,
        stop: threading.Event | None = None,
        environ: Mapping[str, str] = os.environ,
        patience: float | None = None,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self._access = access(url, environ)
        self.url = self._access.url
        self.patience = patience
        self.last_progress = monotonic()
        self.stop = stop or threading.Event()
        self._on_problem = on_problem
        self._has_answered = self._is_away = False
        self._session = connections.new_session()

    def __repr__(self) -> str:
        return f"<Client {self.url}>"

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Send a GET request to an endpoint below `/api/2.0/mlflow/`."""
        return self._request("GET", path, params=query)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        before_retry: Callable[[], None] = lambda: None,
        probe: Probe | None = None,
    ) -> dict[str, Any]:
        """Send a POST request to an endpoint below `/api/2.0/mlflow/`. NaN and infinities have to be strings.

        `before_retry` is called before every attempt but the first. For requests that must not be served twice, it may
        find out that the server has done it, and raise. Of a server that goes on to answer with errors, `probe` tells
        whether it is this request that it cannot serve.
        """
        headers = {"Content-Type": "application/json"}
        return self._request(
            "POST",
            path,
            data=responses.encode(body),
            headers=headers,
            before_retry=before_retry,
            probe=probe or _READ,
        )

    def post_if_offered(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send a POST request to an endpoint that older servers lack; return None where there is none."""
        headers = {"Content-Type": "application/json"}
        response = self._send(
            "POST", self._resolve(API + path), (200, 404), data=responses.encode(body), headers=headers
        )
        if response.status_code == 404:
            return None
        content = responses.as_object(response)
        return self.post(path, body) if content is None else content

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a PATCH request to an endpoint below `/api/2.0/mlflow/`."""
        headers = {"Content-Type": "application/json"}
        return self._request("PATCH", path, data=responses.encode(body), headers=headers, probe=_READ)

    def delete(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a DELETE request to an endpoint below `/api/2.0/mlflow/`."""
        headers = {"Content-Type": "application/json"}
        return self._request("DELETE", path, data=responses.encode(body), headers=headers, probe=_READ)

    def send(
        self,
        method: str,
        url_or_path: str,
        *,
        data: Data | None = None,
        headers: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (200,),
    ) -> requests.Response:
        """Send any request, to a path of the server or to an absolute URL. Only the server gets our credentials.

        If `data` is a callable, it is called for each attempt, and what it returns is closed afterwards. A stream is
        rewound instead. Returns a response with one of the `expected` statuses.
        """
        return self._send(method, self._resolve(url_or_path), expected, data=data, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = self._send(method, self._resolve(API + path), (200,), is_api=True, **options)
        return responses.as_object(response) or {}

    def _resolve(self, url_or_path: str) -> str:
        if url_or_path.startswith(("http://", "https://")):
            return url_or_path
        return f"{self.url}/{url_or_path.lstrip('/')}"

    def _send(
        self,
        method: str,
        url: str,
        expected: tuple[int, ...],
        *,
        is_api: bool = False,
        before_retry: Callable[[], None] = lambda: None,
        probe: Probe = _READ,
        **options: Any,
    ) -> requests.Response:
        """Repeat a request until an answer settles it."""
        if self.stop.is_set():
            raise Unreachable(
                f"{self.url} was given up before this was sent, because it had taken nothing for too long"
            )
        patience, attempt, worked = Patience(self.patience), 0, 0
        while True:
            attempt += 1
            try:
                response = self._attempt(method, url, seconds=patience.seconds_for(attempt), **options)
            except _HOPELESS as fault:
                raise Refused(self._scrub(f"{self.url} cannot be asked: {responses.explain_fault(fault)}")) from None
            except _PASSING as fault:
                pause, reason = None, responses.reason_of(fault)
                is_busy = isinstance(fault, requests.ReadTimeout)
            else:
                if response.status_code in expected and not (is_api and responses.as_object(response) is None):
                    self._has_answered, self._is_away = self._has_answered or is_api, False
                    self._note_progress()
                    return response
                is_foreign = is_api and responses.is_foreign(response)
                fails = attempt >= probe.attempts and (is_foreign or responses.is_error(response))
                worked = worked + 1 if fails and self._works_otherwise(probe) else 0
                self._raise_if_settled(response, attempt, is_api=is_api, is_to_blame=worked >= probe.times)
                pause, reason = responses.pause_asked_for(response), f"{response.status_code} {response.reason}"
                is_busy = responses.is_busy(response)
            if pause is None:
                pause = min(pause_after(attempt), _PAUSE_WHILE_IT_WORKS_SECONDS if worked else math.inf)
            self._wait(patience, pause, reason, is_busy=is_busy)
            before_retry()

    def _attempt(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        data: Data | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        own = self._access.is_for(url)
        body: Any = data() if callable(data) else data
        if isinstance(data, io.BufferedIOBase):
            data.seek(0)
        sent = connections.WatchedStream(body, self._note_progress) if hasattr(body, "read") else body
        if isinstance(sent, connections.WatchedStream):
            seconds = ANSWER_SECONDS + sent.len / _SLOWEST_BYTES_PER_SECOND
        try:
            with connections.answered_within(2 * seconds):
                response = self._session.request(
                    method,
                    url,
                    data=sent,
                    params=params,
                    headers={**(self._access.headers if own else {}), **(headers or {})},
                    auth=ServerAuth(self._access.authorization if own else None),
                    verify=self._access.verify if own else True,
                    cert=self._access.cert if own else None,
                    timeout=(min(_CONNECT_SECONDS, seconds), seconds),
                    allow_redirects=False,
                    stream=True,
                )
                connections.read(response)
            return response
        finally:
            if callable(data) and hasattr(body, "close"):
                body.close()

    def _raise_if_settled(self, response: requests.Response, attempt: int, *, is_api: bool, is_to_blame: bool) -> None:
        """Raise `Refused` unless the request may succeed later."""
        code, message = responses.error_in(response)
        status = response.status_code
        if responses.may_pass(response) and not is_to_blame:
            return
        is_foreign = is_api and responses.is_foreign(response)
        if is_foreign and not is_to_blame and (self._has_answered or attempt < _ATTEMPTS_WITH_A_STRANGER):
            return  # it may be a proxy that speaks for a server that is away
        explain = responses.explain_foreign if is_foreign and not is_to_blame else responses.explain
        raise Refused(
            self._scrub(explain(response, self.url)), status=status, error_code=code, message=self._scrub(message)
        )

    def _works_otherwise(self, probe: Probe) -> bool:
        """Return whether the server serves a harmless request, sent once."""
        url = self._resolve(f"{API}{probe.path}")
        method, data = ("GET", None) if probe.body is None else ("POST", responses.encode(probe.body))
        try:
            response = self._attempt(
                method, url, seconds=ANSWER_SECONDS, data=data, headers={"Content-Type": "application/json"}
            )
        except _PASSING:
            return False
        return response.status_code == 200 and responses.as_object(response) is not None

    def _wait(self, patience: Patience, pause: float, reason: str, *, is_busy: bool) -> None:
        """Wait before the next attempt. Raises `Unreachable` when there must not be one."""
        reason, limit = self._scrub(reason), patience.limit(is_busy=is_busy)
        if patience.taken + pause > limit:
            raise Unreachable(f"{self.url} did not answer within {limit:g} s: {reason}")
        if patience.taken > AWAY_SECONDS and not self._is_away:
            self._is_away = True
            if self._on_problem is not None:
                self._on_problem(f"{self.url} has not answered for {patience.taken:.0f} s, still trying: {reason}")
        if self.stop.wait(pause):
            raise Unreachable(f"{self.url} did not answer before we stopped: {reason}")

    def _note_progress(self) -> None:
        self.last_progress = monotonic()

    def _scrub(self, text: str) -> str:
        return self._access.scrub(text)
