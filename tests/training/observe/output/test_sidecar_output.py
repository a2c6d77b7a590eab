"""With a sidecar, output.log holds the same in the end, however the run or the sidecar ended."""

import signal
import sys
from pathlib import Path

import pytest

import autotrack
from tests.support.processes import Ended, Script, sidecars_of, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("everything"),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the training process keeps its output itself"),
]

TOKEN = "ghp_" + "a1B2" * 9
START = """
import os, sys, time
import autotrack

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.01)

def start(name):
    return autotrack.start_run(name, to="runs", experiment="tests")
"""
PRINTING = f"""{START}
run = start("one")
print("printed", 1, "caf\\u00e9 \\udcff")
print("token {TOKEN}", os.environ["MY_PASSWORD"])
print("loading", end="")
for done in range(5):
    sys.stderr.write(f"\\r{{done}}/4")
print(" ... done")
"""
PRINTED = ["printed 1 café \\udcff", "token [redacted] [redacted]", "loading ... done"]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("MY_PASSWORD", "x8Kq-71zz-0pLm")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:backslashreplace")


def run_script(folder: Path, code: str, **environ: str) -> Ended:
    ended = Script(folder, code, **environ).wait()
    ended.wait_for_sidecar()
    return ended


def lines_of(folder: Path, name: str = "one") -> list[str]:
    (run,) = [run for run in autotrack.runs(folder / "runs") if run.name == name]
    return (run.folder / "output.log").read_text().splitlines()


def artifact_bytes(folder: Path) -> int | None:
    (run,) = autotrack.runs(folder / "runs")
    (artifact,) = [artifact for artifact in run.artifacts if artifact.kind == "output"]
    assert artifact.sha256
    size: int | None = artifact.bytes
    return size


@pytest.mark.parametrize("sidecar", ["on", "off"])
@pytest.mark.parametrize("ending", ["run.finish()", "", "raise SystemExit(3)"])
def test_the_log_is_the_same_with_a_sidecar_and_without(tmp_path: Path, sidecar: str, ending: str) -> None:
    run_script(tmp_path, PRINTING + ending, AUTOTRACK_SIDECAR=sidecar)
    assert lines_of(tmp_path) == [*PRINTED, "4/4"]
    assert artifact_bytes(tmp_path) == len("\n".join([*PRINTED, "4/4", ""]).encode())


def test_kill_right_after_print_loses_no_line(tmp_path: Path) -> None:
    code = "for step in range(1000): print('step', step)\nos.kill(os.getpid(), 9)"
    assert run_script(tmp_path, PRINTING + code).exit_code == -signal.SIGKILL
    assert lines_of(tmp_path) == [*PRINTED, *(f"step {step}" for step in range(1000)), "4/4"]
    assert artifact_bytes(tmp_path)


def test_a_line_is_in_the_file_within_seconds(tmp_path: Path) -> None:
    with Script(tmp_path, PRINTING + "wait_for('go')") as script:
        script.sidecar()
        wait_until(lambda: list(tmp_path.glob("runs/*/*/output.log")))
        wait_until(lambda: lines_of(tmp_path)[:2] == PRINTED[:2])
        (tmp_path / "go").touch()
        script.wait().wait_for_sidecar()


def test_the_text_is_in_memory_and_on_no_disk(tmp_path: Path) -> None:
    with Script(tmp_path, PRINTING + "wait_for('go')") as script:
        sidecar = script.sidecar()
        for pid in (script.pid, sidecar.pid):
            links = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
            assert {link for link in links if "output" in link and ".log" not in link} == {"/memfd:output (deleted)"}
        (tmp_path / "go").touch()
        script.wait().wait_for_sidecar()
    for path in (tmp_path / "runs").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize("ending", ["run.finish()", "", "os._exit(0)"])
def test_runs_one_after_the_other_and_inside_each_other_get_what_is_printed_in_them(
    tmp_path: Path, ending: str
) -> None:
    code = """
    print("nobody listens")
    for number in range(20):
        with start(f"run {number}"):
            print("in", number)
        print("between")
    run = start("outer")
    print("in outer")
    with start("inner"):
        print("in both")
    print("in outer again")
    """
    run_script(tmp_path, START + "\n".join(line[4:] for line in code.splitlines()) + f"\n{ending}")
    for number in range(20):
        assert lines_of(tmp_path, f"run {number}") == [f"in {number}"]
    assert lines_of(tmp_path, "inner") == ["in both"]
    assert lines_of(tmp_path, "outer") == ["in outer", "in both", "in outer again"]


