"""What a run says of its code is understood wherever it is read."""

from pathlib import PurePath

import pytest

from autotrack.journal.summary import Summary
from autotrack.readers.code.recorded_code import recorded_code

pwd = pytest.importorskip("pwd")


def test_a_user_without_a_home_reads_runs_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as any number, which no list of users has."""

    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    source = {"root": "/home/me/project/src", "files": {}}
    code = recorded_code(Summary(cwd="/home/me/project", environment={"source": source}))
    assert code.base == PurePath("/home/me/project")
