"""Uploads large artifacts in parts, straight to the storage behind a tracking server, which tells where they go.

The protocol is that of MLflow's artifact proxy (`/api/2.0/mlflow-artifacts/mpu/…`, since 2.9). `create` returns an
upload id and a signed URL for each part, and `complete` takes the ETag of each part. What has arrived is noted in a
file, so that another process can go on where this one stopped.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from time import time
from urllib.parse import urlsplit

import msgspec
import requests

from autotrack.journal.run_folder import make_folders, names_in, read_bytes, remove_file, replace_file
from autotrack.sinks.owed import MOST_BYTES
from autotrack.sinks.rest import responses
from autotrack.sinks.rest.artifact_streams import FileSource, Source, SourceChanged, SourceLost, Throttle
from autotrack.sinks.rest.client import Client, Refused

_MOST_PARTS = 500
"""Storages allow 10,000. With fewer and larger parts, the file that remembers them stays small."""

_VALID_SECONDS = 3000
"""Signed URLs are valid for an hour, and there is no way to get new ones for the same upload."""

_PROBE_SECONDS = 5


class Part(msgspec.Struct):
    """One part: where it goes, and the ETag that the storage returned when it arrived."""

    number: int
    url: str
    headers: dict[str, str] = {}
    etag: str | None = None


class Upload(msgspec.Struct):
    """An unfinished upload of one version of a file. `created` is in seconds since 1970."""

    path: str
    bytes: int
    mtime_ns: int
    part_bytes: int
    upload_id: str
    created: float
    parts: list[Part]


class Multipart:
    """Uploads files in parts. `url_of` makes the URL of an endpoint and a path; `folder` is for unfinished uploads."""

    def __init__(
        self,
        url_of: Callable[[str, str], str],
        client: Client,
        *,
        throttle: Throttle,
        keeps: tuple[Path, str],
        part_bytes: int,
    ) -> None:
        self._url_of = url_of
        self._client = client
        self._throttle = throttle
        self._folder, self._name = keeps
        self._part_bytes = part_bytes
        self._is_offered: bool | None = None
        self._reachable: dict[str, bool] = {}

    def is_offered_for(self, source: Source) -> bool:
        """Return whether the server takes this in parts, and the upload will be complete before the URLs expire."""
        if not isinstance(source, FileSource) or self._throttle.seconds_for(source.size) > _VALID_SECONDS:
            return False
        if self._is_offered is None:
            self._is_offered = self._ask_server()
            if self._is_offered:
                self._abort_stale()
        return self._is_offered

    def put(self, source: Source, path: str, *, is_there: Callable[[], bool]) -> bool:
        """Upload a file, or what is left of it. Returns False when it has to go another way.

        `is_there` tells whether the whole file has arrived, because the answer to the last request may be lost.
        Raises `SourceChanged`, `SourceLost` and `Unreachable`; after `Unreachable`, a later call goes on.
        """
        assert isinstance(source, FileSource)  # noqa: S101  `is_offered_for` checks it
        for upload in (self._unfinished(source, path), None):
            try:
                upload = upload or self._create(source, path)
                if not self._reaches(upload):
                    self._abort(upload)
                    return False
                self._send_parts(source, upload)
                self._complete(upload, is_there)
            except Refused:
                if upload is not None:
                    self._abort(upload)
                continue
            except (SourceChanged, SourceLost):
                if upload is not None:
                    self._abort(upload)
                raise
            else:
                self._forget(path)
                return True
        return False

    def _ask_server(self) -> bool:
        info = self._url_of("", "").partition("/api/2.0/")[0] + "/api/3.0/mlflow/server-info"
        try:
            response = self._client.send("GET", info)
        except Refused:  # an older server
            return False
        return bool((responses.as_object(response) or {}).get("multipart_uploads_enabled"))

    def _create(self, source: FileSource, path: str) -> Upload:
        part_bytes = max(self._part_bytes, -(-source.size // _MOST_PARTS))
        body = {"path": PurePosixPath(path).name, "num_parts": -(-source.size // part_bytes)}
        created = responses.as_object(self._post("create", path, body)) or {}
        parts = [
            Part(int(part["part_number"]), part["url"], dict(part.get("headers", {})))
            for part in created.get("credentials", [])
        ]
        upload = Upload(path, *source.version, part_bytes, str(created.get("upload_id", "")), time(), parts)
        self._keep(upload)
        return upload

    def _send_parts(self, source: FileSource, upload: Upload) -> None:
        for part in upload.parts:
            if part.etag is None:
                part.etag = self._send_part(source, upload, part)
                self._keep(upload)

    def _send_part(self, source: FileSource, upload: Upload, part: Part) -> str:
        start = (part.number - 1) * upload.part_bytes
        length = min(upload.part_bytes, upload.bytes - start)
        for _ in self._throttle.attempts():
            response = self._client.send(
                "PUT",
                part.url,
                data=lambda: source.open(start, length),
                headers=part.headers,
                expected=(200, 201, 500),
            )
            if response.status_code != 500:
                return response.headers.get("ETag", "")
        raise Refused(f"the storage behind {self._client.url} does not take parts of {upload.path}", status=500)

    def _complete(self, upload: Upload, is_there: Callable[[], bool]) -> None:
        parts = [{"part_number": part.number, "etag": part.etag, "url": part.url} for part in upload.parts]
        body = {"path": PurePosixPath(upload.path).name, "upload_id": upload.upload_id, "parts": parts}
        for _ in self._throttle.attempts():  # servers answer 500 as well when the storage does not know the upload
            response = self._post("complete", upload.path, body, expected=(200, 400, 404, 500))
            if response.status_code == 200 or is_there():
                return
        raise Refused(f"{self._client.url} could not put the parts of {upload.path} together", status=500)

    def _abort(self, upload: Upload) -> None:
        """Have the storage forget the parts, if it still has any, and forget them here."""
        body = {"path": PurePosixPath(upload.path).name, "upload_id": upload.upload_id}
        with contextlib.suppress(Refused):
            self._post("abort", upload.path, body, expected=(200, 400, 404, 500, 501))
        self._forget(upload.path)

    def _post(
        self, verb: str, path: str, body: Mapping[str, object], *, expected: tuple[int, ...] = (200,)
    ) -> requests.Response:
        # The URL has the folder, and the body the name.
        url = self._url_of(f"mpu/{verb}", str(PurePosixPath(path).parent))
        headers = {"Content-Type": "application/json"}
        return self._client.send("POST", url, data=responses.encode(body), headers=headers, expected=expected)

    def _reaches(self, upload: Upload) -> bool:
        """Return whether the storage can be reached from here; it may be one that only the server can reach."""
        if not upload.parts or not upload.upload_id:
            return False
        url = urlsplit(upload.parts[0].url)
        origin = f"{url.scheme}://{url.netloc}/"
        if origin not in self._reachable:
            try:
                requests.head(origin, timeout=_PROBE_SECONDS, allow_redirects=False)
            except (requests.RequestException, OSError):
                self._reachable[origin] = self._is_offered = False
            else:
                self._reachable[origin] = True
        return self._reachable[origin]

    def _unfinished(self, source: FileSource, path: str) -> Upload | None:
        """Return the unfinished upload of this version of the file. One of another version is given up."""
        upload = read(self._folder, self._file_for(path))
        if upload is None:
            return None
        if (upload.path, upload.bytes, upload.mtime_ns) == (path, *source.version) and not _is_stale(upload):
            return upload
        self._abort(upload)
        return None

    def _abort_stale(self) -> None:
        for name in names_in(self._folder, self._name):
            upload = read(self._folder, f"{self._name}/{name}") if name.endswith(".json") else None
            if upload is not None and _is_stale(upload):
                self._abort(upload)

    def _keep(self, upload: Upload) -> None:
        name = self._file_for(upload.path)
        self._folder.mkdir(parents=True, exist_ok=True)
        make_folders(self._folder, name, mode=0o700)  # whoever has the signed URLs may write there for an hour
        replace_file(self._folder, name, msgspec.json.encode(upload))

    def _file_for(self, path: str) -> str:
        return f"{self._name}/{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"

    def _forget(self, path: str) -> None:
        remove_file(self._folder, self._file_for(path))


def read(folder: Path, name: str) -> Upload | None:
    """Return the unfinished upload that is noted in a file of a run; None where there is none."""
    try:
        return msgspec.json.decode(read_bytes(folder, name, limit_bytes=MOST_BYTES), type=Upload)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_stale(upload: Upload) -> bool:
    return time() - upload.created > _VALID_SECONDS