def test_threads_that_print_lose_and_tear_no_line(tmp_path: Path) -> None:
    code = """
import threading
def work(name):
    for number in range(5000):
        print(name, number)
threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    run_script(tmp_path, START + "run = start('one')" + code)
    lines = lines_of(tmp_path)
    for name in "abcd":
        assert [line for line in lines if line[0] == name] == [f"{name} {number}" for number in range(5000)]
    assert len(lines) == 20_000


def test_forked_children_add_whole_lines_and_are_not_taken_for_their_parent(tmp_path: Path) -> None:
    code = """
print("half of a line", end="")
sys.stdout.flush()
for number in range(3):
    child = os.fork()
    if child == 0:
        print("child", number)
        print("no end", end="")
        os._exit(0)
    os.waitpid(child, 0)
print(" and the other")
"""
    run_script(tmp_path, START + "run = start('one')" + code)
    lines = lines_of(tmp_path)
    whole = ["child 0", "child 1", "child 2", "half of a line and the other"]
    # The half line stands alone as well where it was written out before a child could go on behind it.
    assert sorted(line for line in lines if line != "half of a line") == whole


def test_when_forked_children_alone_print_the_log_is_an_artifact(tmp_path: Path) -> None:
    code = "if os.fork() == 0:\n    print('child')\n    os._exit(0)\nos.wait()\nrun.finish()"
    run_script(tmp_path, START + "run = start('one')\n" + code)
    assert lines_of(tmp_path) == ["child"]
    assert artifact_bytes(tmp_path) == len("child\n")


@pytest.mark.parametrize("ending", ["run.finish()", "", "raise SystemExit(3)"])
def test_a_sidecar_that_dies_loses_no_line_that_was_complete(tmp_path: Path, ending: str) -> None:
    code = "wait_for('go')\nfor step in range(1000): print('step', step)\n" + ending
    with Script(tmp_path, PRINTING + code) as script:
        script.sidecar()
        wait_until(lambda: list(tmp_path.glob("runs/*/*/output.log")))
        script.sidecar().kill()
        wait_until(lambda: not sidecars_of(script.pid))
        (tmp_path / "go").touch()
        script.wait()
    lines = [line for line in lines_of(tmp_path) if line != "4/4" and "AutotrackWarning" not in line]
    assert lines[:2] == PRINTED[:2]
    assert [line for line in lines if line.startswith("step")] == [f"step {step}" for step in range(1000)]
    assert artifact_bytes(tmp_path)


def test_a_run_after_the_sidecar_has_died_is_captured_in_the_training_process(tmp_path: Path) -> None:
    code = "wait_for('go')\nrun.finish()\nwith start('two'): print('in two')"
    with Script(tmp_path, PRINTING + code) as script:
        script.sidecar().kill()
        wait_until(lambda: not sidecars_of(script.pid))
        (tmp_path / "go").touch()
        script.wait()
    assert lines_of(tmp_path)[:2] == PRINTED[:2]
    assert lines_of(tmp_path, "two") == ["in two"]


def test_a_run_that_prints_nothing_has_no_log(tmp_path: Path) -> None:
    run_script(tmp_path, f"{START}\nstart('one').finish()\nprint('after')")
    (run,) = autotrack.runs(tmp_path / "runs")
    assert not (run.folder / "output.log").exists()
    assert not [artifact for artifact in run.artifacts if artifact.kind == "output"]


def test_at_the_end_of_a_run_that_a_person_started_the_log_is_complete(tmp_path: Path) -> None:
    """Unless the machine is so busy that the sidecar does not get there within two seconds."""
    ended = run_script(
        tmp_path,
        f"""{START}
with start("one") as run:
    for number in range(5000):
        print("line", number)
    ends = time.monotonic()
waited = time.monotonic() - ends
path = run.folder / "output.log"
log = path.read_text().splitlines() if path.exists() else []
assert waited >= 2 or log == [f"line {{number}}" for number in range(5000)], (waited, len(log))
""",
    )
    assert ended.exit_code == 0, ended.error


def test_what_a_forked_child_prints_comes_after_what_its_parent_printed_before(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        f"""{START}
from autotrack.training.observe.output import sidecar_output
sidecar_output._PARENT_SECONDS = 60.0  # on a busy machine, the sidecar needs more than the usual second
with start("one"):
    print("before")
    if os.fork() == 0:
        print("child", flush=True)
        os._exit(0)
    os.wait()
    print("after")
""",
    )
    assert lines_of(tmp_path) == ["before", "child", "after"]
