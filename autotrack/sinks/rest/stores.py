"""Writes artifacts straight to a folder or object storage, for tracking servers that do not pass them on."""

import contextlib
import ipaddress
import os
import posixpath
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from autotrack.journal.files import replacing
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.artifact_streams import Source, SourceChanged, SourceLost, Throttle
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.patience import Patience

_T = TypeVar("_T")

_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "'autotrack-ml[remote]'"),
    **dict.fromkeys(("gs", "gcs"), "'autotrack-ml[remote]' gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "'autotrack-ml[remote]' adlfs"),
}
_FOLDER_OF_A_RUN = "artifacts"
_BLOCK_BYTES = 8 * 2**20
_MOST_BLOCKS = 9000  # S3 and others allow 10,000
_LONGEST_PAUSE_SECONDS = 30.0
_ATTEMPTS = 6
"""How many attempts there are before an error of unknown meaning counts as final."""

_HOPELESS = (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError, TypeError, ValueError)
_HOPELESS_NAMES = {
    "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError",  # botocore
    "DefaultCredentialsError", "RefreshError",  # google.auth
    "ClientAuthenticationError",  # azure.core
}  # fmt: skip
_PASSING = (ConnectionError, TimeoutError)
_PASSING_NAMES = {
    "HTTPClientError", "EndpointConnectionError", "ConnectionClosedError",  # botocore
    "ClientConnectionError",  # aiohttp
    "TransportError",  # google.auth
    "ServiceRequestError", "ServiceResponseError",  # azure.core
}  # fmt: skip


