"""Uploads artifacts through the tracking server, which passes them on to its storage."""

import mimetypes
import re
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlparse, urlsplit, urlunparse

import requests

from autotrack.destinations import without_credentials
from autotrack.sinks.rest import responses
from autotrack.sinks.rest.artifact_multipart import Multipart
from autotrack.sinks.rest.artifact_streams import Source, Throttle
from autotrack.sinks.rest.client import Client, Refused

API = "/api/2.0/mlflow-artifacts/"
_STORED = (200, 201, 204)
_LOOKALIKES = str.maketrans(
    {
        **{chr(code): chr(0x2400 + code) for code in range(32)},  # the pictures of control characters
        "\x7f": "\u2421",
        **{sign: chr(ord(sign) + 0xFEE0) for sign in "#%?;"},  # the wide forms
    }
)


class ProxyStore:
    """The artifacts of one run below `artifact_uri`, uploaded with `PUT …/mlflow-artifacts/artifacts/<path>`.

    The URI is `mlflow-artifacts:/root`, `mlflow-artifacts://host:port/root` or `http(s)://…/root`. Files larger than
    `part_bytes` go in parts, straight to the storage behind the server, if the server offers that and the storage can
    be reached from here. `keeps` says where to keep what is needed to go on with such an upload.
    """

    def __init__(
        self, client: Client, artifact_uri: str, *, throttle: Throttle, keeps: tuple[Path, str], part_bytes: int
    ) -> None:
        self._client = client
        self._server, self._root = _server_and_root(client.url, artifact_uri)
        self._throttle = throttle
        self._part_bytes = part_bytes
        self._is_checked = False
        self._multipart = Multipart(self._url, client, throttle=throttle, keeps=keeps, part_bytes=part_bytes)

    def put(self, source: Source, path: str) -> None:
        """Store content under a path, all of it or nothing. Raises `Refused` and `Unreachable` as `Client` does."""
        self._check_server()
        is_large = self._server is not None and source.size > self._part_bytes
        if is_large and self._multipart.is_offered_for(source):
            size_before = self._size(path)
            if self._multipart.put(source, path, is_there=lambda: size_before != source.size == self._size(path)):
                return
        self._put_whole(source, path)

    def sizes(self, folder: str) -> dict[str, int] | None:
        """Return the size of each file directly in a folder, by name; None where the server does not tell."""
        if self._server is None:
            return None
        path = quote(str(PurePosixPath(self._root, folder)), safe="")
        try:
            response = self._client.send("GET", f"{self._server}{API}artifacts?path={path}")
        except Refused as refusal:
            if refusal.status in (404, 405, 501):  # no such folder, or a server that cannot list files
                return {} if refusal.error_code == "RESOURCE_DOES_NOT_EXIST" else None
            raise
        files = (responses.as_object(response) or {}).get("files", [])
        return {
            PurePosixPath(file["path"]).name: int(file.get("file_size", 0)) for file in files if not file.get("is_dir")
        }

    def name_of(self, path: str) -> str:
        """Return the path under which the server will have a file.

        The server decodes a path until nothing is left to decode, refuses `#`, and loses `?` and `;` at the end
        (MLflow 3.17, `validate_path_is_safe`). If that would change the path, these characters are replaced by their
        full-width forms, and control characters by their symbols.
        """
        path = path.encode(errors="replace").decode()
        return path if _survives(f"1/{path}") else path.translate(_LOOKALIKES)

    def _put_whole(self, source: Source, path: str) -> None:
        headers = {"Content-Type": mimetypes.guess_type(path)[0] or "application/octet-stream"}
        # requests would send an empty stream in chunks.
        data = source.open if source.size else b""
        for _ in self._throttle.attempts():
            url = self._url("artifacts", path)
            response = self._client.send("PUT", url, data=data, headers=headers, expected=(*_STORED, 500))
            if response.status_code != 500:
                self._check_who_answered(response, url, source.size)
                return
            # If the server answers this, it fails at this file only.
            self.sizes("")
        raise Refused(f"{self._client.url} works, but fails to store files like this (500)", status=500)

    def _check_who_answered(self, response: requests.Response, url: str, size: int) -> None:
        """Raise `Refused` if a file was not taken after all: a login page in between answers anything with 200.

        A tracking server answers with JSON, and lists what it has, which is checked for many files at once. Any other
        server is asked for each file. One that does not tell is trusted, unless it has answered with a page.
        """
        if self._server is not None:
            if response.content and responses.as_object(response) is None:
                raise Refused(responses.explain_foreign(response, self._client.url), status=response.status_code)
            return
        is_page = response.status_code == 200 and "html" in response.headers.get("Content-Type", "")
        kept = self._kept_at(url)
        if kept != size and (is_page or kept is not None):
            raise Refused(
                f"{without_credentials(self._root)} has answered ({response.status_code}), but has not kept what was "
                f"sent: check whether a login page or a proxy is in between",
                status=response.status_code,
            )

    def _kept_at(self, url: str) -> int | None:
        """Return how many bytes a server that is not MLflow's has at a URL; -1 for nothing, None if it is silent."""
        asked = self._client.send(
            "HEAD", url, headers={"Accept-Encoding": "identity"}, expected=tuple(range(200, 600))
        )
        if asked.status_code in (404, 410):
            return -1
        length = asked.headers.get("Content-Length", "")
        return int(length) if asked.status_code == 200 and length.isdecimal() else None

    def _url(self, endpoint: str, path: str) -> str:
        if self._server is None:
            return f"{self._root}/{quote(path)}"
        return f"{self._server}{API}{endpoint}/{quote(str(PurePosixPath(self._root, path)))}"

    def _size(self, path: str) -> int | None:
        return (self.sizes(str(PurePosixPath(path).parent)) or {}).get(PurePosixPath(path).name)

    def _check_server(self) -> None:
        """Check once whether the server takes artifacts at all. One that does not answers 503, as if it were away."""
        if self._is_checked or self._server is None:
            return
        path = quote(self._root, safe="")
        response = self._client.send(
            "GET", f"{self._server}{API}artifacts?path={path}", expected=(200, 404, 405, 501, 503)
        )
        if response.status_code == 503 and b"--no-serve-artifacts" in response.content:
            raise Refused(
                f"{self._client.url} does not pass artifacts on: it runs with --no-serve-artifacts, but this run's "
                f"artifacts have to go through it; start it with --serve-artifacts",
                status=503,
            )
        self._is_checked = True


def _server_and_root(url: str, artifact_uri: str) -> tuple[str | None, str]:
    """Return the server and the path on it. The server is "" for the tracking server, None if it is not MLflow."""
    parsed, own = urlsplit(artifact_uri), urlsplit(url)
    if parsed.scheme == "mlflow-artifacts":
        is_other = parsed.netloc and parsed.netloc != own.netloc
        return f"{own.scheme}://{parsed.netloc}{own.path}" if is_other else "", unquote(parsed.path).strip("/")
    server, separator, root = artifact_uri.partition(f"{API}artifacts")
    return (server, unquote(root).strip("/")) if separator else (None, artifact_uri.rstrip("/"))


def _survives(path: str) -> bool:
    """Return whether the server leaves a path as it is."""
    decoded = urlunparse(urlparse(unquote(path)))
    return decoded == path and "#" not in path and not re.search(r"[\x00-\x1f\x7f]", path)
