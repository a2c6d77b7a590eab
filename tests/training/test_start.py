"""Runs are started, continued, joined by other ranks and taken up again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import AutotrackWarning, JournalBusyError, SettingsError
from autotrack.journal.judging import judged_by
from autotrack.journal.records import AnyRecord, Metrics, RunFinished, RunStarted
from autotrack.journal.writer import Journal
from autotrack.training import defaults, start
from autotrack.training.start import open_run


def started(found: list[AnyRecord]) -> list[RunStarted]:
    return [record for record in found if isinstance(record, RunStarted)]


# start_run


def test_a_run_starts_with_a_plain_call_or_a_with_block(store: Path) -> None:
    plain = autotrack.start_run("plain", to=store)
    plain.finish()
    with autotrack.start_run("block", to=store) as block:
        assert block.status == "running"
    assert (plain.status, block.status) == ("finished", "finished")
    assert {run.name for run in autotrack.runs(store)} == {"plain", "block"}


def test_the_first_record_says_which_process_began_what(
    store: Path, monkeypatch: pytest.MonkeyPatch, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "--lr", "0.1"])
    with open_run(to=store, frameworks={"torch": "2.13"}, group="host:1", started_by="keras") as run:
        pass
    first = read_journal(run.folder)[0]
    assert isinstance(first, RunStarted)
    assert (first.id, first.name, first.experiment) == (run.id, run.name, run.experiment)
    assert first.argv == ["train.py", "--lr", "0.1"]
    assert (first.pid, first.parent_pid, first.cwd) == (os.getpid(), os.getppid(), str(Path.cwd()))
    assert (first.python, first.autotrack) == (sys.version.split()[0], autotrack.__version__)
    assert (first.frameworks, first.group, first.started_by) == ({"torch": "2.13"}, "host:1", "keras")
    assert (first.rank, first.format, first.parent, first.resumed_from) == (0, 1, None, None)


def test_a_run_without_a_name_gets_one_that_is_in_its_folder_too(store: Path) -> None:
    run = autotrack.start_run(to=store)
    assert run.folder.name.endswith(f"-{run.name}")
    assert run.name.count("-") == 1


def test_the_destination_and_experiment_come_from_arguments_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert autotrack.start_run().folder.parent == tmp_path / "runs" / tmp_path.name
    monkeypatch.setenv("AUTOTRACK_TO", "elsewhere")
    monkeypatch.setenv("AUTOTRACK_EXPERIMENT", "digits")
    monkeypatch.setenv("AUTOTRACK_TAGS", "team=vision,why=env")
    with autotrack.start_run(tags={"why": "argument"}) as run:
        pass
    assert run.folder.parent == tmp_path / "elsewhere" / "digits"
    assert autotrack.load(run.folder).tags == {"team": "vision", "why": "argument"}
    assert autotrack.start_run(to="here", experiment="other").folder.parent == tmp_path / "here" / "other"


def test_what_autolog_was_told_is_the_default(tmp_path: Path) -> None:
    defaults.set_defaults(Path.cwd(), to="told", experiment=None, tags={"a": "1", "b": "1"})
    with autotrack.start_run(tags={"b": "2"}) as run:
        pass
    assert run.folder.is_relative_to(tmp_path / "told")
    assert autotrack.load(run.folder).tags == {"a": "1", "b": "2"}
    defaults.forget_defaults()
    assert autotrack.start_run().folder.is_relative_to(tmp_path / "runs")


@pytest.mark.parametrize("name", ["same", "x" * 200, "名" * 100, "🦦/..\\"], ids=["short", "long", "Chinese", "signs"])
def test_runs_of_one_name_and_one_second_have_folders_of_their_own(
    name: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotrack.training.start.time", lambda: 1_795_257_185.5)
    runs = [autotrack.start_run(name, to=store) for _ in range(4)]
    assert len({run.folder for run in runs}) == 4
    assert {run.name for run in runs} == {name}
    assert {run.folder.parent.parent for run in runs} == {store}
    for run in reversed(runs):
        run.finish()
    assert len(autotrack.runs(store)) == 4


def test_a_store_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for to in ("file", "file/below"):
        with pytest.raises(SettingsError, match=r"no run can be kept in .*/file.*Choose another folder") as caught:
            autotrack.start_run(to=to, experiment="digits")
        assert (caught.value.setting, caught.value.value) == ("to", str(tmp_path / to / "digits"))
    assert autotrack.current_run() is None
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_run_inside_a_run_names_its_parent(store: Path) -> None:
    with (
        autotrack.start_run("outer", to=store) as outer,
        autotrack.start_run("inner", to=store) as inner,
        autotrack.start_run("innermost", to=store) as innermost,
    ):
        pass
    with autotrack.start_run("later", to=store) as later:
        pass
    parents = {run.folder: autotrack.load(run.folder).parent for run in (outer, inner, innermost, later)}
    assert list(parents.values()) == [None, outer.id, inner.id, None]


def test_arguments_and_folders_that_are_no_text_do_not_stop_a_script(
    store: Path, run_script: Callable[..., str]
) -> None:
    script = """
        import autotrack
        with autotrack.start_run("bytes", to="runs") as run:
            run.log({"loss": 0.5})
    """
    run_script(script, b"--file=\xff\xfe.txt")
    (recorded,) = autotrack.runs(store)
    assert recorded.argv[1:] == [r"--file=\udcff\udcfe.txt"]
    assert recorded.metrics["loss"].count == 1


def test_the_lines_on_the_terminal_go_to_standard_error_and_can_be_switched_off(
    store: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    autotrack.start_run("quiet", to=store).finish()
    assert capfd.readouterr() == ("", "")
    monkeypatch.delenv("AUTOTRACK_QUIET")
    run = autotrack.start_run("loud", to=store)
    run.log({"val_loss": 0.5})
    run.finish()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("autotrack: run loud started in runs/")
    assert "autotrack: run loud finished after" in printed.err
    assert "val_loss" in printed.err


# resume_run


def test_a_run_that_goes_on_is_one_run(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    run = autotrack.start_run("long", to=store, params={"lr": 0.1})
    run.log({"loss": 0.5}, step=0)
    run.finish("interrupted")
    again = start.resume_run(run.folder, frameworks={"torch": "2.13"})
    assert (again.id, again.name, again.experiment, again.status) == (run.id, "long", run.experiment, "running")
    assert autotrack.current_run() is again
    assert autotrack.load(run.folder).status == "running"
    again.log({"loss": 0.4}, step=1)
    again.finish()
    recorded = autotrack.load(run.folder)
    assert (recorded.status, recorded.params, recorded.frameworks) == ("finished", {"lr": 0.1}, {"torch": "2.13"})
    assert [point.value for point in recorded.history("loss")] == [0.5, 0.4]
    assert len(started(read_journal(run.folder))) == 2
    assert len(autotrack.runs(store)) == 1


def test_what_is_recorded_again_after_a_checkpoint_counts_once(store: Path) -> None:
    run = autotrack.start_run(to=store)
    for step in range(10):
        run.log({"loss": 0.5}, step=step)
    run.finish("failed")
    again = start.resume_run(run.folder, at_step=6)
    for step in range(6, 12):
        again.log({"loss": 0.25}, step=step)
    again.finish()
    points = autotrack.load(run.folder).history("loss")
    assert [point.step for point in points] == list(range(12))
    assert [point.value for point in points] == [0.5] * 6 + [0.25] * 6


def test_a_run_that_is_being_written_cannot_be_continued(store: Path) -> None:
    run = autotrack.start_run(to=store)
    with pytest.raises(JournalBusyError, match="still running"):
        start.resume_run(run.folder)
    run.log({"loss": 0.5})
    run.finish()
    assert autotrack.load(run.folder).metrics["loss"].count == 1


def test_what_belongs_to_a_run_that_is_being_written_goes_to_a_journal_of_its_own(store: Path) -> None:
    run = autotrack.start_run(to=store)
    other = start.reopen_run(run.folder)
    other.log({"accuracy": 0.5})
    run.log({"loss": 0.5})
    run.finish()
    assert set(autotrack.load(run.folder).metrics) == {"loss", "accuracy"}


@pytest.mark.parametrize("content", [None, b"", b'{"record":"RunSt', b'{"record":"Tags","time":1.0,"values":{}}\n'])
def test_where_there_is_no_run_nothing_can_be_continued(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "journal").mkdir()
        (tmp_path / "journal" / "main.jsonl").write_bytes(content)
    for take_up in (start.resume_run, start.reopen_run):
        with pytest.raises(FileNotFoundError):
            take_up(tmp_path)
    assert autotrack.current_run() is None


def test_another_rank_writes_a_journal_of_its_own_and_leaves_the_end_to_rank_0(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    run = open_run(to=store, group="host:1", started_by="keras")
    other = start.resume_run(run.folder, rank=1, group="host:1")
    assert autotrack.current_run() is other
    other.log({"loss": 0.25})
    other.finish("failed", error=ValueError("out of memory"))
    assert autotrack.current_run() is run
    assert not (run.folder / "run.json").exists()
    run.log({"loss": 0.5})
    run.finish()

    own = read_journal(run.folder, "rank1")
    assert [type(record) for record in own] == [RunStarted, Metrics, RunFinished]
    assert [(one.rank, one.group) for one in started(own)] == [(1, "host:1")]
    recorded = autotrack.load(run.folder)
    assert recorded.ranks == [0, 1]
    assert (recorded.status, recorded.error) == ("finished", "rank 1: ValueError: out of memory")
    assert {name: metric.last.value for name, metric in recorded.metrics.items()} == {"loss": 0.5, "rank1/loss": 0.25}


RANK = """
    import sys
    import autotrack
    for number in range(2):
        with autotrack.start_run(f"run {number}", to="runs", experiment="digits") as run:
            run.log({"loss": 0.5 + number})
            run.log_params({"seed": sys.argv[1]})
