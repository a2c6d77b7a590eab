"""The process beside training: what it is, what it leaves alone, and that training does without it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import time

import psutil
import pytest

import autotrack
from autotrack.journal import records
from autotrack.journal.records import RunStarted
from autotrack.protocol import Follow, MessageFile, Task
from autotrack.sidecar.loop import Sidecar
from autotrack.sidecar.open_files import ReadFiles
from autotrack.sidecar.priority import Priority
from tests.support.processes import Script, sidecars_of, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("everything"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

WAITING = """
import os, sys, time

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.01)
"""
TRAINING = f"""{WAITING}
import autotrack

run = autotrack.start_run("one", to="runs", experiment="tests", params={{"lr": 0.1}})
run.log({{"loss": 0.5}})
print("training", flush=True)
wait_for("go")
"""
KINDS = {"process", "git", "source", "hardware", "packages"}


@pytest.fixture(autouse=True)
def _without_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def recorded(folder: Path) -> autotrack.RecordedRun:
    (run,) = autotrack.runs(folder / "runs")
    return run


# What training does not notice


LOOKING = """
import json, os, signal, sys, threading

def state():
    links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    try:
        children = os.wait()
    except ChildProcessError:
        children = None
    return {
        "threads": [threading.active_count(), len(os.listdir("/proc/self/task"))],
        "sockets": [link for link in links if "socket:" in link],
        "children": children,
        "handlers": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "hooks": [str(hook) for hook in (sys.excepthook, threading.excepthook, sys.stdout, sys.stderr, sys.path)],
        "environment": dict(os.environ),
    }

before = state()
import autotrack
from autotrack.training import sidecar_client
autotrack.autolog(to="runs", experiment="tests")
run = autotrack.start_run()
for step in range(20):
    run.log({"loss": 0.5}, step=step)
