"""A store that an earlier version wrote reads the same: by its summaries, and by its journals alone."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

import autotrack

BEFORE = Path(__file__).parent / "written_before"
EXPECTED = json.loads((BEFORE / "expected.json").read_text(encoding="utf-8"))
"""What `autotrack.runs` gave when the store was written: summaries, and every point of every metric."""

_LEFT_OUT = ("journals", "destinations", "started_by")
"""Sizes of files, and what summaries have had only since: a store that is read by its journals has that, too."""


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BEFORE / "store", tmp_path / "store"))


def read(store: Path) -> dict[str, dict[str, Any]]:
    return {
        run.folder.name: {
            "summary": {
                name: value for name, value in msgspec.to_builtins(run.summary).items() if name not in _LEFT_OUT
            },
            "history": {name: msgspec.to_builtins(list(run.history(name))) for name in run.metrics},
        }
        for run in autotrack.runs(store)
    }


def test_an_old_store_reads_as_it_did_by_its_summaries(old_store: Path) -> None:
    assert read(old_store) == EXPECTED


def test_an_old_store_reads_as_it_did_by_its_journals(old_store: Path) -> None:
    for summary in old_store.rglob("run.json"):
        summary.unlink()
    expected = deepcopy(EXPECTED)
    for run in expected.values():
        run["summary"].get("metrics", {}).get("fit_seconds", {}).pop("best", None)  # durations had a best value then
        run["summary"].get("metrics", {}).get("fit_seconds", {}).pop("better", None)
    assert read(old_store) == expected
