"""Files of a run, uploaded through a real tracking server: whole, once, whatever happens on the way."""

import os
import threading
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import hypothesis
import hypothesis.strategies as st
import pytest
import requests

from autotrack.errors import AutotrackError
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Client, Refused
from tests.support.canned_server import HTML, Answer, CannedServer, Request, canned_server
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy
from tests.support.servers import Server, mlflow_server

MEBIBYTE = 2**20
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def root() -> str:
    """Where the artifacts of a run lie on the server."""
    return f"1/{uuid.uuid4().hex}/artifacts"


@pytest.fixture
def cutter(server: Server) -> Iterator[CuttingProxy]:
    with cutting_proxy(server.url) as cutter:
        yield cutter


@pytest.fixture
def said() -> list[str]:
    """What was said to the user."""
    return []


@pytest.fixture
def new_store(cutter: CuttingProxy, root: str, tmp_path: Path, said: list[str]) -> Callable[..., ArtifactStore]:
    """Make an artifact store of the run in `tmp_path/run`, as every process does."""

    def new(*, stop: threading.Event | None = None, **options: Any) -> ArtifactStore:
        client = Client(cutter.url, environ={}, stop=stop)
        (tmp_path / "run").mkdir(exist_ok=True)
        return ArtifactStore(
            client, f"mlflow-artifacts:/{root}", folder=tmp_path / "run", on_problem=said.append, **options
        )

    return new


@pytest.fixture
def stored(server: Server, root: str) -> Callable[[str], bytes | None]:
    """Download an artifact of the run; None where there is none."""

    def download(path: str) -> bytes | None:
        response = requests.get(f"{server.url}{PROXY}/{root}/{quote(path)}", timeout=60)
        return response.content if response.ok else None

    return download


def listed(server: Server, folder: str) -> set[str]:
    answer = requests.get(f"{server.url}{PROXY}", params={"path": folder}, timeout=60).json()
    return {one["path"] for one in answer.get("files", [])}


