"""Files of a run are opened below its folder, through no link, and only regular ones."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from autotrack.errors import AutotrackError, UnsafeFileError
from autotrack.journal.run_folder import file_status, open_file, read_bytes, replace_file


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run, with something outside that nobody should get at."""
    folder = tmp_path / "store" / "run"
    (folder / "artifacts" / "deep").mkdir(parents=True)
    (folder / "artifacts" / "deep" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_bytes(b"secret")
    return folder


def test_an_error_of_the_system_names_the_whole_path(run: Path) -> None:
    for act in (lambda: open_file(run, "artifacts/none"), lambda: replace_file(run, f"artifacts/{'n' * 300}", b"")):
        with pytest.raises(OSError, match=r"artifacts/n") as caught:
            act()
        assert caught.value.filename.startswith(str(run / "artifacts"))


def test_what_is_inside_is_opened_read_and_written(run: Path) -> None:
    assert read_bytes(run, "artifacts/deep/weights.bin", limit_bytes=7) == b"weights"
    assert file_status(run, "artifacts/deep/weights.bin").st_size == 7
    fd = open_file(run, "notes.txt", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"new")
    os.close(fd)
    assert (run / "notes.txt").read_bytes() == b"new"


def test_the_run_folder_itself_may_be_reached_by_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(run)
    assert read_bytes(tmp_path / "linked", "artifacts/deep/weights.bin", limit_bytes=7) == b"weights"


LINKS: dict[str, Callable[[Path, Path], None]] = {
    "artifacts/file": lambda run, top: (run / "artifacts" / "file").symlink_to(top / "secret"),
    "linked/secret": lambda run, top: (run / "linked").symlink_to(top / "folder"),
    "artifacts/inner/weights.bin": lambda run, _: (run / "artifacts" / "inner").symlink_to("deep"),
    "dangling": lambda run, top: (run / "dangling").symlink_to(top / "is not there"),
}


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_APPEND])
def test_links_are_not_followed(run: Path, tmp_path: Path, name: str, flags: int) -> None:
    LINKS[name](run, tmp_path)
    for act in (lambda: open_file(run, name, flags), lambda: file_status(run, name)):
        with pytest.raises(UnsafeFileError, match="a link"):
            act()
    assert not (tmp_path / "is not there").exists()
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("name", ["../secret", "artifacts/../../../secret", "/etc/hostname", "", ".", "a\0b", "..\\x"])
def test_names_that_lead_elsewhere_are_refused(run: Path, name: str) -> None:
    with pytest.raises(AutotrackError, match="relative path"):
        open_file(run, name)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_a_pipe_is_neither_opened_nor_waited_for(run: Path, flags: int) -> None:
    os.mkfifo(run / "pipe")
    with pytest.raises(UnsafeFileError, match="not a regular file"):
        open_file(run, "pipe", flags)


def test_a_folder_is_no_file(run: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_file(run, "artifacts")


def test_a_file_that_is_not_there_is_an_error_of_the_system(run: Path) -> None:
    for name in ("nothing", "no/such/folder"):
        with pytest.raises(FileNotFoundError):
            open_file(run, name)


def test_no_more_is_read_than_is_sensible(run: Path) -> None:
    with pytest.raises(UnsafeFileError, match="larger than 6 bytes"):
        read_bytes(run, "artifacts/deep/weights.bin", limit_bytes=6)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_descriptor_is_left_open(run: Path, tmp_path: Path) -> None:
    for make in LINKS.values():
        make(run, tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in (*LINKS, "artifacts", "nothing", "no/such/folder", "../secret"):
        with pytest.raises((AutotrackError, OSError)):
            open_file(run, name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
