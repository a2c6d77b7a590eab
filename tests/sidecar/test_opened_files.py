"""Data that is open for an instant and named nowhere is known, because the kernel tells whoever watches its folder."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time

import pytest

import autotrack
from autotrack.journal.records import RunStarted
from autotrack.readers.code.usage import Usage
from autotrack.redaction import Redactor
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.open_files import ReadFiles
from autotrack.sidecar.opened_files import OpenedFiles
from autotrack.sidecar.read_data import read_data
from tests.reproduce.planted import environ_of_users
from tests.support.repositories import new, put

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is of Linux")


def opened_in(top: Path, use: Callable[[], object]) -> tuple[set[str], set[str]]:
    """Return the files, and the folders of many files, that are found to have been opened."""
    found = OpenedFiles()
    found.watch_below(str(top))
    use()
    found.look()
    files, folders = ({str(Path(path).relative_to(top)) for path in paths} for paths in (found.paths, found.crowded))
    return files, folders


def test_files_that_are_read_are_found_and_those_that_are_written_are_not(tmp_path: Path) -> None:
    put(tmp_path, dict.fromkeys("a.csv data/deep/b.npy both logs/c .hidden/d env/pyvenv.cfg env/e".split(), "1"))

    def use() -> None:
        for name in "a.csv data/deep/b.npy logs/c .hidden/d env/e".split():
            (tmp_path / name).read_text()
        (tmp_path / "both").open("r+").close()
        (tmp_path / "made").write_text("1")
        list((tmp_path / "data").iterdir())

    assert opened_in(tmp_path, use) == ({"a.csv", "data/deep/b.npy"}, set())


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    put(tmp_path, {"disk/a.npy": "1", "project/train.py": "1"})
    (tmp_path / "project" / "data").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "round").symlink_to(tmp_path / "project")
    found = OpenedFiles()
    found.watch_below(str(tmp_path / "project"))
    (tmp_path / "project" / "data" / "a.npy").read_text()
    found.look()
    assert set(found.paths) == {str(tmp_path / "disk" / "a.npy")}


def test_of_many_files_the_folder_is_found(tmp_path: Path) -> None:
    put(tmp_path, {f"images/{number}.png": "1" for number in range(60)} | {"labels.csv": "1"})

    def use() -> None:
        for path in (*sorted((tmp_path / "images").iterdir()), tmp_path / "labels.csv"):
            path.read_text()

    assert opened_in(tmp_path, use) == ({"labels.csv"}, {"images"})


def test_a_file_that_is_read_again_and_again_is_not_listened_to_for_ever(tmp_path: Path) -> None:
    names = [put(tmp_path, {name: "1"}) / name for name in ("a", "b")]
    found = OpenedFiles()
    found.watch_below(str(tmp_path))
    for number in range(2100):
        names[number % 2].read_text()
    found.look()
    (put(tmp_path, {"c": "1"}) / "c").read_text()
    found.look()
    assert {Path(path).name for path in found.paths} == {"a", "b"}


def is_noted(path: Path) -> bool:
    """Read a file until its access time says so; return False where the file system does not keep that."""
    until = monotonic() + 1
    while path.stat().st_atime <= path.stat().st_ctime and monotonic() < until:
        path.read_text()
    return path.stat().st_atime > path.stat().st_ctime


@pytest.mark.parametrize(("since", "expected"), [(-60.0, {"a.csv", "data/b.npy"}), (60.0, set()), (math.inf, set())])
def test_what_was_read_before_anybody_watched_is_found_from_a_time_on(
    tmp_path: Path, since: float, expected: set[str]
) -> None:
    put(tmp_path, dict.fromkeys("a.csv data/b.npy data/unread.npy logs/c".split(), "1"))
    if not all(is_noted(tmp_path / name) for name in ("a.csv", "data/b.npy", "logs/c")):
        pytest.skip("this file system keeps no access times")
    found = OpenedFiles(time() + since)
    found.watch_below(str(tmp_path))
    assert {str(Path(path).relative_to(tmp_path)) for path in found.paths} == expected


AT_ONCE = """
from pathlib import Path
import autotrack
value = float(Path(__file__).with_name("".join(["he", "ld"])).joinpath("0").read_text())
with autotrack.start_run() as run:
    run.log({"value": value}, step=0)