def a_file(path: Path, mebibytes: int, *, seed: bytes = b"s") -> bytes:
    """Make a file whose blocks all differ."""
    block = b"".join(seed + number.to_bytes(7) for number in range(MEBIBYTE // 8))
    content = b"".join(bytes([number]) + block[1:] for number in range(mebibytes))
    path.write_bytes(content)
    return content


@pytest.mark.parametrize("content", [b"", b"x", b"line\n" * 50_000])
def test_a_file_arrives_byte_for_byte(
    content: bytes, new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    (tmp_path / "weights.bin").write_bytes(content)
    new_store().upload(tmp_path / "weights.bin", "checkpoints/weights.bin")
    assert stored("checkpoints/weights.bin") == content


def test_every_file_in_a_folder_arrives(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    names = ["a.txt", "deep/er/b.txt", "deep/c d.txt", ".hidden"]
    for name in names:
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_text(name)
    os.mkfifo(tmp_path / "model" / "pipe")
    new_store().upload(tmp_path / "model", "model")
    assert [stored(f"model/{name}") for name in names] == [name.encode() for name in names]
    assert stored("model/pipe") is None


# As a run folder may have them: no separators, and not the names of folders themselves.
file_names = st.text(
    st.characters(blacklist_characters="/\\\0", blacklist_categories=["Cs"]) | st.sampled_from("#%?;:& 2f"),
    min_size=1, max_size=20,
).filter(lambda name: name.strip(".") and len(name.encode()) < 100)  # fmt: skip


@hypothesis.settings(
    max_examples=40, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], deadline=None
)
@hypothesis.given(name=file_names)
@hypothesis.example(name="100%25 #1.txt")
@hypothesis.example(name="what?")
@hypothesis.example(name="tab\there")
def test_a_file_of_any_name_arrives_under_a_name_that_looks_like_it(
    name: str, server: Server, tmp_path: Path, said: list[str]
) -> None:
    root = uuid.uuid4().hex
    store = ArtifactStore(
        Client(server.url, environ={}), f"mlflow-artifacts:/{root}", folder=tmp_path / root, on_problem=said.append
    )
    store.upload_bytes(b"content", name)
    (found,) = listed(server, root)
    assert found == name or any(found in sentence for sentence in said)
    assert len(found) == len(name)


def test_what_has_arrived_is_not_uploaded_again(
    new_store: Callable[..., ArtifactStore], cutter: CuttingProxy, tmp_path: Path
) -> None:
    a_file(tmp_path / "weights.bin", 1)
    new_store().upload(tmp_path / "weights.bin", "weights.bin")
    new_store().upload_bytes(b"p" * 10_000, "params.json")
    assert cutter.up_bytes > MEBIBYTE
    cutter.reset()
    new_store().upload(tmp_path / "weights.bin", "weights.bin")
    new_store().upload_bytes(b"p" * 10_000, "params.json")
    assert cutter.up_bytes == 0


def test_a_file_that_only_got_another_time_is_not_uploaded_again(
    new_store: Callable[..., ArtifactStore], cutter: CuttingProxy, tmp_path: Path
) -> None:
    a_file(tmp_path / "weights.bin", 1)
    new_store().upload(tmp_path / "weights.bin", "weights.bin")
    cutter.reset()
    os.utime(tmp_path / "weights.bin", (1, 1))
    new_store().upload(tmp_path / "weights.bin", "weights.bin")
    assert cutter.up_bytes == 0


def test_a_new_version_of_the_same_size_is_uploaded(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    a_file(tmp_path / "last.ckpt", 1)
    store = new_store()
    store.upload(tmp_path / "last.ckpt", "last.ckpt")
    newer = a_file(tmp_path / "last.ckpt", 1, seed=b"t")
    os.utime(tmp_path / "last.ckpt", (2, 2))
    store.upload(tmp_path / "last.ckpt", "last.ckpt")
    assert stored("last.ckpt") == newer


def test_a_torn_line_in_what_is_remembered_costs_one_upload(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    new_store().upload_bytes(b"one", "a.txt")
    (remembered,) = (tmp_path / "run" / "remote").glob("artifacts-*.jsonl")
    with remembered.open("ab") as file:
        file.write(b'{"path":"b.t')
    new_store().upload_bytes(b"two", "b.txt")
    again = new_store()
    again.upload_bytes(b"two", "b.txt")
    assert (stored("a.txt"), stored("b.txt")) == (b"one", b"two")
    assert len(remembered.read_bytes().splitlines()) == 3


def test_a_connection_that_is_cut_half_way_loses_nothing(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes | None],
    cutter: CuttingProxy,
    tmp_path: Path,
) -> None:
    content = a_file(tmp_path / "weights.bin", 30)
    cutter.cut_after, cutter.cuts = 15 * MEBIBYTE, 2
    new_store().upload(tmp_path / "weights.bin", "weights.bin")
    assert cutter.cuts == 0
    assert stored("weights.bin") == content


def test_memory_stays_flat(new_store: Callable[..., ArtifactStore], tmp_path: Path) -> None:
    a_file(tmp_path / "weights.bin", 30)
    store = new_store()
    store.upload_bytes(b"warm", "up.txt")
    tracemalloc.start()
    try:
        store.upload(tmp_path / "weights.bin", "weights.bin")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEBIBYTE


def test_a_limited_upload_takes_its_time(new_store: Callable[..., ArtifactStore], tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"x" * 300_000)
    began = monotonic()
    new_store(bytes_per_second=500_000).upload(tmp_path / "weights.bin", "weights.bin")
    assert monotonic() - began >= 0.6


def test_an_upload_ends_at_once_when_told_to_stop_and_can_be_made_later(
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes | None],
    cutter: CuttingProxy,
    tmp_path: Path,
) -> None:
    content = a_file(tmp_path / "weights.bin", 1)
    stop = threading.Event()
    cutter.passed_bytes, cutter.on_passed = 50_000, stop.set
    began = monotonic()
    with pytest.raises(Unreachable):
        new_store(bytes_per_second=20_000, stop=stop).upload(tmp_path / "weights.bin", "weights.bin")
    assert monotonic() - began < 30  # all of it takes 52 s
    assert stored("weights.bin") is None
    new_store().upload(tmp_path / "weights.bin", "weights.bin")
    assert stored("weights.bin") == content


def test_what_is_over_the_budget_is_left_out_until_there_is_more(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    for name in "abcd":
        (tmp_path / "model" / name).write_bytes(name.encode() * 400)
    store = new_store(most_bytes=1000)
    store.upload(tmp_path / "model", "model")
    left = store.upload(tmp_path / "model", "model")
    store.upload_bytes(b"p" * 800, "params.json")  # needed to understand the run
    assert [stored(f"model/{name}") is not None for name in "abcd"] == [True, True, False, False]
    assert stored("params.json") is not None
    assert list(left) == ["model/c", "model/d"]
    assert all("0.001 MB" in str(reason) for reason in left.values())
    assert new_store().upload(tmp_path / "model", "model") == {}
    assert stored("model/d") is not None


def test_a_checkpoint_that_is_replaced_again_and_again_takes_its_size_once(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path, said: list[str]
) -> None:
    store = new_store(most_bytes=1000)
    for version in range(5):
        (tmp_path / "last.ckpt").write_bytes(bytes([version]) * 800)
        os.utime(tmp_path / "last.ckpt", (version, version))
        store.upload(tmp_path / "last.ckpt", "last.ckpt")
    assert stored("last.ckpt") == bytes([4]) * 800
    assert said == []


def test_a_file_that_is_gone_is_left_out_with_a_word(new_store: Callable[..., ArtifactStore], tmp_path: Path) -> None:
    left = new_store().upload(tmp_path / "gone.ckpt", "checkpoints/gone.ckpt")
    assert "No such file" in str(left["checkpoints/gone.ckpt"])


def rewrite(path: Path) -> None:
    a_file(path, 20, seed=b"n")


def cut_short(path: Path) -> None:
    os.truncate(path, 9 * MEBIBYTE)


def replace(path: Path) -> None:
    a_file(path.with_suffix(".draft"), 20, seed=b"r")
    path.with_suffix(".draft").replace(path)


def remove(path: Path) -> None:
    path.rename(path.with_suffix(".removed"))


@pytest.mark.parametrize("change", [rewrite, cut_short, replace, remove])
def test_a_checkpoint_that_changes_while_it_is_uploaded_arrives_as_one_version(
    change: Callable[[Path], None],
    new_store: Callable[..., ArtifactStore],
    stored: Callable[[str], bytes | None],
    cutter: CuttingProxy,
    tmp_path: Path,
) -> None:
    path = tmp_path / "last.ckpt"
    before = a_file(path, 20)
    cutter.passed_bytes, cutter.on_passed = MEBIBYTE, only_once(lambda: change(path))
    new_store().upload(path, "last.ckpt")
    assert stored("last.ckpt") == (path.read_bytes() if path.exists() else before)


def test_a_file_that_never_stays_the_same_is_left_out_with_a_word(
    new_store: Callable[..., ArtifactStore], cutter: CuttingProxy, tmp_path: Path
) -> None:
    path = tmp_path / "log.bin"
    a_file(path, 5)
    times = iter(range(1000))
    cutter.passed_bytes, cutter.on_passed = MEBIBYTE, lambda: os.utime(path, (0, next(times)))
    left = new_store().upload(path, "log.bin")
    assert "log.bin: it kept changing" in str(left["log.bin"])


def only_once(act: Callable[[], None]) -> Callable[[], None]:
    done = threading.Event()

    def once() -> None:
        if not done.is_set():
            done.set()
            act()

    return once


@pytest.mark.parametrize("path", ["../other/a.txt", "/etc/a.txt", "a/../../b", ""])
def test_a_path_that_leads_out_of_the_run_is_refused(
    path: str, new_store: Callable[..., ArtifactStore], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(AutotrackError, match="cannot name a file of the run"):
        new_store().upload(tmp_path / "a.txt", path)


def test_a_file_that_the_server_refuses_stops_no_other(
    new_store: Callable[..., ArtifactStore], stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    """A path cannot be a file and a folder on the server."""
    store = new_store()
    store.upload_bytes(b"a folder here", "model/b/inner.txt")
    (tmp_path / "model").mkdir()
    for name in "abc":
        (tmp_path / "model" / name).write_text(name)
    left = store.upload(tmp_path / "model", "model")
    assert (stored("model/a"), stored("model/c")) == (b"a", b"c")
    assert list(left) == ["model/b"]


@pytest.mark.parametrize(
    "uri", ["mlflow-artifacts://{host}/{root}", "http://{host}/api/2.0/mlflow-artifacts/artifacts/{root}"]
)
def test_an_artifact_uri_may_name_the_server(
    uri: str, server: Server, root: str, stored: Callable[[str], bytes | None], tmp_path: Path
) -> None:
    uri = uri.format(host=server.url.partition("://")[2], root=root)
    for url in (server.url, "http://127.0.0.1:9"):  # the tracking server, and another one
        ArtifactStore(Client(url, environ={}), uri, folder=tmp_path / "run").upload_bytes(url.encode(), "a b.txt")
        assert stored("a b.txt") == url.encode()


class WebServer(CannedServer):
    """Keeps what is put there. It answers `answers[0]` to each PUT, and with `answers[1]`, if it is there, to HEAD."""

    def next_answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.method == "PUT":
            return self.answers[0]
        kept = [one.body for one in self.asked if one.method == "PUT" and one.path == request.path]
        return self.answers[1] if self.answers[1:] else Answer(200, kept[-1]) if kept else Answer(404)


PAGE = Answer(200, "<html><h1>Please log in</h1></html>", HTML)


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(201)],
        [Answer(204)],
        [PAGE],
        [Answer(201), Answer(405)],
        [Answer(201, "<html>Created", HTML), Answer(403)],
    ],
    ids=["created", "no content", "a page, but it is there", "no HEAD", "a page, nobody may look"],
)
def test_a_web_server_may_keep_the_files(answers: list[Answer], tmp_path: Path) -> None:
    with canned_server(*answers, kind=WebServer) as server:
        store = ArtifactStore(Client("http://127.0.0.1:9", environ={}), f"{server.url}/a", folder=tmp_path / "run")
        for _ in range(2):
            store.upload_bytes(b"content", "a.txt")
        assert [one.body for one in server.asked if one.method == "PUT"] == [b"content"]


@pytest.mark.parametrize(
    ("uri", "answers"),
    [
        ("{url}/a", [PAGE, PAGE]),
        ("{url}/a", [PAGE, Answer(405)]),
        ("{url}/a", [PAGE, Answer(404)]),
        ("{url}/a", [Answer(200), Answer(404)]),
        ("mlflow-artifacts:/a", [PAGE, PAGE]),
    ],
)
def test_what_a_login_page_in_between_has_answered_to_is_sent_again_another_time(
    uri: str, answers: list[Answer], tmp_path: Path
) -> None:
    with canned_server(*answers, kind=WebServer) as server:
        store = ArtifactStore(Client(server.url, environ={}), uri.format(url=server.url), folder=tmp_path / "run")
        with pytest.raises(Refused, match="login page or a proxy is in between"):
            store.upload_bytes(b"content", "a.txt")
        if uri.startswith("{url}"):
            server.answers = [Answer(201)]
            store.upload_bytes(b"content", "a.txt")
            assert [one.body for one in server.asked if one.method == "PUT"] == [b"content"] * 2


@pytest.mark.slow
def test_a_server_that_passes_no_artifacts_on_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    with mlflow_server(tmp_path / "server", proxied=False) as server:
        store = ArtifactStore(Client(server.url, environ={}), "mlflow-artifacts:/1/a", folder=tmp_path / "run")
        with pytest.raises(Refused, match="--serve-artifacts"):
            store.upload_bytes(b"content", "a.txt")
