"""A run is compared with earlier ones at little cost, however many there are."""

import random
from collections import Counter
from pathlib import Path

import pytest

import autotrack
from autotrack.journal.summary import Summary
from autotrack.readers import recorded_run
from autotrack.readers.compare import earlier_runs
from autotrack.readers.compare.configuration import kind_of
from autotrack.readers.compare.earlier_runs import EarlierRuns
from tests.support.many_runs import write_run


def recorded(store: Path, name: str) -> Path:
    with autotrack.start_run(name, to=store, experiment="tests") as run:
        run.log({"val_loss": 0.5})
    return run.folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often the summary of each run is read."""
    counted: Counter[str] = Counter()
    summarise = recorded_run.summarise

    def counting(folder: Path) -> object:
        counted[folder.name] += 1
        return summarise(folder)

    monkeypatch.setattr(recorded_run, "summarise", counting)
    return counted


def test_each_run_is_read_once_for_many_comparisons(store: Path, read: Counter[str]) -> None:
    folders = [recorded(store, f"run {number}") for number in range(6)]
    earlier = EarlierRuns()
    now = autotrack.load(folders[-1]).summary
    read.clear()
    for _ in range(3):
        assert [outline.folder for outline in earlier.before(folders[-1], now)] == folders[-2::-1]
    assert set(read.values()) == {1}


def test_runs_that_it_is_told_about_are_found_without_a_look_at_the_folder(store: Path, read: Counter[str]) -> None:
    first = recorded(store, "first")
    earlier = EarlierRuns()
    earlier.before(first, autotrack.load(first).summary)
    earlier._experiment(first)._list_again_at = float("inf")
    last = first
    for number in range(5):
        folder = recorded(store, f"run {number}")
        summary = autotrack.load(folder).summary
        assert earlier.before(folder, summary)[0].folder == last
        earlier.note(folder, summary)
        last = folder
    read.clear()
    outline = earlier.before(first.parent / "99991231-000000-later", summary)[0]
    assert earlier.summary_of(outline).id == autotrack.load(first.parent / outline.folder.name).id


def test_runs_that_end_in_the_reverse_order_are_not_read_again_for_each_other(
    store: Path, read: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_runs, "_MOST_RUNS", 3)
    folders = [store / "tests" / f"20260101-0000{number:02}-run" for number in range(40)]
    for number, folder in enumerate(folders):
        write_run(folder, number, random.Random(number), params=1, metrics=1, points=2)
    ended = [(folder, autotrack.load(folder).summary) for folder in reversed(folders)]
    earlier = EarlierRuns()
    read.clear()
    for folder, summary in ended:
        assert len(earlier.before(folder, summary)) == min(folders.index(folder), 2)
        earlier.note(folder, summary)
    assert read.total() <= len(folders)


def test_the_shared_environments_are_no_runs(store: Path) -> None:
    first, second = recorded(store, "first"), recorded(store, "second")
    (first.parent / ".environments" / "x").mkdir(parents=True)
    assert [each.folder for each in EarlierRuns().before(second, autotrack.load(second).summary)] == [first]


def test_runs_of_a_whole_script_are_compared_with_those_of_the_same_script() -> None:
    train, evaluate = (
        Summary(experiment="a", started_by="script", entry_point=f"/b/{name}.py") for name in ("c", "d")
    )
    moved = Summary(experiment="a", started_by="script", entry_point="/elsewhere/c.py")
    assert kind_of(train) == kind_of(moved) != kind_of(evaluate)
    assert kind_of(Summary(experiment="a", entry_point="/b/c.py")) == kind_of(Summary(experiment="a"))
