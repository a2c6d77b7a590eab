"""What a script prints before and after its runs is in their logs."""

import sys
from pathlib import Path

import pytest

import autotrack
from autotrack.training.observe.output import streams
from autotrack.training.observe.output.between_runs import BetweenRuns
from tests.support.processes import Ended, Script

SCRIPT = """
import os, sys
import autotrack
print("before autolog")
autotrack.autolog(to="runs", experiment="tests")
print("loaded")
with autotrack.start_run("one") as run:
    print("in one")
{between}
with autotrack.start_run("two") as run:
    print("in two")
    with autotrack.start_run("inner"):
        print("in inner")
    print("in two again")
print("score of two")
{end}
"""


def logs(folder: Path) -> dict[str, list[str]]:
    return {
        run.name: (run.folder / "output.log").read_text().splitlines()
        for run in autotrack.runs(folder / "runs")
        if (run.folder / "output.log").exists()
    }


def run_script(folder: Path, *, between: str = 'print("score of one")', end: str = "", **environ: str) -> Ended:
    ended = Script(folder, SCRIPT.format(between=between, end=end), **environ).wait()
    ended.wait_for_sidecar()
    return ended


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("sidecar", ["on", "off"])
def test_a_run_has_what_was_printed_before_and_after_it(sidecar: str, tmp_path: Path) -> None:
    run_script(tmp_path, end="raise LookupError('at last')", AUTOTRACK_SIDECAR=sidecar, AUTOTRACK_QUIET="")
    found = logs(tmp_path)
    assert found["one"] == ["loaded", "in one", "score of one"]
    assert found["inner"] == ["in inner"]
    assert found["two"][:5] == ["score of one", "in two", "in inner", "in two again", "score of two"]
    assert found["two"][5].startswith("Traceback")
    assert found["two"][-1] == "LookupError: at last"
    for run in autotrack.runs(tmp_path / "runs"):  # the file is hashed as it is in the end
        (artifact,) = [artifact for artifact in run.artifacts if artifact.path == "output.log"]
        assert artifact.bytes == (run.folder / "output.log").stat().st_size
        assert artifact.sha256


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the training process keeps its output itself")
@pytest.mark.usefixtures("everything")
def test_it_is_there_when_the_process_is_killed(tmp_path: Path) -> None:
    run_script(tmp_path, end="os.kill(os.getpid(), 9)")
    assert logs(tmp_path)["two"][-1] == "score of two"


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
def test_of_many_short_runs_the_last_one_has_what_follows(tmp_path: Path) -> None:
    many = """
for number in range(6):
    with autotrack.start_run(f"run {number}"):
        print("in", number)
    print("score of", number)
print("the best score")
os._exit(0)
"""
    run_script(tmp_path, between=many)
    found = logs(tmp_path)
    assert found["run 5"] == ["score of 4", "in 5", "score of 5", "the best score"]
    assert found["run 4"][:2] == ["score of 3", "in 4"]
    assert found["run 0"] == ["in 0", "score of 0"]
    (last,) = [run for run in autotrack.runs(tmp_path / "runs") if run.name == "run 5"]
    (artifact,) = [artifact for artifact in last.artifacts if artifact.path == "output.log"]
    assert artifact.bytes == (last.folder / "output.log").stat().st_size


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
def test_what_a_forked_child_has_not_printed_is_not_in_its_run(tmp_path: Path) -> None:
    fork = """
print("score of one")
if not os.fork():
    with autotrack.start_run("child"):
        print("in child")
    os._exit(0)
os.wait()
"""
    run_script(tmp_path, between=fork)
    assert logs(tmp_path)["child"] == ["in child"]
    assert logs(tmp_path)["one"] == ["loaded", "in one", "score of one"]


def test_without_autolog_or_without_output_nothing_is_kept_between_runs(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    write = sys.stdout.write
    monkeypatch.setenv("AUTOTRACK_OUTPUT", "on")
    for output in (None, False):
        if output is not None:
            autotrack.autolog(to=store, output=output)
        print("before")
        with autotrack.start_run(to=store, output=True) as run:
            print("in it")
        print("after")
        assert (run.folder / "output.log").read_text() == "in it\n"
        assert sys.stdout.write == write


def test_switching_off_leaves_the_streams_as_they_were(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setenv("AUTOTRACK_OUTPUT", "on")
    before = sys.stdout.write
    autotrack.autolog(to=store)
    assert sys.stdout.write != before
    autotrack.autolog(disable=True)
    assert sys.stdout.write == before


class _Receiver:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def take(self, stream_name: str, text: str) -> None:
        self.texts.append(text)

    def report(self, message: str) -> None: ...

    def give_up(self, fault: Exception) -> None: ...

    def pause(self) -> None: ...

    def close(self) -> None: ...


def test_of_very_much_the_end_is_kept() -> None:
    between, receiver = BetweenRuns(), _Receiver()
    for number in range(10_000):
        between.take("stdout", f"line {number:06}\n")
    between.take("stdout", "last\n")
    between.hand_over(receiver)
    text = "".join(receiver.texts)
    assert 60_000 < len(text) <= 2**16
    assert text.endswith("line 009999\nlast\n")
    between.hand_over(receiver)
    assert "".join(receiver.texts) == text


def test_lines_of_our_own_are_nobodys_output() -> None:
    receiver = _Receiver()
    streams.listen(receiver)
    try:
        with streams.not_captured():
            print("ours")
        print("theirs")
    finally:
        streams.forget(receiver)
    assert "".join(receiver.texts) == "theirs\n"
