"""Files of a run, straight to a folder or to object storage, where the tracking server passes none on."""

import os
import sys
import threading
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Client, Refused
from tests.sinks.rest.test_artifacts import MEBIBYTE, a_file
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy
from tests.support.servers import ObjectStorage, mlflow_server, object_storage

HERE, ELSEWHERE = "http://127.0.0.1:5000", "https://tracking.example.org"
"""Tracking servers that are not asked for anything."""

SOMEBODY = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request"}
"""Whoever is nobody may not read every object; the test's object storage checks no signature."""


def store_at(
    uri: str,
    run: Path,
    *,
    url: str = HERE,
    patience: float | None = None,
    stop: threading.Event | None = None,
    bytes_per_second: float | None = None,
) -> ArtifactStore:
    client = Client(url, environ={}, patience=patience, stop=stop)
    return ArtifactStore(client, uri, folder=run, bytes_per_second=bytes_per_second)


@pytest.fixture(scope="module")
def _storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ObjectStorage, CuttingProxy]]:
    with object_storage(tmp_path_factory.mktemp("storage")) as storage, cutting_proxy(storage.server.url) as cutter:
        storage.make_bucket("direct")
        yield storage, cutter


@pytest.fixture
def to_storage(_storage: tuple[ObjectStorage, CuttingProxy], monkeypatch: pytest.MonkeyPatch) -> CuttingProxy:
    """What is between us and the object storage, which is where the environment says."""
    storage, cutter = _storage
    for name, value in storage.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cutter.url)
    monkeypatch.delenv("MLFLOW_S3_ENDPOINT_URL")
    cutter.reset()
    return cutter


@pytest.fixture
def root(to_storage: CuttingProxy) -> str:
    """Where the artifacts of a run lie in object storage."""
    return f"direct/7/{uuid.uuid4().hex}/artifacts"


@pytest.fixture
def stored(_storage: tuple[ObjectStorage, CuttingProxy], root: str) -> Callable[[str], bytes | None]:
    """Download an object; None where there is none."""

    def download(path: str) -> bytes | None:
        url = f"{_storage[0].server.url}/{quote(f'{root}/{path}')}"
        response = requests.get(url, headers=SOMEBODY, timeout=60)
        return response.content if response.ok else None

    return download


@pytest.mark.parametrize("as_uri", [str, Path.as_uri])
def test_files_go_to_a_folder_and_appear_there_complete(as_uri: Callable[[Path], str], tmp_path: Path) -> None:
    place = tmp_path / "ml runs" / "1" / "abc" / "artifacts"
    (tmp_path / "model").mkdir()
    content = a_file(tmp_path / "model" / "weights é.bin", 3)
    store = store_at(as_uri(place), tmp_path / "run")
    store.upload(tmp_path / "model", "model")
    store.upload_bytes(b"{}", "params.json")
    assert (place / "model" / "weights é.bin").read_bytes() == content
    assert sorted(path.name for path in place.rglob("*")) == ["model", "params.json", "weights é.bin"]


def test_a_folder_of_another_machine_is_not_made_here(tmp_path: Path) -> None:
    store = store_at(f"file://{tmp_path}/a/b/c/1/abc/artifacts", tmp_path / "run", url=ELSEWHERE)
    with pytest.raises(Refused, match="--serve-artifacts"):
        store.upload_bytes(b"content", "a.txt")
    assert not (tmp_path / "a").exists()


