"""A small version of what `python -m tests.torture.servers` tries at length."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import Server, mlflow_server
from tests.torture.servers import try_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("files", 413), ("files", 500), ("one file", 403), ("one file", 502), ("points", 413), ("one point", 400),
        ("large requests", 413), ("params", 422), ("one tag", 403), ("data sets", 409), ("trials", 400),
        ("the end", 405), ("the end", 401), ("every write", 404), ("everything", 401),
    ],
)  # fmt: skip
def test_what_a_server_refuses_is_owed_until_it_does_not_refuse_any_more(
    kind: str, status: int, server: Server, tmp_path: Path
) -> None:
    (tried,) = try_all([kind], [status], server, tmp_path)
    assert tried.lost == ""
    assert tried.said or kind == "large requests"