"""


def test_start_run_in_another_rank_joins_the_run_that_the_same_call_started_in_rank_0(
    store: Path, run_script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for rank in ("0", "1", "2"):
        monkeypatch.setenv("RANK", rank)
        run_script(RANK, rank)
    second, first = autotrack.runs(store)
    for number, run in enumerate([first, second]):
        assert (run.name, run.status, run.ranks) == (f"run {number}", "finished", [0, 1, 2])
        assert {name: metric.last.value for name, metric in run.metrics.items()} == {
            "loss": 0.5 + number,
            "rank1/loss": 0.5 + number,
            "rank2/loss": 0.5 + number,
        }
        assert run.params == {"seed": "0", "rank1.user.seed": "1", "rank2.user.seed": "2"}


def test_a_rank_that_finds_no_run_of_rank_0_says_so_and_records_one_of_its_own(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotrack.training.start._PATIENCE_SECONDS", 0.1)
    monkeypatch.setenv("RANK", "3")
    with pytest.warns(AutotrackWarning, match=r"ranks: rank 3 found no run of rank 0 in .*runs/digits"):
        run = autotrack.start_run("alone", to=store, experiment="digits")
    run.log({"loss": 0.5})
    run.finish()
    recorded = autotrack.load(run.folder)
    assert (recorded.status, list(recorded.metrics)) == ("finished", ["loss"])
    assert [notice.about for notice in recorded.notices] == ["ranks"]


# reopen_run


def test_what_is_added_to_a_run_that_has_ended_does_not_make_it_run_again(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run("done", to=store) as run:
        run.log({"loss": 0.5})
    again = start.reopen_run(run.folder)
    assert (again.id, again.name, again.status) == (run.id, "done", "finished")
    assert autotrack.current_run() is None
    again.log({"test_loss": 0.25})
    assert autotrack.load(run.folder).status == "finished"
    again._release()
    assert b"test_loss" in (run.folder / "run.json").read_bytes()
    assert len(started(read_journal(run.folder))) == 1
    Journal(run.folder / "journal" / "main.jsonl", on_problem=print).close()  # nobody holds it any more


def test_a_metric_to_judge_by_needs_a_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for begin in (autotrack.autolog, lambda: autotrack.start_run(to=tmp_path)):
        monkeypatch.setenv("AUTOTRACK_METRIC", "quality")
        with pytest.raises(SettingsError, match=r"is 'quality'.* write 'min quality' or 'max quality'"):
            begin()
    monkeypatch.setenv("AUTOTRACK_METRIC", "min quality")
    with autotrack.start_run(to=tmp_path) as run:
        run.log({"quality": 0.5, "accuracy": 0.1})
    assert judged_by(autotrack.load(run.folder).summary) == "quality"
