"""What people change of a run after its end: a record like any other, which everything follows and can be undone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.errors import AutotrackError, UnsafeFileError
from autotrack.readers.recorded_run import RecordedRun


@pytest.fixture
def run(store: Path) -> RecordedRun:
    with autotrack.start_run("first", to=store, experiment="digits", tags={"why": "paper"}) as run:
        run.log({"loss": 0.5}, step=0)
    return autotrack.load("first", store)


def call(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == exit_code, result.output + repr(result.exception)
    return result.output


def test_tags_notes_and_names_are_changed_wherever_the_run_is_looked_at(run: RecordedRun, store: Path) -> None:
    run.tag(why="thesis", by="me")
    run.note("the best so far")
    run.rename("the-one")
    for found in (run, autotrack.load(run.folder), autotrack.load("the-one", store), autotrack.runs(store)[0]):
        assert (found.name, found.tags) == ("the-one", {"why": "thesis", "by": "me"})
        assert found.texts["note"] == "the best so far"
        assert found.renamed_from == "first"
    assert autotrack.runs(store).where("tags.by == 'me'")[0].folder == run.folder
    assert run.status == "finished"


def test_a_tag_is_removed(run: RecordedRun, store: Path) -> None:
    run.tag(why=None)
    assert autotrack.load("first", store).tags == {}


def test_each_change_is_undone_and_then_done_again(run: RecordedRun) -> None:
    run.rename("second")
    run.tag(why="thesis", by="me")
    assert run.undo() == "tags why, by are as before"
    assert run.tags == {"why": "paper"}
    run.undo()
    assert run.tags == {"why": "thesis", "by": "me"}
    run.note("a")
    run.note("b")
    run.undo()
    assert run.texts["note"] == "a"
    run.rename("third")
    assert run.undo() == "the name is second again"
    assert run.name == "second"


def test_nothing_that_was_recorded_is_overwritten(run: RecordedRun) -> None:
    journal = run.folder / "journal" / "main.jsonl"
    before = journal.read_bytes()
    run.tag(why="thesis")
    run.undo()
    assert journal.read_bytes() == before
    with pytest.raises(AttributeError, match=r"run\.tag"):
        run.tags = {}


def test_a_run_that_goes_on_keeps_the_name_it_was_given(run: RecordedRun) -> None:
    run.rename("second")
    from autotrack.training.start import resume_run

    with resume_run(run.folder) as resumed:
        resumed.log({"loss": 0.25}, step=1)
    found = autotrack.load(run.folder)
    assert (found.name, len(found.history("loss"))) == ("second", 2)


def test_a_run_that_is_being_recorded_is_changed_as_well(store: Path) -> None:
    with autotrack.start_run("now", to=store, experiment="digits") as run:
        autotrack.load("now", store).tag(why="paper")
        run.log({"loss": 0.25}, step=1)
    assert autotrack.load("now", store).tags == {"why": "paper"}


def test_secrets_are_kept_out(run: RecordedRun) -> None:
    run.tag(api_token="hf_abcdefghijklmnopqrstuvwxyz012345")
    assert "hf_abc" not in (run.folder / "journal" / "edits.jsonl").read_text()


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[31mred", "x" * 201, "latest"])
def test_a_name_that_cannot_be_used_is_refused(run: RecordedRun, name: str) -> None:
    with pytest.raises(AutotrackError, match="cannot be used"):
        run.rename(name)


def test_nothing_is_undone_where_nothing_was_changed(run: RecordedRun) -> None:
    with pytest.raises(AutotrackError, match="nothing was changed"):
        run.undo()


def test_nothing_is_written_through_a_link(run: RecordedRun, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("precious")
    (run.folder / "journal" / "edits.jsonl").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafeFileError):
        run.tag(why="paper")
    assert (tmp_path / "outside").read_text() == "precious"


def test_the_commands_do_the_same(run: RecordedRun) -> None:
    assert call("tag", "first", "by=me", "--remove", "why") == "first: by=me\n"
    assert call("tag", "first") == "first: by=me\n"
    assert call("note", "first", "look at this") == "first has a new note\n"
    assert call("note", "first") == "look at this\n"
    assert call("rename", "first", "second").startswith("first is called second now")
    assert call("undo", "second") == "second: the name is first again\n"
    for arguments in (["tag", "first", "why"], ["tag", "first", "--remove", "who"]):
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, AutotrackError)
