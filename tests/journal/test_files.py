"""Files get into a run folder complete or not at all, and never outside of it."""

import os
from pathlib import Path, PurePosixPath

import pytest

from autotrack.errors import AutotrackError
from autotrack.journal.files import put_file, remove, safe_relative_path, size_bytes, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "run" / "artifacts" / "target"


def test_a_file_is_copied_with_its_content_and_time(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("content")
    os.utime(source, (1000, 1000))
    put_file(source, target)
    assert target.read_text() == "content"
    assert target.stat().st_mtime == 1000
    assert target.stat().st_ino != source.stat().st_ino
    assert names(target.parent) == ["target"]


def test_a_file_takes_the_place_of_the_one_before_it(tmp_path: Path, target: Path) -> None:
    for content in ("one", "two"):
        (tmp_path / "a.txt").write_text(content)
        put_file(tmp_path / "a.txt", target)
        assert target.read_text() == content


def test_a_folder_takes_the_place_of_the_one_before_it(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "folder"
    for name in ("one", "two"):
        (source / name).mkdir(parents=True)
        (source / name / "a.txt").write_text(name)
        put_file(source, target)
        (source / name / "a.txt").unlink()
        (source / name).rmdir()
    assert names(target.parent) == ["target", "target/two", "target/two/a.txt"]


def test_what_is_behind_a_link_is_copied(tmp_path: Path, target: Path) -> None:
    (tmp_path / "a.txt").write_text("content")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    for link in (False, True):
        put_file(tmp_path / "link", target, link=link)
        assert not target.is_symlink()
        assert target.read_text() == "content"


def test_a_hard_link_costs_no_room_and_keeps_what_is_replaced(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "last.ckpt"
    source.write_text("first")
    put_file(source, target, link=True)
    assert target.stat().st_ino == source.stat().st_ino
    write_atomically(source, b"second")
    assert target.read_text() == "first"
    put_file(source, target, link=True)
    assert target.read_text() == "second"


def test_a_folder_is_linked_file_by_file(tmp_path: Path, target: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "a.txt").write_text("content")
    put_file(tmp_path / "folder", target, link=True)
    assert (target / "deep" / "a.txt").stat().st_ino == (tmp_path / "folder" / "deep" / "a.txt").stat().st_ino


def test_where_links_are_not_possible_files_are_copied(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    (tmp_path / "a.txt").write_text("content")
    monkeypatch.setattr("os.link", refuse)
    put_file(tmp_path / "a.txt", target, link=True)
    assert target.read_text() == "content"
    assert target.stat().st_ino != (tmp_path / "a.txt").stat().st_ino


def test_a_copy_that_fails_leaves_what_was_there(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "folder"
    source.mkdir()
    (source / "a.txt").write_text("content")
    put_file(source, target)
    (source / "broken").symlink_to("/proc/self/mem")  # it can be opened, and not be read
    with pytest.raises(OSError, match="broken"):
        put_file(source, target)
    with pytest.raises(FileNotFoundError):
        put_file(tmp_path / "missing", target)
    assert names(target.parent) == ["target", "target/a.txt"]


def test_nothing_is_copied_into_itself(tmp_path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    before = names(tmp_path)
    for source in (tmp_path, target.parent):
        with pytest.raises(AutotrackError, match="cannot be copied into itself"):
            put_file(source, target)
    assert names(tmp_path) == before


def test_removing_takes_files_folders_links_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.txt").write_text("a")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "file").write_text("a")
    for name in ("link", "folder", "file", "missing"):
        remove(tmp_path / name)
    assert names(tmp_path) == ["kept", "kept/a.txt"]


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "deep" / "b").write_bytes(b"123")
    assert (size_bytes(tmp_path / "a"), size_bytes(tmp_path), size_bytes(tmp_path / "deep")) == (5, 8, 3)


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, b"one")
    with path.open("rb") as reader:
        write_atomically(path, b"two")
        assert reader.read() == b"one"
    assert path.read_bytes() == b"two"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "folder", b"three")
    assert names(tmp_path) == ["folder", "run.json"]


@pytest.mark.parametrize("name", ["a", "a/b.txt", "a\\b.txt", "..a", "a..b", ".hidden", "ü🦦"])
def test_names_that_stay_inside(name: str) -> None:
    assert safe_relative_path(name) == PurePosixPath(name.replace("\\", "/"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/", "/etc/passwd", "../a", "a/../../b", "a/..", "..\\a", "\\a", "a\0"]
)
def test_names_that_lead_outside_are_refused(name: str) -> None:
    with pytest.raises(AutotrackError, match=r"cannot name a file of the run: use a relative path without '\.\.'"):
        safe_relative_path(name)
