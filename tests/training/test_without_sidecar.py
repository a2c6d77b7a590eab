"""Without a process beside training, training completes its runs itself, and says what it could not do."""

from pathlib import Path

import pytest

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.journal import summary


def test_what_fails_for_a_short_run_is_said_and_not_that_its_summary_is_missing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        autotrack.start_run("one", to=store).finish()
    run = autotrack.start_run("broken", to=store)

    def fail(*_: object) -> None:
        raise ValueError("the summary cannot be made")

    with monkeypatch.context() as patched:
        patched.setattr(summary, "write", fail)
        with pytest.warns(AutotrackWarning, match="is not complete: ValueError: the summary cannot be made"):
            run.finish()
    assert not (run.folder / "run.json").exists()