during = state()
modules = sorted(sys.modules)
run.finish()
print(json.dumps([before, during, state(), modules, sorted(set(sys.modules) - set(modules))]))
"""


def test_training_has_no_thread_socket_child_handler_or_setting_of_ours(tmp_path: Path) -> None:
    ended = Script(tmp_path, LOOKING).wait()
    before, during, after, _, _ = json.loads(ended.out)
    assert before["children"] is None
    assert during == before
    assert after == before
    ended.wait_for_sidecar()


def test_what_the_sidecar_is_made_of_is_not_in_the_training_process(tmp_path: Path) -> None:
    ended = Script(tmp_path, LOOKING).wait()
    _, _, _, modules, later = json.loads(ended.out)
    ours = ("autotrack.sidecar", "autotrack.sinks", "autotrack.readers", "autotrack.journal.reader", "autotrack.cli")
    others = {
        "git",
        "psutil",
        "requests",
        "tensorboard",
        "numpy",
        "torch",
        "rich",
        "typer",
        "subprocess",
        "socketserver",
    }
    assert not [name for name in modules if name.startswith(ours)]
    assert not others & {name.partition(".")[0] for name in modules}
    added = {name for name in later if name.startswith("autotrack.")}
    assert not added, "what came out is said at the end without them"
    assert not others & {name.partition(".")[0] for name in later}
    ended.wait_for_sidecar()


def test_the_users_own_faulthandler_and_handlers_work(tmp_path: Path) -> None:
    ended = Script(tmp_path, """
        import faulthandler, os, signal
        import autotrack
        run = autotrack.start_run(to="runs", experiment="tests")
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR1)
        signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True))
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        import ctypes
        ctypes.string_at(0)
        """).wait()  # fmt: skip
    assert (ended.exit_code, ended.out) == (-signal.SIGSEGV, "mine\n")
    assert "Fatal Python error: Segmentation fault" in ended.error
    assert ended.error.count("most recent call first") == 2
    ended.wait_for_sidecar()
    assert (recorded(tmp_path).status, recorded(tmp_path).error) == (
        "failed",
        "crashed: segmentation fault (SIGSEGV)",
    )


# What the sidecar is


def test_it_leads_a_session_of_its_own_is_nobodys_child_and_yields_to_others(tmp_path: Path) -> None:
    with Script(tmp_path, TRAINING) as script:
        sidecar = script.sidecar()
        assert os.getsid(sidecar.pid) == sidecar.pid != os.getsid(script.pid)
        assert script.pid not in (sidecar.ppid(), *(parent.pid for parent in sidecar.parents()))
        assert not psutil.Process(script.pid).children()
        wait_until(lambda: sidecar.nice() == min(psutil.Process().nice() + 10, 19))
        if (group := Path(f"/proc/{sidecar.pid}/autogroup")).exists() and group.read_text():
            wait_until(lambda: group.read_text().split()[-1] == "10")
        assert sidecar.num_fds() < 24  # the output that it reads and the file that it writes among them
        assert {os.path.realpath(f"/proc/{sidecar.pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
        assert not [connection for connection in sidecar.net_connections() if connection.family != psutil.AF_LINK]
        assert len(sidecars_of(script.pid)) == 1
        (tmp_path / "go").touch()
        script.wait().wait_for_sidecar()


def test_it_holds_no_descriptor_that_training_had_inherited(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    (tmp_path / "script.py").write_text(TRAINING)
    process = subprocess.Popen([sys.executable, "script.py"], pass_fds=[theirs], stdin=subprocess.DEVNULL)
    pipe = Path(f"/proc/self/fd/{theirs}").readlink()
    os.close(theirs)
    try:
        sidecar = wait_until(lambda: sidecars_of(process.pid))[0]
        wait_until(lambda: pipe not in descriptors_of(sidecar))
        sidecar.suspend()  # it lives on while the pipe ends
        process.kill()
        assert os.read(ours, 1) == b""
        sidecar.resume()
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    wait_until(lambda: not sidecars_of(process.pid))


def descriptors_of(process: psutil.Process) -> list[Path]:
    links = []
    for path in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it has just been closed
            links.append(path.readlink())
    return links


def test_a_run_on_which_it_was_busy_is_complete_after_kill_9(tmp_path: Path) -> None:
    with Script(tmp_path, TRAINING) as script:
        wait_until(lambda: "training" in script.printed())
        script.process.kill()
        script.wait().wait_for_sidecar()
    run = recorded(tmp_path)
    assert (run.status, run.error) == ("killed", "killed by SIGKILL")
    assert set(run.environment) >= KINDS - {"git"}
    assert all(artifact.sha256 for artifact in run.artifacts)
    assert json.loads((run.folder / "run.json").read_bytes())["status"] == "killed"


def test_a_script_that_never_trains_leaves_nothing(tmp_path: Path) -> None:
    ended = Script(tmp_path, "import autotrack\nautotrack.autolog(to='runs')\nprint('done')").wait()
    ended.wait_for_sidecar()
    assert ended.said == (0, "done\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["error", "out", "script.py"]


def test_it_is_idle_when_all_runs_have_ended_and_the_script_goes_on(tmp_path: Path) -> None:
    code = TRAINING.replace('print("training"', 'run.finish()\nprint("ended"')
    with Script(tmp_path, code, AUTOTRACK_SYSTEM_SECONDS="0.2") as script:
        sidecar = script.sidecar()
        wait_until(
            lambda: "ended" in script.printed() and all(artifact.sha256 for artifact in recorded(tmp_path).artifacts)
        )
        used, looks = sum(sidecar.cpu_times()[:2]), sidecar.num_ctx_switches().voluntary
        wait_until(lambda: sidecar.num_ctx_switches().voluntary >= looks + 2)  # one look a second
        assert sum(sidecar.cpu_times()[:2]) - used < 0.3
        (tmp_path / "go").touch()
        script.wait().wait_for_sidecar()


def test_standard_streams_that_are_closed_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    (tmp_path / "script.py").write_text(TRAINING)
    done = subprocess.run(["sh", "-c", '"$0" script.py <&- >&- 2>&-', sys.executable], check=False, timeout=300)
    assert done.returncode == 0
    run = recorded(tmp_path)
    assert run.status == "finished"
    assert set(run.environment) >= KINDS - {"git"}
    assert [notice.about for notice in run.notices] == ["output"]  # there is none


# Whatever happens in it, it ends


class Training:
    """A process that is watched, the runs that it records, and a sidecar that runs in the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(["sleep", "60"])
        self.to_sidecar, self.from_sidecar = MessageFile.create("to-sidecar"), MessageFile.create("from-sidecar")
        self.runs: list[Path] = []

    def record(self, name: str, *more: bytes) -> Path:
        folder = self.folder / "runs" / "tests" / name
        started = RunStarted(time=time(), id=name, name=name, experiment="tests", pid=self.process.pid,
                             cwd=str(self.folder))  # fmt: skip
        (folder / "journal").mkdir(parents=True)
        lines = [records.encode(started), *more]
        (folder / "journal" / "main.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        self.to_sidecar.send(Follow(folder=str(folder), system_seconds=0.0))
        return folder

    def end(self) -> None:
        """End the process, and be its sidecar until that ends too."""
        process = os.pidfd_open(self.process.pid)
        sidecar = Sidecar(
            Task(
                pid=self.process.pid, to_sidecar=self.to_sidecar.fd, from_sidecar=self.from_sidecar.fd, process=process
            ),
            Priority(),
            ReadFiles(self.process.pid),
        )
        self.process.kill()
        self.process.wait()
        sidecar.run()
        for fd in (process, self.to_sidecar.fd, self.from_sidecar.fd):
            os.close(fd)


def test_a_capture_that_breaks_off_keeps_it_from_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise PermissionError("no access")

    monkeypatch.setattr("autotrack.sidecar.loop.Captures.take", broken)
    training = Training(tmp_path)
    folder = training.record("one")
    training.end()
    run = autotrack.load(folder)
    assert run.status == "killed"
    assert [notice.message for notice in run.notices] == ["PermissionError: no access"]


def test_a_run_that_cannot_be_read_is_not_the_trouble_of_others(tmp_path: Path) -> None:
    training = Training(tmp_path)
    newer = training.record(
        "newer", b'{"record":"RunStarted","time":1,"id":"1","name":"a","experiment":"b","format":99}'
    )
    other = training.record("other")
    training.end()
    assert (autotrack.load(other).status, autotrack.load(other).notices) == ("killed", [])
    notices = [json.loads(line) for line in (newer / "journal" / "sidecar.jsonl").read_text().splitlines()]
    assert [notice["about"] for notice in notices] == ["sidecar", "sinks"], "each once, though tried every second"
    assert all("has journal format 99" in notice["message"] for notice in notices)


def test_a_run_whose_folder_was_deleted_does_not_hold_it_up(tmp_path: Path) -> None:
    training = Training(tmp_path)
    shutil.rmtree(training.record("gone"))
    other = training.record("other")
    training.end()
    assert autotrack.load(other).status == "killed"


# Thousands of short runs


MANY = """
import sys
import autotrack
for number in range(int(sys.argv[1])):
    with autotrack.start_run(f"run {number}", to="runs", experiment="tests") as run:
        run.log({"loss": 1.0 / (number + 1)})
        print("text of", number)
"""


def test_sigterm_ends_it_at_once_when_training_has_ended_and_sync_completes_the_rest(tmp_path: Path) -> None:
    ended = Script(tmp_path, MANY, "400").wait()
    for sidecar in sidecars_of(ended.pid):
        sidecar.terminate()
    wait_until(lambda: not sidecars_of(ended.pid), seconds=5)
    runs = autotrack.runs(tmp_path / "runs")
    assert (len(runs), {run.status for run in runs}) == (400, {"finished"})
    done = subprocess.run(
        [sys.executable, "-m", "autotrack", "sync", "runs"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("runs/tests/*/run.json"))) == 400


def test_sync_gives_runs_whose_sidecar_was_killed_the_environment_of_others_of_their_process(tmp_path: Path) -> None:
    with Script(tmp_path, f"{WAITING}{MANY}sys.stdout.flush()\nwait_for('go')", "8") as script:
        wait_until(lambda: len(list(tmp_path.glob("runs/tests/*/run.json"))) == 8)
        script.process.kill()
        script.wait().wait_for_sidecar()
    runs = autotrack.runs(tmp_path / "runs")
    lacking = [run.folder for run in runs if run.name in ("run 0", "run 7")]
    for folder in lacking:  # as if the sidecar had been killed before
        (folder / "journal" / "sidecar.jsonl").unlink()
        (folder / "run.json").unlink()
    assert {tuple(autotrack.load(folder).environment) for folder in lacking} == {("process",)}
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "autotrack", "sync", "runs"], cwd=tmp_path, capture_output=True, check=True
        )
    for folder in lacking:
        run = autotrack.load(folder)
        assert set(run.environment) >= KINDS - {"git"}
        assert [notice.about for notice in run.notices] == ["environment"]


