"""The tracking server that the command line is tried on."""

from collections.abc import Iterator

import pytest

from tests.support.servers import Server, mlflow_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tracking server with sqlite and files on disk."""
    with mlflow_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tracking server that asks for user and password: `tests.support.servers.ADMIN`."""
    with mlflow_server(tmp_path_factory.mktemp("guarded_server"), auth=True) as server:
        yield server
