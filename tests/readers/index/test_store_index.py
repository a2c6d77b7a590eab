"""The index is never believed more than the runs: whatever happens to a store, it shows what is there now."""

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.journal.own_folders import cache_folders
from autotrack.readers import recorded_run
from autotrack.readers.query.names import Name, names_in
from autotrack.readers.scan import run_folders
from tests.support.many_runs import write_run


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(cache_folders("index")[0])


@pytest.fixture
def store(tmp_path: Path, cache: Path) -> Path:
    for number in range(4):
        write(tmp_path / "runs" / "digits" / f"run-{number}", number)
    return tmp_path / "runs"


def write(folder: Path, number: int) -> None:
    write_run(folder, number, random.Random(number), params=3, metrics=2, points=3)


def shown(store: Path) -> dict[Path, Any]:
    """What the index says of each run."""
    return {
        run.folder: (run.id, run.name, run.status, run.params, run.tags, run.value(Name("metrics", "val_loss")))
        for run in autotrack.runs(store)
    }


def read(store: Path) -> dict[Path, Any]:
    """What the runs themselves say."""
    found = {}
    for folder in run_folders(store):
        try:
            run = recorded_run.summarise(folder)
        except OSError:
            continue
        value = Name("metrics", "val_loss").read(run)
        found[folder] = (run.id, run.name, run.status, run.params, run.tags, value)
    return found


def append(folder: Path, line: bytes) -> None:
    with (folder / "journal" / "main.jsonl").open("ab") as journal:
        journal.write(line + b"\n")


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "a new run": lambda store, _: write(store / "more" / "new", 99),
    "a run is removed": lambda _, folder: shutil.rmtree(folder),
    "a run is renamed": lambda _, folder: folder.rename(folder.with_name("moved")),
    "a point more": lambda _, folder: append(
        folder, b'{"record":"Metrics","time":1800000000.0,"values":{"val_loss":7.5},"step":9}'
    ),
    "a tag more": lambda _, folder: append(folder, b'{"record":"Tags","time":1800000000.0,"values":{"why":"paper"}}'),
    "no summary": lambda _, folder: (folder / "run.json").unlink(missing_ok=True),
    "a damaged summary": lambda _, folder: (folder / "run.json").write_text("{"),
    "a damaged journal": lambda _, folder: (folder / "journal" / "main.jsonl").write_bytes(b"\0" * 10),
    "another journal": lambda _, folder: (folder / "journal" / "sidecar.jsonl").write_bytes(
        b'{"record":"Tags","time":1800000001.0,"values":{"by":"sidecar"}}\n'
    ),
    "no journal": lambda _, folder: shutil.rmtree(folder / "journal"),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 3)), max_size=4))
def test_whatever_happens_to_a_store_the_index_shows_what_is_there_now(
    changes: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> None:
    store = tmp_path_factory.mktemp("store")
    for number in range(4):
        write(store / "digits" / f"run-{number}", number)
    assert shown(store) == read(store)
    for change, number in changes:
        folder = store / "digits" / f"run-{number}"
        if (folder / "journal").is_dir() or change == "a new run":
            shutil.rmtree(store / "more", ignore_errors=True)
            shutil.rmtree(store / "digits" / "moved", ignore_errors=True)
            CHANGES[change](store, folder)
            # A complete run that gets another journal has a new summary as well, whoever writes it.
            if change == "another journal" and (folder / "run.json").exists():
                os.utime(folder / "run.json")
        assert shown(store) == read(store), change


def test_each_value_can_be_asked_for_as_without_an_index(store: Path) -> None:
    for run in autotrack.runs(store):
        for name in names_in([run.summary]):
            if name.rest not in ("params", "metrics", "tags"):
                assert run.value(name) == name.read(run.summary), name


def test_a_run_is_read_once_and_then_only_looked_at(store: Path) -> None:
    asked: list[int] = []

    def watch(folders: Any) -> Any:
        asked.append(len(folders))
        return folders

    for _ in range(2):
        autotrack.runs(store, watch=watch)
    assert asked == [4]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)])
def test_a_damaged_index_is_made_again(store: Path, cache: Path, content: bytes) -> None:
    expected = shown(store)
    (path,) = cache.glob("*.sqlite")
    path.write_bytes(content)
    assert shown(store) == expected
    assert shown(store) == expected


def test_indexes_of_stores_that_are_gone_are_removed_in_time(store: Path, cache: Path, tmp_path: Path) -> None:
    for number in range(30):
        gone = shutil.copytree(store, tmp_path / f"gone-{number}")
        shown(gone)
        shutil.rmtree(gone)
    shown(store)
    for number in range(30):
        shown(tmp_path / f"empty-{number}")
    assert len(list(cache.glob("*.store"))) < 30
    assert shown(store) == read(store)


