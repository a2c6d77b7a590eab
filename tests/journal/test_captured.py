"""What was captured of a run's environment is what its readers take it for, or is left out."""

from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.journal import captured, records, summary

GOOD: dict[str, dict[str, Any]] = {
    "git": {
        "root": "/p", "commit": None, "changed": ["a.py"], "untracked": [], "left_out": {"b": "too large"},
        "changed_count": 70, "submodules": {"lib": {"commit": "c" * 40, "dirty": False}}, "dirty": True,
    },
    "source": {"root": "/p", "files": {"a.py": "0" * 64}, "left_out": {}},
    "packages": {"python": "3.11.7", "count": 1, "versions": {"numpy": "2.0"}, "commits": {}},
    "hardware": {"hostname": "here", "memory_bytes": 2**40, "container_memory_bytes": None, "gpus": [{"name": "H"}],
                 "environment_variables": {"OMP_NUM_THREADS": "1"}, "cpu_cores_usable": 2},
    "process": {"command": "python a.py", "interactive": None, "torch_threads": 4},
    "used": {"modules": {"/p/a.py": "0" * 64}, "packages": ["numpy"], "variables": {"HOME": "#1"}},
    "anything else": {"changed": 3},
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_what_autotrack_captures_is_kept(kind: str) -> None:
    assert captured.captured(kind, GOOD[kind]) == GOOD[kind]


@pytest.mark.parametrize("odd", [3, "text", {}, [3], {"a": {}}, 10**400, None, [[]], True, {"a": 3}])
def test_a_fact_of_another_type_is_left_out_and_the_others_stay(odd: Any) -> None:
    for kind, facts in list(GOOD.items())[:-1]:
        for name, types in captured._TYPES[kind].items():
            found = captured.captured(kind, {**facts, name: odd, "more": 1})
            assert found["more"] == 1
            assert name not in found or captured._fits(odd, types)


def test_readers_get_checked_facts_from_journals_and_from_summaries(store: Path) -> None:
    with autotrack.start_run("odd", to=store, experiment="e") as run:
        pass
    line = records.encode(records.Environment(time=1.0, kind="git", values={"commit": "c", "changed": 3}))
    (run.folder / "journal" / "sidecar.jsonl").write_bytes(line + b"\n")
    assert autotrack.load(run.folder).environment["git"] == {"commit": "c"}
    forged = summary.read(run.folder)
    forged.environment["git"] = {"commit": "c", "left_out": [1]}
    summary.write(run.folder, forged)
    assert summary.read(run.folder).environment["git"] == {"commit": "c"}
