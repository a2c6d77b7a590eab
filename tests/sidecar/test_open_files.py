"""Files that a process has open or mapped for reading are seen from outside, with what they were."""

import hashlib
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import time

import pytest

import autotrack
from autotrack.readers.code.usage import Usage
from autotrack.reproduce.reproduction import Choices, Plan
from autotrack.sidecar.descriptions import description
from autotrack.sidecar.open_files import ReadFiles
from tests.reproduce.planted import environ_of_users
from tests.support.repositories import new, put

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Path]:
    """A folder with files that this process reads or writes in different ways."""
    put(tmp_path, {name: name for name in ("read.csv", "mapped.npy", "both.db", "old.log", "gone.bin", "code.py")})
    put(tmp_path, {"runs/digits/a/run.json": "{}"})
    with ExitStack() as stack:
        for name in ("read.csv", "old.log", "gone.bin", "code.py", "runs/digits/a/run.json"):
            stack.enter_context((tmp_path / name).open("rb"))
        stack.enter_context((tmp_path / "both.db").open("r+b"))
        stack.enter_context((tmp_path / "written.csv").open("w"))
        with (tmp_path / "mapped.npy").open("rb") as file:
            stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        (tmp_path / "gone.bin").unlink()
        yield tmp_path


def test_what_is_read_is_seen_and_nothing_else(opened: Path) -> None:
    reads = ReadFiles(os.getpid())
    reads.look()
    found = reads.described(time() + 1, without=opened / "runs")
    below = {
        str(Path(path).relative_to(opened)): facts for path, facts in found.items() if path.startswith(str(opened))
    }
    assert below.keys() == {"read.csv", "mapped.npy"}
    assert below["read.csv"]["sha256"] == hashlib.sha256(b"read.csv").hexdigest()
    assert below["read.csv"]["bytes"] == len("read.csv")
    assert not [path for path in reads.described(1.0, without=opened) if path.startswith(str(opened))]


def test_a_process_that_is_gone_is_no_trouble() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    reads = ReadFiles(ended.pid)
    reads.look([ended.pid])
    assert reads.described(time(), without=Path("/nowhere")) == {}


def test_of_a_large_file_the_head_and_the_tail_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.sidecar.descriptions._WHOLE_BYTES", 100)
    monkeypatch.setattr("autotrack.sidecar.descriptions._SAMPLED_BYTES", 10)
    path = tmp_path / "large"

    def sampled(content: bytes) -> str:
        path.write_bytes(content)
        return str(description(str(path), path.stat())["sampled"])

    before = sampled(b"a" * 200)
    assert before == sampled(b"a" * 100 + b"b" + b"a" * 99)
    assert before != sampled(b"a" * 199 + b"b")
    assert before != sampled(b"a" * 201)


TRAIN = """
import sys, time
import autotrack
table = open(sys.argv[1])
with autotrack.start_run() as run:
    run.log({"size": len(table.read())}, step=0)
    captured = run.folder / "journal" / "sidecar.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (captured.exists() and "hardware" in captured.read_text()):
        time.sleep(0.01)
"""


def test_a_run_names_the_data_that_it_has_read_and_its_repetition_checks_it(tmp_path: Path) -> None:
    data = put(tmp_path / "data", {"table.txt": "1,2\n"}) / "table.txt"
    root = new(tmp_path / "project", {"train.py": TRAIN, ".gitignore": "runs/\n"})
    command = [sys.executable, "train.py", str(data)]
    subprocess.run(command, cwd=root, env=environ_of_users(), check=True, capture_output=True)
    run = autotrack.runs(root / "runs")[0]
    reads = Usage(run.summary).reads
    assert reads[str(data)]["sha256"] == hashlib.sha256(b"1,2\n").hexdigest()
    assert str(data) in [one.what for one in run.reproducibility.missing]
    data.write_text("1,3\n")
    plan = Plan(run, Choices(into=tmp_path / "again", environment="here"))
    _, _, missing = plan.restore()
    assert [(one.what, one.kind) for one in missing] == [(str(data), "data")]