def test_it_records_how_runs_ended_before_it_obeys_sigterm(tmp_path: Path) -> None:
    code = f"""{WAITING}
import autotrack
runs = [autotrack.start_run(f"run {{number}}", to="runs", experiment="tests") for number in range(20)]
print("training", flush=True)
wait_for("go")
"""
    with Script(tmp_path, code) as script:
        wait_until(lambda: "training" in script.printed())
        sidecar = script.sidecar()
        sidecar.terminate()  # as long as training goes on, this is not meant for the sidecar
        sidecar.suspend()
        script.process.kill()
        ended = script.wait()
        sidecar.terminate()
        sidecar.resume()
        ended.wait_for_sidecar()
    runs = autotrack.runs(tmp_path / "runs")
    assert [(run.status, run.error) for run in runs] == [("killed", "killed by SIGKILL")] * 20


def test_of_many_short_runs_none_lacks_its_environment_and_few_are_announced(tmp_path: Path) -> None:
    ended = Script(tmp_path, MANY, "60", AUTOTRACK_QUIET="0").wait()
    ended.wait_for_sidecar()
    runs = autotrack.runs(tmp_path / "runs")
    assert all(set(run.environment) >= KINDS - {"git"} for run in runs)
    assert all((run.folder / "output.log").read_text() == f"text of {run.name.split()[1]}\n" for run in runs)
    assert all(run.status == "finished" and not run.notices for run in runs)
    with_own = [run.name for run in runs if (run.folder / "environment").exists()]
    with_events = [run.name for run in runs if list(run.folder.glob("*tfevents*"))]
    assert sorted(with_own) == sorted(with_events) == ["run 0", "run 1", "run 2"]
    assert ended.error.count("started in") == 3
    assert ended.error.rstrip().splitlines()[-1] == "autotrack: … and 57 more runs in runs/tests"


def test_a_run_that_turns_out_not_to_be_short_is_followed_like_any_other(tmp_path: Path) -> None:
    code = MANY + "run = autotrack.start_run('long', to='runs', experiment='tests')\nrun.log({'loss': 0.5})\n"
    with Script(tmp_path, f"{WAITING}{code}wait_for('go')", "4") as script:
        wait_until(lambda: list(tmp_path.glob("runs/tests/*-long/*tfevents*")), seconds=60)
        (long,) = tmp_path.glob("runs/tests/*-long")
        wait_until((long / "environment" / "requirements.txt").exists)
        assert autotrack.load(long).status == "running"
        (tmp_path / "go").touch()
        script.wait().wait_for_sidecar()
    assert autotrack.load(long).status == "finished"
    assert {"environment/packages.json", "environment/requirements.txt"} <= set(autotrack.load(long).environment_files)
    assert not autotrack.load(long).shared_environment