class DirectStore:
    """The artifacts of one run below `artifact_uri`, written through fsspec.

    The URI may be anything that fsspec takes (`s3://`, `gs://`, `abfs://`), a `file:` URI or an absolute path. The
    library of an object storage reads credentials from the environment. `MLFLOW_S3_ENDPOINT_URL` works as well as
    `AWS_ENDPOINT_URL`. Raises `Refused`, also when a package is missing or the folder is on another machine.
    """

    def __init__(
        self,
        client: Client,
        artifact_uri: str,
        *,
        throttle: Throttle,
        on_problem: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._client = client
        self._throttle = throttle
        self._on_problem = on_problem
        self._folder = _local_folder(artifact_uri)
        # Options follow a question mark, and some are secrets.
        self._uri = artifact_uri if self._folder is not None else artifact_uri.partition("?")[0]
        if self._folder is not None:
            _check_that_it_is_here(self._folder, client.url)
        options = {"endpoint_url": environ.get("MLFLOW_S3_ENDPOINT_URL")} if artifact_uri.startswith("s3") else {}
        self._fs, self._root = _filesystem(
            self._folder.as_posix() if self._folder else self._uri,
            {name: value for name, value in options.items() if value},
        )

    def put(self, source: Source, path: str) -> None:
        """Store content under a path, all of it or nothing. Raises `Refused` and `Unreachable`."""
        target = posixpath.join(self._root, path)
        write = self._write_object if self._folder is None else self._write_file
        self._repeat(lambda: write(source, target))

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size of each file directly in a folder, by name."""
        try:
            entries = self._repeat(lambda: self._fs.ls(str(PurePosixPath(self._root, folder)), detail=True))
        except Refused as refusal:
            if isinstance(refusal.__cause__, FileNotFoundError):
                return {}
            raise
        return {PurePosixPath(entry["name"]).name: int(entry["size"]) for entry in entries if entry["type"] == "file"}

    def name_of(self, path: str) -> str:
        """Return the path under which the store will have a file. It is the same one, if that is valid text."""
        return path.encode(errors="replace").decode()

    def _write_object(self, source: Source, target: str) -> None:
        """Write an object. It exists once it is complete, so closing must not complete one that failed halfway."""
        block_bytes = max(_BLOCK_BYTES, -(-source.size // _MOST_BLOCKS))
        file = self._fs.open(target, "wb", block_size=block_bytes)
        try:
            self._copy(source, file)
            file.close()
        except BaseException:
            with contextlib.suppress(Exception):  # the first error says more
                file.discard()
            file.closed = True
            raise

    def _write_file(self, source: Source, target: str) -> None:
        self._fs.makedirs(posixpath.dirname(target), exist_ok=True)
        with replacing(Path(target)) as draft, self._fs.open(str(draft), "wb") as file:
            self._copy(source, file)

    def _copy(self, source: Source, file: Any) -> None:
        with contextlib.closing(source.open()) as stream:
            while block := stream.read(_BLOCK_BYTES):
                file.write(block)
                self._client.last_progress = monotonic()  # the client is not involved, and would seem to be stuck

    def _repeat(self, act: Callable[[], _T]) -> _T:
        """Call `act` until it works or is hopeless; raises `Unreachable` when told to stop or out of patience.

        This is by hand because each storage has a library and errors of its own: there is no HTTP request here that
        urllib3's `Retry` could repeat. Those libraries' own retries end after seconds, and do not heed `stop`.
        """
        patience, pause, attempt = Patience(self._client.patience), 0.5, 0
        while True:
            attempt += 1
            try:
                return act()
            except (SourceChanged, SourceLost, Unreachable):
                raise
            except Exception as fault:  # each library has errors of its own
                reason = f"{type(fault).__name__}: {fault}"
                if _is_hopeless(fault) or (attempt >= _ATTEMPTS and not _may_pass(fault)):
                    raise Refused(f"{self._uri} cannot be written to: {reason}") from fault
            limit = patience.limit(is_busy=False)
            if patience.taken + pause > limit:
                raise Unreachable(f"{self._uri} did not answer within {limit:g} s: {reason}")
            if attempt == _ATTEMPTS:
                self._on_problem(f"{self._uri} does not answer, still trying: {reason}")
            self._throttle.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _filesystem(uri: str, options: Mapping[str, str]) -> tuple[Any, str]:
    """Return fsspec's file system for a URI and the path in it; raises `Refused` where a package is missing."""
    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if "::" in uri:  # a file system within another one, which may be the user's own files
        raise Refused(f"this run's artifacts have to go to {uri}, which names a place within another one")
    try:
        core = import_module("fsspec.core")  # optional, and slow to import
        # Nothing is cached, so that listings are always up to date.
        fs, root = core.url_to_fs(uri, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError:
        packages = _PACKAGES.get(scheme, "'autotrack-ml[remote]'")
        raise Refused(
            f"this run's artifacts have to go straight to {uri}, which needs packages that are not installed:\n"
            f"pip install {packages}"
        ) from None
    except ValueError as fault:
        raise Refused(
            f"this run's artifacts have to go straight to {uri}, and {scheme}:// is not supported ({fault}); "
            f"start the tracking server with --serve-artifacts, so that they go through it"
        ) from None
    return fs, str(root)


def _local_folder(uri: str) -> Path | None:
    """Return the folder that a path or a `file:` URI names, in the ways that fsspec writes it; None for other URIs."""
    if uri.lower().startswith(("file:", "local:")):
        return Path(url2pathname(urlsplit(uri).path))
    return None if "://" in uri or uri.startswith("dbfs:") else Path(uri)


def _check_that_it_is_here(folder: Path, url: str) -> None:
    """Raise `Refused` for a folder on the server's machine: nobody would find what is written to it here.

    If the machines share the folder, the root of `<root>/<experiment>/<run>/artifacts` exists here. A server may name
    any folder, such as one of the user's: what is not called like that of a run is not written to.
    """
    if folder.name != _FOLDER_OF_A_RUN or ".." in folder.parts:
        raise Refused(
            f"{url} wants this run's artifacts in {folder}; nothing is written there, because a tracking server keeps "
            f"them in a folder {_FOLDER_OF_A_RUN!r} of the run"
        )
    shared = folder.is_absolute() and any(parent.is_dir() for parent in (folder, *folder.parents[:3]) if parent.name)
    if not shared and not (folder.is_absolute() and _is_this_machine(url)):
        raise Refused(
            f"this run's artifacts have to go to {folder}, a folder of the server that is not on this machine; "
            f"start the server with --serve-artifacts, so that they go through it"
        )


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _names(fault: Exception) -> set[str]:
    return {kind.__name__ for kind in type(fault).__mro__}


def _is_hopeless(fault: Exception) -> bool:
    return isinstance(fault, _HOPELESS) or not _HOPELESS_NAMES.isdisjoint(_names(fault))


def _may_pass(fault: Exception) -> bool:
    return isinstance(fault, _PASSING) or not _PASSING_NAMES.isdisjoint(_names(fault))
