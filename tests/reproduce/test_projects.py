"""Planted projects come out as they should, and where they cannot, the right cause is named first."""

from pathlib import Path

import pytest

from tests.reproduce.planted import QUICK, Planted

pytestmark = pytest.mark.usefixtures("everything")


@pytest.mark.slow
@pytest.mark.parametrize("planted", QUICK, ids=lambda planted: planted.name)
def test_a_repetition_comes_out_as_it_should(planted: Planted, tmp_path: Path) -> None:
    done = planted.repeat(planted.record(tmp_path))
    assert done.verdict.kind == planted.verdict, f"{done.verdict}: {done.verdict.causes}, {done.missing}"
    assert next((cause.kind for cause in done.verdict.causes), None) == planted.cause, done.verdict.causes
    assert done.run.summary.reproduces == done.original.summary.id
    assert done.run.summary.cwd.startswith(str(done.workspace))