def test_where_no_index_can_be_kept_runs_are_found_all_the_same(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(variable, "/dev/null/nowhere")
    assert shown(store) == read(store)


def test_a_folder_that_others_may_write_to_holds_no_index(store: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert shown(store) == read(store)
    assert not list(cache.iterdir())


def test_a_store_that_another_process_is_indexing_is_shown_all_the_same(
    store: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(store)
    (path,) = cache.glob("*.sqlite")
    write(store / "digits" / "new", 8)
    monkeypatch.setattr("autotrack.readers.index.store_index._WAIT_SECONDS", 0.1)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert shown(store) == read(store)
        other.execute("ROLLBACK")
    assert shown(store) == read(store)


def test_several_processes_make_one_index(store: Path) -> None:
    code = "import autotrack, sys; print(sorted(run.name for run in autotrack.runs(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(store)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = {process.communicate(timeout=120)[0] for process in processes}
    assert printed == {f"{sorted(run.name for run in autotrack.runs(store))}\n"}


def test_a_store_that_is_moved_or_only_readable_is_found(store: Path) -> None:
    expected = {folder.name: values for folder, values in shown(store).items()}
    moved = store.rename(store.with_name("elsewhere"))
    assert {folder.name: values for folder, values in shown(moved).items()} == expected
    assert shown(store) == {}


def test_the_index_of_a_store_that_is_gone_goes_when_another_is_made(store: Path, cache: Path) -> None:
    shown(store)
    shutil.rmtree(store)
    write(store.with_name("other") / "digits" / "run", 1)
    shown(store.with_name("other"))
    assert len(list(cache.glob("*.sqlite"))) == len(list(cache.glob("*.store"))) == 1


def test_looking_at_a_store_leaves_nothing_in_it(store: Path) -> None:
    before = sorted(store.rglob("*"))
    shown(store)
    assert sorted(store.rglob("*")) == before


def test_training_writes_no_index(tmp_path: Path, cache: Path) -> None:
    code = "import autotrack, sys\nwith autotrack.start_run(to=sys.argv[1]) as run: run.log({'loss': 1.0})"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "runs")], check=True, timeout=120)
    assert not cache.exists()


def test_what_is_interrupted_is_read_again(store: Path) -> None:
    def interrupted(folders: Any) -> Any:
        yield from folders[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        autotrack.runs(store, watch=interrupted)
    assert shown(store) == read(store)


def test_an_interruption_while_runs_are_written_leaves_none_of_them_half_indexed(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def interrupted(summary: Any) -> Any:
        calls.append(summary)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {Name("", "name"): summary.name}

    with monkeypatch.context() as patch:
        patch.setattr("autotrack.readers.index.writer.values_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            autotrack.runs(store)
    assert shown(store) == read(store)


def test_a_run_that_could_not_be_read_is_tried_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autotrack.readers.index.outline import outline_of

    def refused(folder: Path, sizes: dict[str, int]) -> Any:
        if folder.name == "run-1":
            raise PermissionError(folder)
        return outline_of(folder, sizes)

    with monkeypatch.context() as patch:
        patch.setattr("autotrack.readers.index.writer.outline_of", refused)
        assert len(shown(store)) == 3
    assert len(shown(store)) == 4


def test_a_number_of_hundreds_of_digits_stops_no_list(store: Path) -> None:
    """No run of autotrack's has one, but a store may have been made by somebody else."""
    folder, huge = store / "digits" / "run-1", 10**400
    with (folder / "journal" / "main.jsonl").open("a") as journal:
        journal.write(f'{{"record":"Metrics","time":5,"values":{{"val_loss":{huge}}}}}\n')
        journal.write(f'{{"record":"Params","time":5,"values":{{"seed":{huge}}}}}\n')
    runs = autotrack.runs(store)
    found = runs.where("params.seed > 1e9")
    assert [run.folder for run in found] == [folder]
    assert found[0].card()["last"]["val_loss"] == huge
    assert len(runs.sort("params.seed")) == 4
    assert runs.compare("val_loss").as_dict()["causes"] is not None
    assert shown(store) == read(store)


def test_a_folder_that_is_no_text_and_a_time_of_no_calendar_are_in_a_table(store: Path) -> None:
    folder = (store / "digits" / "run-1").rename(store / "digits" / "\udcff")
    journal = folder / "journal" / "main.jsonl"
    journal.write_text(re.sub(r'"time":[\d.]+', '"time":1e14', journal.read_text(), count=1))
    table = autotrack.runs(store).table()
    assert None in table["started"]
    assert len(table.to_pandas()) == len(table.to_polars()) == len(table.to_arrow()) == 4
