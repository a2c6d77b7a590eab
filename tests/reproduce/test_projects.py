"""Planted projects come out as they should, and where they cannot, the right cause is named first."""

from pathlib import Path

import pytest

import autotrack
from tests.reproduce.planted import QUICK, Planted

pytestmark = pytest.mark.usefixtures("everything")


@pytest.mark.slow
@pytest.mark.parametrize("planted", QUICK, ids=lambda planted: planted.name)
def test_a_repetition_comes_out_as_it_should(planted: Planted, tmp_path: Path) -> None:
    done = planted.repeat(planted.record(tmp_path))
    assert done["verdict"] == planted.verdict, done
    assert next((cause["kind"] for cause in done["causes"]), None) == planted.cause, done["causes"]
    run = autotrack.load(done["run"]["folder"])
    assert run.summary.reproduces == done["original"]["id"]
    assert run.summary.cwd.startswith(done["workspace"])
