"""What keeping files may cost."""

import pytest

from autotrack.training import file_budget
from autotrack.training.file_budget import FileBudget


def test_the_budget_is_a_twentieth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(file_budget, "perf_counter", lambda: now)
    kept = FileBudget()
    assert not kept.allows(1000)
    assert kept.allows(1000, at_end=True)
    now = 1.0
    assert kept.allows(1000)
    kept.spend(0.04)
    assert not kept.allows(1000)
    now = 2.0
    assert kept.allows(1000)
    assert not kept.allows(FileBudget.MOST_BYTES + 1, at_end=True)