def test_a_folder_that_is_shared_with_the_server_is_used(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    store = store_at(f"{tmp_path}/mlruns/1/abc/artifacts", tmp_path / "run", url=ELSEWHERE)
    store.upload_bytes(b"content", "a.txt")
    assert (tmp_path / "mlruns/1/abc/artifacts/a.txt").read_bytes() == b"content"


@pytest.mark.parametrize("url", [HERE, ELSEWHERE])
@pytest.mark.parametrize("uri", ["{home}/start-up", "file://{home}/start-up", "local://{home}/start-up",
                                 "FILE://{home}/start-up", "{home}/artifacts/../start-up/../artifacts",
                                 "simplecache::file://{home}/artifacts", "dir::local://{home}/artifacts"])  # fmt: skip
def test_a_server_cannot_have_files_written_where_it_likes(uri: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "start-up").mkdir()
    (tmp_path / "artifacts").mkdir()
    with pytest.raises(Refused):
        store_at(uri.format(home=tmp_path), tmp_path / "run", url=url).upload_bytes(b"evil", "a.txt")
    assert not [*tmp_path.rglob("a.txt")]


def test_a_folder_that_is_relative_to_the_server_is_not_made_here(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--serve-artifacts"):
        store_at("./mlruns/1/abc/artifacts", tmp_path / "run").upload_bytes(b"content", "a.txt")


def test_a_protocol_whose_package_is_missing_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(Refused) as refusal:
        store_at("gs://bucket/1/abc/artifacts", tmp_path / "run").upload_bytes(b"content", "a.txt")
    assert str(refusal.value).splitlines()[-1] == "pip install 'autotrack-ml[remote]' gcsfs"


def test_without_fsspec_the_command_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(Refused) as refusal:
        store_at("s3://bucket/1/abc/artifacts", tmp_path / "run").upload_bytes(b"content", "a.txt")
    assert str(refusal.value).splitlines()[-1] == "pip install 'autotrack-ml[remote]'"


def test_a_protocol_that_nobody_knows_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="wasbs"):
        store_at("wasbs://c@a.blob.core.windows.net/1", tmp_path / "run").upload_bytes(b"content", "a.txt")


def test_making_a_store_asks_and_imports_nothing(tmp_path: Path, run_script: Callable[..., str]) -> None:
    said = run_script(
        """
        import pathlib, sys
        from autotrack.sinks.rest.artifacts import ArtifactStore
        from autotrack.sinks.rest.client import Client

        ArtifactStore(Client("http://127.0.0.1:9"), "s3://bucket/x", folder=pathlib.Path("run"))
        print([name for name in sys.modules if name.split(".")[0] in ("fsspec", "s3fs", "boto3", "aiohttp")])
        """
    )
    assert said == "[]"


def test_objects_arrive_byte_for_byte(
    root: str, stored: Callable[[str], bytes | None], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    names = ["empty", "a b#c%41?.txt", "ü 日本.bin"]
    contents = [b"", b"x" * 1000, a_file(tmp_path / "model" / names[2], 30)]
    for name, content in zip(names, contents, strict=True):
        (tmp_path / "model" / name).write_bytes(content)
    store_at(f"s3://{root}", tmp_path / "run").upload(tmp_path / "model", "model")
    assert [stored(f"model/{name}") for name in names] == contents
    to_storage.reset()
    store_at(f"s3://{root}", tmp_path / "run").upload(tmp_path / "model", "model")
    assert to_storage.up_bytes == 0


def test_a_connection_to_the_storage_that_is_cut_half_way_loses_nothing(
    root: str, stored: Callable[[str], bytes | None], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    content = a_file(tmp_path / "weights.bin", 30)
    to_storage.cut_after, to_storage.cuts = 12 * MEBIBYTE, 1
    store_at(f"s3://{root}", tmp_path / "run").upload(tmp_path / "weights.bin", "weights.bin")
    assert to_storage.cuts == 0
    assert stored("weights.bin") == content


@pytest.mark.parametrize("mebibytes", [2, 20])
def test_an_upload_that_is_stopped_leaves_no_torn_object(
    mebibytes: int, root: str, stored: Callable[[str], bytes | None], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    path = tmp_path / "last.ckpt"
    before = a_file(path, 1)
    store_at(f"s3://{root}", tmp_path / "run").upload(path, "last.ckpt")
    after = a_file(path, mebibytes, seed=b"n")
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with pytest.raises(Unreachable):
        store_at(f"s3://{root}", tmp_path / "run", stop=stop, bytes_per_second=mebibytes * MEBIBYTE / 2).upload(
            path, "last.ckpt"
        )
    timer.join()
    assert stored("last.ckpt") == before
    uploads = requests.get(f"{to_storage.url}/direct?uploads", timeout=60).text
    assert root.partition("/")[2] not in uploads
    store_at(f"s3://{root}", tmp_path / "run").upload(path, "last.ckpt")
    assert stored("last.ckpt") == after


def test_a_checkpoint_that_changes_on_its_way_to_the_storage_arrives_as_one_version(
    root: str, stored: Callable[[str], bytes | None], to_storage: CuttingProxy, tmp_path: Path
) -> None:
    path = tmp_path / "last.ckpt"
    a_file(path, 30)
    changed = threading.Event()

    def cut_short() -> None:
        if not changed.is_set():
            changed.set()
            os.truncate(path, 3 * MEBIBYTE)

    to_storage.passed_bytes, to_storage.on_passed = 8 * MEBIBYTE, cut_short
    store_at(f"s3://{root}", tmp_path / "run").upload(path, "last.ckpt")
    assert changed.is_set()
    assert stored("last.ckpt") == path.read_bytes()


def test_memory_stays_flat_on_the_way_to_the_storage(root: str, tmp_path: Path) -> None:
    a_file(tmp_path / "weights.bin", 100)
    store = store_at(f"s3://{root}", tmp_path / "run")
    store.upload_bytes(b"warm", "up.txt")
    tracemalloc.start()
    try:
        store.upload(tmp_path / "weights.bin", "weights.bin")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * MEBIBYTE


def test_mlflow_s_own_name_for_the_endpoint_is_known(
    root: str,
    stored: Callable[[str], bytes | None],
    to_storage: CuttingProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", to_storage.url)
    store_at(f"s3://{root}", tmp_path / "run").upload_bytes(b"content", "a.txt")
    assert stored("a.txt") == b"content"


def test_a_bucket_that_is_not_there_is_said_at_once(to_storage: CuttingProxy, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="s3://nobodys-bucket"):
        store_at("s3://nobodys-bucket/1", tmp_path / "run").upload_bytes(b"content", "a.txt")


@pytest.mark.slow
def test_a_storage_that_is_away_is_waited_for_until_the_patience_is_over(
    to_storage: CuttingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="did not answer within 1 s"):
        store_at("s3://direct/1", tmp_path / "run", patience=1).upload_bytes(b"content", "a.txt")


@pytest.mark.slow
def test_the_tracking_server_lists_what_went_past_it(tmp_path: Path) -> None:
    with mlflow_server(tmp_path / "server", proxied=False, artifacts=str(tmp_path / "shared")) as server:
        client = Client(server.url, environ={})
        info = client.post("runs/create", {"experiment_id": "0"})["run"]["info"]
        content = a_file(tmp_path / "weights.bin", 3)
        store = ArtifactStore(client, info["artifact_uri"], folder=tmp_path / "run")
        store.upload(tmp_path / "weights.bin", "checkpoints/weights.bin")
        said = client.send("GET", f"/api/2.0/mlflow/artifacts/list?run_id={info['run_id']}&path=checkpoints").json()
    (found,) = said["files"]
    assert (found["path"], int(found["file_size"])) == ("checkpoints/weights.bin", len(content))
