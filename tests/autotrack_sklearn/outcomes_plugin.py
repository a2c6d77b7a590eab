"""Runs some of the tests that were collected, and writes down how each ended.

`pytest -p tests.autotrack_sklearn.outcomes_plugin --outcomes=FILE [--part=1/2] [--only=FILE]`: `--part` takes every
second test, `--only` those that are named in a file, one a line.
"""

import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say what there is to choose."""
    parser.addoption("--outcomes", type=Path, required=True)
    parser.addoption("--part", default="1/1")
    parser.addoption("--only", type=Path)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not wanted."""
    part, parts = map(int, config.getoption("part").split("/"))
    items[:] = items[part - 1 :: parts]
    if only := config.getoption("only"):
        names = set(only.read_text(encoding="utf-8").splitlines())
        items[:] = [item for item in items if item.nodeid in names]


def pytest_configure(config: pytest.Config) -> None:
    """Begin to take notes."""
    config.pluginmanager.register(_Notes(config.getoption("outcomes")))


class _Notes:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first outcome of set-up, call and tear-down that is not `passed`."""
        if self._outcomes.get(report.nodeid, "passed") == "passed":
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        """Write it all down."""
        self._path.write_text(json.dumps(self._outcomes), encoding="utf-8")
