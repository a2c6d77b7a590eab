"""`autotrack archive` and `unarchive`: everything comes back, and what an archive may do is only that."""

import json
import os
import re
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.errors import AutotrackError, UnsafeFileError
from autotrack.journal import records
from autotrack.readers.storage.archive import MANIFEST
from autotrack.readers.storage.unarchive import Archive
from tests.support.processes import wait_until


def call(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == exit_code, result.output + repr(result.exception)
    return result.output


def content(store: Path) -> dict[str, bytes]:
    paths = (path for path in store.rglob("*") if path.is_file())
    return {str(path.relative_to(store)): path.read_bytes() for path in paths}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("first", "second"):
        with autotrack.start_run(name, to=tmp_path / "runs", experiment="digits", params={"lr": len(name)}) as run:
            run.log({"loss": 0.5}, step=0)
            (tmp_path / "weights.bin").write_bytes(bytes(5_000))
            run.log_artifact(tmp_path / "weights.bin", kind="checkpoint")
    return tmp_path / "runs"


def test_a_store_comes_back_whole_with_its_trash_and_what_can_be_undone(runs: Path) -> None:
    autotrack.load("first", runs).note("one")
    autotrack.load("first", runs).note("two")
    call("rm", "second", "--yes")
    before = content(runs)
    assert call("archive", "--trash", "all.zip").startswith("2 runs, ")
    assert "2 runs restored" in call("unarchive", "all.zip", "--store", "other")
    assert content(Path("other")) == before
    call("undo", "first", "--store", "other")
    assert autotrack.load("first", "other").texts["note"] == "one"
    call("rm", "second", "--restore", "--store", "other")
    assert sorted(run.name for run in autotrack.runs("other")) == ["first", "second"]


def test_names_of_all_kinds_are_packed_as_they_are_or_named(runs: Path) -> None:
    run = next((runs / "digits").iterdir())
    odd = {"Screenshot 3.45\u202fPM.png": b"a", "a:b": b"b", "größe": b"c", "back\\slash": b"d", "line\nbreak": b"e"}
    for name, text in odd.items():
        (run / "artifacts" / name).write_bytes(text)
    os.link(run / "artifacts" / "back\\slash", run / "artifacts" / "second name")
    (run / "artifacts" / "link").symlink_to("second name")
    (runs / "digits").rename(runs / "a:b")
    assert "\n2 runs, " in call("archive", "all.zip")
    assert "2 runs restored" in call("unarchive", "all.zip", "--store", "other")
    restored = Path("other", "a:b", run.name, "artifacts")
    kept = [name for name in odd if "\\" not in name and "\n" not in name]
    assert {name: (restored / name).read_bytes() for name in kept} == {name: odd[name] for name in kept}
    assert (restored / "link").read_bytes() == b"d"


def test_a_run_that_replaces_one_in_the_trash_leaves_that_in_the_trash(runs: Path) -> None:
    call("rm", "second", "--yes")
    call("archive", "--trash", "all.zip")
    call("unarchive", "all.zip", "--yes")
    assert len(list(Path("runs", "digits", ".trash").glob("*/journal"))) == 3


def test_a_run_without_a_file_is_not_taken_for_one(runs: Path) -> None:
    result = CliRunner().invoke(app, ["archive", "first"])
    assert "to pack the run 'first': autotrack archive first first.zip" in str(result.exception)
    assert not Path("first.zip").exists()


def test_files_with_two_names_are_kept_once_and_links_that_lead_out_are_said(runs: Path) -> None:
    folder = autotrack.load("first", runs).folder
    os.link(folder / "artifacts" / "weights.bin", folder / "artifacts" / "best.bin")
    (folder / "artifacts" / "last.bin").symlink_to("best.bin")
    (folder / "artifacts" / "secret").symlink_to("/etc/passwd")
    said = call("archive", "first", "one.zip")
    assert f"left out digits/{folder.name}/artifacts/secret: a link" in said
    with zipfile.ZipFile("one.zip") as archive:
        assert sum(".bin" in name for name in archive.namelist()) == 1
    call("unarchive", "one.zip", "--store", "other")
    back = Path("other/digits", folder.name, "artifacts")
    assert sorted(path.name for path in back.iterdir()) == ["best.bin", "last.bin", "weights.bin"]
    assert len({path.lstat().st_ino for path in back.iterdir()}) == 1
    assert not any(path.is_symlink() for path in back.iterdir())


@pytest.mark.slow
def test_short_runs_keep_what_they_share(tmp_path: Path, everything: None) -> None:
    for number in range(6):
        autotrack.start_run(f"r{number}", to=tmp_path / "runs", experiment="e").finish()
    store = tmp_path / "runs"
    shared = wait_until(lambda: [run for run in autotrack.runs(store) if run.summary.shared_environment])
    call("archive", shared[0].name, "one.zip")
    call("unarchive", "one.zip", "--store", "other")
    assert autotrack.load(shared[0].name, "other").summary.environment == shared[0].summary.environment


@pytest.mark.parametrize("forged", ["../../../secrets", "../../../../secrets/.", "a" * 64, "b" * 64])
def test_what_a_run_shares_leads_to_nothing_outside(runs: Path, tmp_path: Path, forged: str) -> None:
    """Whoever made the run names what it shares, and may have put links there."""
    folder = autotrack.load("first", runs).folder
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("of the reader")
    shared = folder.parent / ".environments"
    shared.mkdir()
    (shared / ("a" * 64)).symlink_to(tmp_path / "secrets")
    (shared / ("b" * 64)).mkdir()
    (shared / ("b" * 64) / "key").symlink_to(tmp_path / "secrets" / "key")
    line = records.encode(records.Environment(time=1.0, kind="git", shared=forged))
    (folder / "journal" / "sidecar.jsonl").write_bytes(line + b"\n")
    (folder / "run.json").unlink(missing_ok=True)
    call("archive", "first", "one.zip")
    with zipfile.ZipFile("one.zip") as archive:
        assert not [name for name in archive.namelist() if "key" in name or ".." in name]


def test_runs_that_are_there_stay_unless_somebody_agrees(runs: Path) -> None:
    call("archive", "first", "one.zip")
    autotrack.load("first", runs).note("newer")
    assert "is there already" in call("unarchive", "one.zip")
    assert autotrack.load("first", runs).texts["note"] == "newer"
    call("unarchive", "one.zip", "--yes")
    assert "note" not in autotrack.load("first", runs).texts
    [trashed] = (runs / "digits" / ".trash").iterdir()
    assert autotrack.load(trashed).texts["note"] == "newer"
    assert "add --yes" in str(CliRunner().invoke(app, ["archive", "first", "one.zip"]).exception)


def test_an_archive_that_would_fill_the_disk_is_asked_about(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("archive", "all.zip")
    monkeypatch.setattr("autotrack.readers.storage.unarchive._MUCH_BYTES", 1_000)
    call("unarchive", "all.zip", "--store", "usual")
    monkeypatch.setattr("autotrack.readers.storage.unarchive._MOST_TIMES", 1)
    refused = CliRunner().invoke(app, ["unarchive", "all.zip", "--store", "other"]).exception
    assert re.match(
        r"all.zip has [\d.]+ kB and becomes [\d.]+ kB, as no usual run does; the disk has .* left, and nobody is here"
        r" to be asked whether to unpack it; add --yes",
        str(refused),
    )
    assert not Path("other").exists()
    assert "2 runs restored" in call("unarchive", "all.zip", "--store", "other", "--yes")


def test_a_run_that_is_being_recorded_is_not_packed(tmp_path: Path) -> None:
    run = autotrack.start_run("now", to=tmp_path / "runs")
    with pytest.raises(AutotrackError, match="is being recorded"):
        CliRunner().invoke(app, ["archive", "now", "one.zip"], catch_exceptions=False)
    run.finish()
    assert not Path("one.zip").exists()


def made(path: Path, *members: tuple[str, bytes, int], runs: tuple[str, ...] = ("e/r",), **more: object) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, json.dumps({"runs": list(runs), **more}))
        for name, text, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return path


FILE = stat.S_IFREG | 0o644


@pytest.mark.parametrize(
    "name",
    ["../x", "e/r/../../x", "/etc/x", "e/r/a\\b", "e/other/x", "x", "e/r", "e/.environments/abc/x", "C:/x", "e/r/a\nb",
     "e/.trash/x", "e/r/" + "d/" * 99 + "x", "e/r/" + "x" * 300],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeFileError, match="nothing was restored"):
        Archive(made(tmp_path / "a.zip", ("e/r/journal/main.jsonl", b"{}", FILE), (name, b"x", FILE)))


@pytest.mark.parametrize("place", ["..", "a/b/c", ".ssh/x", "e/.trash", "/e/r", "e/.trash/.trash/r", ""])
def test_runs_belong_to_places_of_a_store(place: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeFileError):
        Archive(made(tmp_path / "a.zip", runs=(place,)))


def test_a_run_of_which_the_archive_has_no_journal_replaces_none(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", ("e/r/run.json", b"{}", FILE))
    (there := tmp_path / "store" / "e" / "r" / "journal").mkdir(parents=True)
    result = CliRunner().invoke(app, ["unarchive", str(archive), "--store", str(tmp_path / "store"), "--yes"])
    assert "without its journal; nothing was restored" in str(result.exception)
    assert there.is_dir()


def test_links_and_liars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFileError, match="a link"):
        Archive(made(tmp_path / "a.zip", ("e/r/x", b"/etc/passwd", stat.S_IFLNK | 0o777)))
    with pytest.raises(UnsafeFileError, match="no file of that run"):
        Archive(made(tmp_path / "a.zip", same={"e/r/x": "../../etc/passwd"}))
    with pytest.raises(UnsafeFileError, match="both a file and a folder"):
        Archive(made(tmp_path / "a.zip", ("e/r/x", b"", FILE), ("e/r/x/y", b"", FILE)))
    Path("no.zip").write_bytes(b"PK no")
    with pytest.raises(AutotrackError, match="damaged"):
        Archive(Path("no.zip"))
    with zipfile.ZipFile("other.zip", "w") as archive:
        archive.writestr("hello", "")
    with pytest.raises(AutotrackError, match="not written by autotrack archive"):
        Archive(Path("other.zip"))


def test_a_store_with_a_link_in_the_place_of_an_experiment_is_left_alone(runs: Path, tmp_path: Path) -> None:
    call("archive", "first", "one.zip")
    (tmp_path / "elsewhere").mkdir()
    Path("other").mkdir()
    Path("other/digits").symlink_to(tmp_path / "elsewhere")
    assert isinstance(CliRunner().invoke(app, ["unarchive", "one.zip", "--store", "other"]).exception, UnsafeFileError)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_begins_before_the_archive_does_is_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", ("e/r/journal/main.jsonl", b"x", FILE))
    content = bytearray(path.read_bytes())
    place_of_directory = content.rindex(b"PK\5\6") + 16
    content[place_of_directory : place_of_directory + 2] = b"\xff\x01"  # as if the file had lost its beginning
    path.write_bytes(content)
    with pytest.raises(AutotrackError, match="begins outside of the file"):
        Archive(path)


@settings(max_examples=25)
@given(st.data())
def test_a_damaged_archive_restores_whole_runs_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    top = tmp_path_factory.mktemp("damaged")
    path = made(top / "a.zip", ("e/r/journal/main.jsonl", b"x" * 50, FILE), ("e/r/y", b"y" * 50, FILE))
    damaged = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    try:
        with Archive(path) as archive:
            list(archive.unpack(top / "s", replaces=lambda run: False, progress=lambda total: lambda done: None))
    except AutotrackError:
        pass
    assert not (top / "s").exists() or {path.name for path in (top / "s").iterdir()} <= {"e"}
    assert set(content(top)) - {"a.zip"} in (set(), {"s/e/r/journal/main.jsonl", "s/e/r/y"})
