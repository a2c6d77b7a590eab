"""The runs of a store: found, filtered, sorted and loaded, wherever the store lies and whatever befell it."""

import copy
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import autotrack
from autotrack.errors import JournalFormatError, QueryError, RunNotFoundError
from autotrack.journal import records
from autotrack.readers import catalog

UNFINISHED = """
import sys, autotrack
run = autotrack.start_run("unfinished", to=sys.argv[1], experiment="digits")
run.log({"loss": 0.5}, step=0)
print(run.folder, flush=True)
sys.stdin.read()
"""


def record_run(
    store: Path,
    name: str | None = None,
    metrics: Mapping[str, Any] | None = None,
    *,
    experiment: str = "digits",
    **params: Any,
) -> autotrack.Run:
    with autotrack.start_run(name, to=store, experiment=experiment, params=params) as run:
        if metrics:
            run.log(metrics, step=0)
    return run


@contextmanager
def live_run(store: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run in a process of its own, which waits until it is told to go on."""
    command = [sys.executable, "-c", UNFINISHED, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def append(journal: Path, *lines: bytes) -> None:
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("ab") as file:
        file.write(b"".join(lines))


def names(runs: autotrack.Runs) -> list[str]:
    return [run.name for run in runs]


# ---- finding


def test_the_runs_of_a_store_are_listed_newest_first(tmp_path: Path) -> None:
    for name, experiment in (("first", "digits"), ("second", "letters"), ("third", "digits")):
        record_run(tmp_path, name, experiment=experiment)
    found = autotrack.runs(tmp_path)
    assert names(found) == ["third", "second", "first"]
    assert [run.experiment for run in found] == ["digits", "letters", "digits"]
    assert isinstance(found[:2], autotrack.Runs)
    assert names(found[1:]) == ["second", "first"]


def test_a_store_an_experiment_and_a_run_can_all_be_listed(tmp_path: Path) -> None:
    run = record_run(tmp_path, "only")
    for folder in (tmp_path, run.folder.parent, run.folder):
        assert names(autotrack.runs(folder)) == ["only"]


def test_a_store_that_does_not_exist_has_no_runs(tmp_path: Path) -> None:
    assert len(autotrack.runs(tmp_path / "nowhere")) == 0


def test_without_a_store_the_one_of_the_settings_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_TO", str(tmp_path / "elsewhere"))
    record_run(tmp_path / "elsewhere", "there")
    assert names(autotrack.runs()) == ["there"]
    assert catalog.find("latest").name == "there"


def test_a_run_is_found_by_folder_id_start_of_id_name_and_latest(tmp_path: Path) -> None:
    run = record_run(tmp_path, "baseline")
    record_run(tmp_path, "newer")
    relative = os.path.relpath(run.folder)
    for reference in (str(run.folder), relative, run.folder.name, run.id, run.id[:8], "baseline"):
        assert catalog.find(reference, tmp_path).id == run.id, reference
    assert catalog.find("latest", tmp_path).name == "newer"
    assert catalog.find(relative, tmp_path).folder.is_absolute()


def test_a_name_of_several_runs_is_an_error_that_lists_their_folders(tmp_path: Path) -> None:
    runs = [record_run(tmp_path, "baseline") for _ in range(2)]
    with pytest.raises(RunNotFoundError, match="2 runs are called 'baseline'") as raised:
        catalog.find("baseline", tmp_path)
    for run in runs:
        assert str(run.folder) in str(raised.value)
        assert catalog.find(run.folder.name, tmp_path).id == run.id


def test_the_store_of_a_project_and_an_experiment_are_found_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(tmp_path / "project" / "runs", "baseline")
    assert catalog.find("baseline", tmp_path / "project").name == "baseline"
    monkeypatch.chdir(tmp_path / "project")
    [experiment] = [path.name for path in Path("runs").iterdir() if not path.name.startswith(".")]
    assert [run.name for run in catalog.runs(catalog.existing_store(experiment))] == ["baseline"]


def test_a_start_shared_by_two_ids_refers_to_none(tmp_path: Path) -> None:
    for end in ("1", "2"):
        start = records.RunStarted(time=1.0, id=f"abcdef{end}", name=f"run{end}", experiment="digits")
        append(tmp_path / f"run{end}" / "journal" / "main.jsonl", records.encode(start), b"\n")
    assert catalog.find("abcdef1", tmp_path).name == "run1"
    for too_short in ("abcdef", "abc"):
        with pytest.raises(RunNotFoundError):
            catalog.find(too_short, tmp_path)


def test_what_is_not_found_says_where_it_looked_and_what_is_there(tmp_path: Path) -> None:
    record_run(tmp_path, "baseline")
    with pytest.raises(RunNotFoundError) as caught:
        catalog.find("basline", tmp_path)
    assert caught.value.reference == "basline"
    for part in ("'basline'", str(tmp_path), "there is 1", "baseline", "latest"):
        assert part in str(caught.value)
    with pytest.raises(RunNotFoundError, match="there are none"):
        catalog.find("latest", tmp_path / "nowhere")


def test_a_folder_with_an_empty_journal_is_no_run(tmp_path: Path) -> None:
    """A process may be killed before it writes its first record."""
    append(tmp_path / "digits" / "half" / "journal" / "main.jsonl", b"")
    assert names(autotrack.runs(tmp_path)) == []
    with pytest.raises(RunNotFoundError, match="half"):
        catalog.find(str(tmp_path / "digits" / "half"), tmp_path)


# ---- loading


def test_load_takes_a_path_or_text(tmp_path: Path) -> None:
    run = record_run(tmp_path, "baseline", {"loss": 0.5}, lr=0.1)
    for folder in (run.folder, str(run.folder)):
        recorded = autotrack.load(folder)
        assert (recorded.id, recorded.params, recorded.metrics["loss"].last.value) == (run.id, {"lr": 0.1}, 0.5)
        assert recorded.folder == run.folder


def test_load_of_a_folder_without_a_run_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no run"):
        autotrack.load(tmp_path)


def test_a_recorded_run_can_be_copied_pickled_and_looked_at(tmp_path: Path) -> None:
    recorded = autotrack.load(record_run(tmp_path, "baseline", lr=0.1).folder)
    for same in (copy.copy(recorded), copy.deepcopy(recorded), pickle.loads(pickle.dumps(recorded))):
        assert (same.folder, same.summary) == (recorded.folder, recorded.summary)
    assert "params" in dir(recorded)
    assert "baseline" in repr(recorded)
    with pytest.raises(AttributeError, match="no_such_thing"):
        recorded.no_such_thing  # noqa: B018  the access is what is tested


@pytest.mark.parametrize("way", ["copied", "moved"])
def test_a_store_that_was_copied_or_moved_elsewhere_still_works(tmp_path: Path, way: str) -> None:
    run = record_run(tmp_path / "runs", "baseline", {"val_loss": 0.5}, lr=0.1)
    before = autotrack.load(run.folder).summary
    if way == "copied":
        shutil.copytree(tmp_path / "runs", tmp_path / "elsewhere")
        shutil.rmtree(tmp_path / "runs")
    else:
        (tmp_path / "runs").rename(tmp_path / "elsewhere")
    recorded = catalog.find("baseline", tmp_path / "elsewhere")
    assert recorded.summary == before
    assert [point.value for point in recorded.history("val_loss")] == [0.5]


def test_a_deleted_run_json_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with autotrack.start_run("baseline", to=tmp_path, params={"lr": 0.1}, tags={"why": "paper"}) as run:
        run.log({"val_loss": float("nan")}, step=0, epoch=0)
        run.log_artifact(tmp_path / "weights.bin")
        run.notice("this", "was strange")
    before = autotrack.load(run.folder).summary
    (run.folder / "run.json").unlink()
    after = autotrack.load(run.folder).summary
    assert msgspec.structs.replace(after, journals=before.journals) == before


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"params": 3}', b'{"id": "\xff"}'], ids=repr
)
def test_a_broken_run_json_changes_nothing(tmp_path: Path, content: bytes) -> None:
    run = record_run(tmp_path, "baseline", {"loss": 0.5})
    (run.folder / "run.json").write_bytes(content)
    assert names(autotrack.runs(tmp_path)) == ["baseline"]
    assert autotrack.load(run.folder).metrics["loss"].last.value == 0.5


def test_a_run_json_that_is_out_of_date_is_not_believed(tmp_path: Path) -> None:
    run = record_run(tmp_path, "baseline", {"loss": 0.5})
    later = records.Metrics(time=9e9, values={"loss": 0.25}, step=1)
    append(run.folder / "journal" / "main.jsonl", records.encode(later), b"\n")
    assert autotrack.load(run.folder).metrics["loss"].last.value == 0.25


def test_a_run_json_that_is_up_to_date_saves_reading_the_journals(tmp_path: Path) -> None:
    run = record_run(tmp_path, "baseline")
    said = json.loads((run.folder / "run.json").read_bytes())
    (run.folder / "run.json").write_text(json.dumps({**said, "name": "from-run-json"}))
    assert autotrack.load(run.folder).name == "from-run-json"


def test_unknown_records_torn_lines_and_rubbish_are_reported(tmp_path: Path) -> None:
    start = records.RunStarted(time=1.0, id="abcdef", name="odd", experiment="digits")
    append(
        tmp_path / "odd" / "journal" / "main.jsonl",
        records.encode(start) + b"\n",
        b'{"record":"Hologram","time":2.0}\n' * 2,
        b"no json at all\n",
        records.encode(records.Params(time=3.0, values={"lr": 0.1})) + b"\n",
        b'{"record":"Params","time":4.0,"val',
    )
    recorded = autotrack.load(tmp_path / "odd")
    assert recorded.params == {"lr": 0.1}
    assert recorded.left_out == [
        "main.jsonl: 2 records of the unknown type Hologram",
        "main.jsonl: 1 lines that are not records",
        "main.jsonl: the last record is incomplete",
    ]


def test_what_was_left_out_is_reported_as_well_when_run_json_is_read(tmp_path: Path) -> None:
    with autotrack.start_run("baseline", to=tmp_path) as run:
        append(run.folder / "journal" / "rank1.jsonl", b'{"record":"Hologram","time":2.0}\n', b'{"record":"Met')
    said = ["rank1.jsonl: 1 records of the unknown type Hologram", "rank1.jsonl: the last record is incomplete"]
    assert autotrack.load(run.folder).left_out == said
    (run.folder / "run.json").unlink()
    assert autotrack.load(run.folder).left_out == said


def test_a_journal_of_a_newer_format_is_refused_with_the_way_out(tmp_path: Path) -> None:
    record_run(tmp_path, "readable")
    start = records.RunStarted(time=1.0, id="abcdef", name="newer", experiment="digits", format=records.FORMAT + 1)
    append(tmp_path / "digits" / "newer" / "journal" / "main.jsonl", records.encode(start) + b"\n")
    with pytest.raises(JournalFormatError, match="pip install --upgrade"):
        autotrack.load(tmp_path / "digits" / "newer")
    assert names(autotrack.runs(tmp_path)) == ["readable"]


def test_one_unreadable_folder_does_not_hide_the_others(tmp_path: Path) -> None:
    record_run(tmp_path, "readable")
    (tmp_path / "digits" / "folder" / "journal" / "main.jsonl").mkdir(parents=True)
    (tmp_path / "digits" / "empty" / "journal").mkdir(parents=True)
    append(tmp_path / "digits" / "binary" / "journal" / "main.jsonl", bytes(range(256)) * 40)
    (tmp_path / "digits" / "loop" / "journal").mkdir(parents=True)
    (tmp_path / "digits" / "loop" / "journal" / "main.jsonl").symlink_to("main.jsonl")
    (tmp_path / "digits" / "journal").write_text("a file of that name")
    assert names(autotrack.runs(tmp_path)) == ["readable"]


# ---- how it goes


def test_a_run_is_running_as_long_as_its_process_lives_and_killed_when_that_is_killed(tmp_path: Path) -> None:
    with live_run(tmp_path) as (process, folder):
        assert autotrack.load(folder).status == "running"
        assert autotrack.load(folder).metrics["loss"].last.value == 0.5
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert autotrack.load(folder).status == "killed"
        assert names(autotrack.runs(tmp_path).where("status == 'killed'")) == ["unfinished"]


def test_a_run_whose_script_ends_is_finished(tmp_path: Path) -> None:
    with live_run(tmp_path) as (process, folder):
        process.communicate("go on")
        assert process.returncode == 0
        assert autotrack.load(folder).status == "finished"


def test_a_run_in_this_process_is_running_until_it_is_finished(tmp_path: Path) -> None:
    with autotrack.start_run(to=tmp_path) as run:
        assert autotrack.load(run.folder).status == "running"
    assert autotrack.load(run.folder).status == "finished"


# ---- filtering and sorting


@pytest.fixture
def five_runs(tmp_path: Path) -> Path:
    for name, metrics, params in (
        ("middle", {"val_acc": 0.5}, {"lr": 0.01, "kind": "b"}),
        ("best", {"val_acc": 0.9}, {"lr": 0.1, "kind": "c"}),
        ("diverged", {"val_acc": float("nan")}, {"lr": 10, "kind": "a"}),
        ("untold", {}, {}),
        ("worst", {"val_acc": 0.1}, {"lr": "auto"}),
    ):
        record_run(tmp_path, name, metrics, **params)
    return tmp_path


def test_where_keeps_the_runs_for_which_a_condition_holds(five_runs: Path) -> None:
    found = autotrack.runs(five_runs)
    assert names(found.where("metrics.val_acc > 0.3")) == ["best", "middle"]
    assert names(found.where("metrics.val_acc > 0.3").where("params.lr == 0.1")) == ["best"]
    assert names(found.where("name in ['worst', 'best']")) == ["worst", "best"]
    assert names(found.where("status != 'finished'")) == []


@pytest.mark.parametrize("condition", ["params.lr < 1", "not params.lr < 1", "params.lr != 7", "not params.lr"])
def test_a_run_that_lacks_a_name_is_left_out(five_runs: Path, condition: str) -> None:
    assert "untold" not in names(autotrack.runs(five_runs).where(condition))


@pytest.mark.parametrize(
    "condition", ["params.lr < 1 or status == 'finished'", "status == 'finished' or params.lr < 1"]
)
def test_a_name_that_is_not_needed_may_be_lacking(five_runs: Path, condition: str) -> None:
    assert len(autotrack.runs(five_runs).where(condition)) == 5


def test_sort_orders_by_a_name_and_puts_nan_and_the_lacking_last(five_runs: Path) -> None:
    found = autotrack.runs(five_runs)
    assert names(found.sort("metrics.val_acc")) == ["worst", "middle", "best", "diverged", "untold"]
    assert names(found.sort("metrics.val_acc", descending=True)) == ["best", "middle", "worst", "diverged", "untold"]


def test_sort_puts_numbers_before_text_in_both_directions(five_runs: Path) -> None:
    found = autotrack.runs(five_runs)
    assert names(found.sort("params.lr")) == ["middle", "best", "diverged", "worst", "untold"]
    assert names(found.sort("params.lr", descending=True)) == ["diverged", "best", "middle", "worst", "untold"]
    assert names(found.sort("params.kind"))[:3] == ["diverged", "middle", "best"]


def test_what_is_computed_can_be_sorted_by_and_may_be_lacking(five_runs: Path) -> None:
    by = autotrack.runs(five_runs).sort("-metrics.val_acc")
    assert names(by) == ["best", "middle", "worst", "diverged", "untold"]


def test_a_filter_or_sort_that_cannot_be_understood_raises(five_runs: Path) -> None:
    found = autotrack.runs(five_runs)
    with pytest.raises(QueryError, match="val_ac"):
        found.where("val_ac > 0.5")
    with pytest.raises(QueryError):
        found.sort("val_ac")


def test_points_become_a_data_frame_and_a_metric_that_is_not_given_is_said(tmp_path: Path) -> None:
    with autotrack.start_run("one", to=tmp_path) as run:
        for step, loss in enumerate((0.5, 0.25)):
            run.log({"loss": loss}, step=step)
    recorded = autotrack.load("one", tmp_path)
    frame = recorded.history("loss").to_pandas()
    assert list(frame.columns) == ["step", "epoch", "time", "stage", "value"]
    assert (list(frame["step"]), list(frame["value"])) == ([0, 1], [0.5, 0.25])
    with pytest.raises(TypeError, match=r"no metric is given; write it as in run.history\('loss'\)"):
        recorded.history()


def test_the_history_of_a_metric_has_every_point_in_order(tmp_path: Path) -> None:
    with autotrack.start_run(to=tmp_path) as run:
        for step in range(3):
            run.log({"loss": 1 / (step + 1)}, step=step, epoch=0, stage="train")
    recorded = autotrack.load(run.folder)
    points = recorded.history("loss")
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert {(point.epoch, point.stage) for point in points} == {(0, "train")}
    with pytest.raises(KeyError, match="did you mean loss"):
        recorded.history("val_loss")
