"""Large files in parts, past the tracking server into its object storage: resumed where they stopped."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest import artifact_multipart
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Client
from tests.sinks.rest.test_artifacts import MEBIBYTE, PROXY, a_file
from tests.support.chaos_proxy import ChaosProxy, Fault
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy
from tests.support.servers import Server, mlflow_server, object_storage

PART_BYTES = 5 * MEBIBYTE  # the least that S3 takes


@pytest.fixture(scope="module")
def _storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, CuttingProxy]]:
    """A tracking server whose storage is behind a proxy that cuts."""
    with object_storage(tmp_path_factory.mktemp("storage")) as storage, cutting_proxy(storage.server.url) as cutter:
        place = storage.make_bucket("bucket")
        environ = {**storage.environ, "AWS_ENDPOINT_URL": cutter.url, "MLFLOW_S3_ENDPOINT_URL": cutter.url}
        with mlflow_server(tmp_path_factory.mktemp("server"), artifacts=place, environ=environ) as server:
            yield server, cutter


@pytest.fixture
def to_storage(_storage: tuple[Server, CuttingProxy]) -> CuttingProxy:
    """What is between everybody and the storage."""
    _storage[1].reset()
    return _storage[1]


@pytest.fixture
def in_front(_storage: tuple[Server, CuttingProxy], failing: Callable[..., ChaosProxy]) -> ChaosProxy:
    """What is between us and the tracking server."""
    return failing(url=_storage[0].url)


@pytest.fixture
def root() -> str:
    return f"1/{uuid.uuid4().hex}/artifacts"


@pytest.fixture
def new_store(in_front: ChaosProxy, root: str, tmp_path: Path) -> Callable[..., ArtifactStore]:
    def new(*, stop: threading.Event | None = None, **options: Any) -> ArtifactStore:
        client = Client(in_front.url, environ={}, stop=stop)
        uri = f"mlflow-artifacts:/{root}"
        (tmp_path / "run").mkdir(exist_ok=True)
        return ArtifactStore(client, uri, folder=tmp_path / "run", part_bytes=PART_BYTES, **options)

    return new


@pytest.fixture
def stored(_storage: tuple[Server, CuttingProxy], root: str) -> Callable[[str], bytes]:
    def download(path: str) -> bytes:
        return requests.get(f"{_storage[0].url}{PROXY}/{root}/{path}", timeout=60).content

    return download


@pytest.fixture
def unfinished(to_storage: CuttingProxy, root: str) -> Callable[[], int]:
    """Count the uploads that the storage holds parts of."""

    def count() -> int:
        said = requests.get(f"{to_storage.url}/bucket?uploads", timeout=60).text
        return said.count(f"<Key>{root}")

    return count


def parts_sent(proxy: CuttingProxy) -> int:
    return proxy.requests_like(b"PUT", b"partNumber=")


def stopped_half_way(new_store: Callable[..., ArtifactStore], to_storage: CuttingProxy, path: Path) -> None:
    """Upload three parts and a bit of the fourth."""
    stop = threading.Event()
    to_storage.passed_bytes, to_storage.on_passed = 3 * PART_BYTES + MEBIBYTE, stop.set
    with pytest.raises(Unreachable):
        new_store(stop=stop, bytes_per_second=20 * MEBIBYTE).upload(path, "big é.ckpt")


def test_a_large_file_goes_in_parts_past_the_server(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes],
    to_storage: CuttingProxy,
    in_front: ChaosProxy,
    tmp_path: Path,
) -> None:
    content = a_file(tmp_path / "big.ckpt", 30)
    new_store().upload(tmp_path / "big.ckpt", "checkpoints/big.ckpt")
    assert parts_sent(to_storage) == 6
    assert not [request for request in in_front.seen if request.method == "PUT"]
    assert stored("checkpoints/big.ckpt") == content
    assert not list((tmp_path / "run").rglob("*.parts/*"))


def test_a_file_of_one_part_goes_through_the_server(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes], in_front: ChaosProxy, tmp_path: Path
) -> None:
    content = a_file(tmp_path / "small.ckpt", 5)
    new_store().upload(tmp_path / "small.ckpt", "small.ckpt")
    assert [request.method for request in in_front.seen].count("PUT") == 1
    assert stored("small.ckpt") == content


def test_an_upload_goes_on_at_the_part_where_it_stopped(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    content = a_file(tmp_path / "big.ckpt", 30)
    stopped_half_way(new_store, to_storage, tmp_path / "big.ckpt")
    to_storage.reset()
    new_store().upload(tmp_path / "big.ckpt", "big é.ckpt")
    assert parts_sent(to_storage) == 3
    assert stored("big é.ckpt") == content


def test_what_was_left_of_another_version_is_given_up(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes],
    to_storage: CuttingProxy,
    unfinished: Callable[[], int],
    tmp_path: Path,
) -> None:
    a_file(tmp_path / "big.ckpt", 30)
    stopped_half_way(new_store, to_storage, tmp_path / "big.ckpt")
    assert unfinished() == 1
    newer = a_file(tmp_path / "big.ckpt", 12, seed=b"n")
    to_storage.reset()
    new_store().upload(tmp_path / "big.ckpt", "big é.ckpt")
    assert stored("big é.ckpt") == newer
    assert unfinished() == 0


def test_an_upload_whose_urls_are_no_longer_good_begins_anew(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes],
    to_storage: CuttingProxy,
    unfinished: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = a_file(tmp_path / "big.ckpt", 30)
    stopped_half_way(new_store, to_storage, tmp_path / "big.ckpt")
    to_storage.reset()
    real = time.time
    monkeypatch.setattr(artifact_multipart, "time", lambda: real() + 3600)
    new_store().upload(tmp_path / "big.ckpt", "big é.ckpt")
    assert stored("big é.ckpt") == content
    assert unfinished() == 0


def test_an_upload_that_the_storage_forgot_begins_anew(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    content = a_file(tmp_path / "big.ckpt", 30)
    stopped_half_way(new_store, to_storage, tmp_path / "big.ckpt")
    (kept,) = (tmp_path / "run").rglob("*.parts/*.json")
    upload = artifact_multipart.read(tmp_path / "run", str(kept.relative_to(tmp_path / "run")))
    requests.delete(upload.parts[0].url, timeout=60)  # type: ignore[union-attr]  # it is there
    new_store().upload(tmp_path / "big.ckpt", "big é.ckpt")
    assert stored("big é.ckpt") == content


def test_a_cut_connection_to_the_storage_costs_one_part(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    content = a_file(tmp_path / "big.ckpt", 30)
    to_storage.cut_after, to_storage.cuts = 2 * PART_BYTES + MEBIBYTE, 1
    new_store().upload(tmp_path / "big.ckpt", "big.ckpt")
    assert to_storage.cuts == 0
    assert parts_sent(to_storage) == 7
    assert stored("big.ckpt") == content


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.SERVER_ERROR])
def test_a_lost_answer_to_the_last_request_does_not_send_the_file_again(
    fault: Fault,
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes],
    to_storage: CuttingProxy,
    in_front: ChaosProxy,
    tmp_path: Path,
) -> None:
    content = a_file(tmp_path / "big.ckpt", 12)
    create_is_seen = len(in_front.seen)

    def fail_the_first_complete(number: int) -> Fault | None:
        sent = parts_sent(to_storage)
        if sent == 3 and not failed:
            failed.append(number)
            return fault
        return None

    failed: list[int] = []
    in_front.plan = fail_the_first_complete
    new_store().upload(tmp_path / "big.ckpt", "big.ckpt")
    assert "/mpu/complete/" in in_front.seen[create_is_seen + failed[0]].path
    assert parts_sent(to_storage) == 3
    assert stored("big.ckpt") == content


def test_a_storage_that_only_the_server_reaches_is_reached_through_it(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes],
    to_storage: CuttingProxy,
    unfinished: Callable[[], int],
    tmp_path: Path,
) -> None:
    content = a_file(tmp_path / "big.ckpt", 12)
    to_storage.refuses = (b"HEAD / ",)
    new_store().upload(tmp_path / "big.ckpt", "big.ckpt")
    assert parts_sent(to_storage) == 0 or unfinished() == 0
    assert stored("big.ckpt") == content
    assert unfinished() == 0


def test_a_checkpoint_that_is_replaced_between_two_parts_arrives_as_the_new_one(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes],
    to_storage: CuttingProxy,
    unfinished: Callable[[], int],
    tmp_path: Path,
) -> None:
    a_file(tmp_path / "last.ckpt", 12)
    newer: list[bytes] = []

    def replace() -> None:
        if not newer:
            newer.append(a_file(tmp_path / "next.ckpt", 13, seed=b"n"))
            (tmp_path / "next.ckpt").replace(tmp_path / "last.ckpt")

    to_storage.passed_bytes, to_storage.on_passed = PART_BYTES // 2, replace
    new_store().upload(tmp_path / "last.ckpt", "last.ckpt")
    assert stored("last.ckpt") == newer[0]
    assert unfinished() == 0


def test_nobody_else_may_read_the_signed_urls(
    new_store: Callable[..., ArtifactStore], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    a_file(tmp_path / "big.ckpt", 30)
    stopped_half_way(new_store, to_storage, tmp_path / "big.ckpt")
    (kept,) = (tmp_path / "run").rglob("*.parts/*.json")
    assert kept.parent.stat().st_mode & 0o077 == 0