"""


@pytest.mark.usefixtures("everything")
def test_what_a_script_reads_before_its_run_starts_is_known(tmp_path: Path) -> None:
    root = put(tmp_path / "project", {"train.py": AT_ONCE, "held/0": "0", "held/1": "1", "pyproject.toml": ""})
    if not is_noted(put(tmp_path, {"probe": "1"}) / "probe"):
        pytest.skip("this file system keeps no access times")
    environ = environ_of_users() | {"AUTOTRACK_TO": str(root / "runs")}
    subprocess.run([sys.executable, "train.py"], cwd=root, env=environ, check=True, capture_output=True)
    [run] = autotrack.runs(root / "runs")
    assert {name for name, about in Usage(run.summary).reads.items() if about.get("opened")} == {"held/0"}


def test_the_home_of_a_user_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    put(tmp_path / "me", {"letter.txt": "1"})
    assert opened_in(tmp_path, (tmp_path / "me" / "letter.txt").read_text) == (set(), set())
    assert opened_in(tmp_path / "me", (tmp_path / "me" / "letter.txt").read_text) == (set(), set())


def test_what_is_named_or_kept_with_the_code_is_not_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = new(tmp_path, {".gitignore": "data/\nruns/\n", "train.py": "open('data/named.npy')", "kept.csv": "1"})
    names = "data/named.npy data/found.npy data/.env untracked.csv runs/e/n/other.npy".split()
    put(root, dict.fromkeys(names, "1"))
    monkeypatch.chdir(root)
    reads = ReadFiles(0)
    reads.watch(str(root))
    reads.opened.watch(str(root / "runs" / "e" / "n"))
    for name in ("kept.csv", *names):
        (root / name).read_text()
    reads.opened.look()
    (put(root, {"data/found.npy": "1"}) / "data" / "found.npy").read_text()
    started = RunStarted(time=time() + 1, id="1", name="n", experiment="e", cwd=str(root), argv=["train.py"],
                         entry_point=str(root / "train.py"))  # fmt: skip
    found = read_data(Subject(root / "runs" / "e" / "n", started, Redactor({})), reads)
    about = {str(Path(path).relative_to(root)): facts for path, facts in found.items()}
    assert about.keys() == {"data/named.npy", "data/found.npy"}
    assert [about[name].get("opened") for name in sorted(about)] == [True, None]
    assert about["data/named.npy"]["named"]


TRAIN = """
import sys, time
from pathlib import Path
import autotrack
with autotrack.start_run() as run:
    captured = run.folder / "journal" / "sidecar.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (captured.exists() and "hardware" in captured.read_text()):
        time.sleep(0.01)
    for number in range(3):
        value = float(Path(__file__).with_name("".join(["he", "ld"])).joinpath(str(number)).read_text())
        run.log({"value": value}, step=number)
"""


@pytest.mark.usefixtures("everything")
def test_a_repetition_gets_what_was_open_for_an_instant_and_says_if_it_is_not_as_it_was(tmp_path: Path) -> None:
    root = new(tmp_path / "project", {"train.py": TRAIN, ".gitignore": "held/\nruns/\n"})
    put(root, {f"held/{number}": f"{number}" for number in range(3)})
    environ = environ_of_users() | {"AUTOTRACK_TO": str(root / "runs")}
    subprocess.run([sys.executable, "train.py"], cwd=root, env=environ, check=True, capture_output=True)
    [run] = autotrack.runs(root / "runs")
    reads = Usage(run.summary).reads
    assert {name for name, about in reads.items() if about.get("opened")} == {"held/0", "held/1", "held/2"}
    assert run.reproduce(environment="here").verdict.kind == "identical"
    put(root, {"held/1": "10"})
    done = run.reproduce(environment="here")
    assert (done.verdict.kind, done.verdict.causes[0].kind) == ("different", "data"), done.verdict.causes
    assert "held/1" in done.verdict.causes[0].cause
