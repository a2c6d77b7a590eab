"""Every way in which a script can end gives the run its status, and the script its own exit code."""

import ast
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

import autotrack
from autotrack.protocol import Task
from autotrack.sidecar import training_exit
from autotrack.sidecar.training_exit import ExitStatus, TrainingProcess
from tests.support.processes import Script, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="by /proc")

# The same script with and without autotrack.
SCRIPT = """\
import contextlib, ctypes, os, signal, sys, threading, time

run = contextlib.nullcontext()
if len(sys.argv) > 1:
    import autotrack
    run = autotrack.start_run("one", to=sys.argv[1], experiment="tests")
    run.log({"loss": 1.0})

def strike(number):
    os.kill(os.getpid(), number)
    time.sleep(10)

print("training", flush=True)
"""


@dataclass(frozen=True)
class Way:
    """A way to end: the status, and parts of the error and of the traceback it gives; `alone` is without a sidecar."""

    body: str
    status: str
    error: str | None = None
    traceback: str | None = None
    alone: tuple[str, str | None] | None = None


WAYS = {
    "the end": Way("", "finished"),
    "sys.exit(0)": Way("sys.exit(0)", "finished"),
    "sys.exit(1)": Way("sys.exit(1)", "failed", "SystemExit: 1"),
    "sys.exit(1) in a block": Way("with run: sys.exit(1)", "failed", "SystemExit: 1", "with run: sys.exit(1)"),
    "SystemExit": Way("raise SystemExit(7)", "failed", "exit code 7", alone=("finished", None)),
    "SystemExit in a block": Way("with run: raise SystemExit(7)", "failed", "SystemExit: 7", "raise SystemExit(7)"),
    "SystemExit with a text": Way("raise SystemExit('no data')", "failed", "exit code 1", alone=("finished", None)),
    "sys.exit(2), caught": Way(
        "try: sys.exit(2)\nexcept SystemExit: pass", "finished", alone=("failed", "SystemExit: 2")
    ),
    "an exception": Way("1 / 0", "failed", "ZeroDivisionError: division by zero", "1 / 0"),
    "an exception in a block": Way("with run: 1 / 0", "failed", "ZeroDivisionError", "with run: 1 / 0"),
    "an exception, caught outside of the block": Way(
        "try:\n    with run: 1 / 0\nexcept ZeroDivisionError: pass", "failed", "ZeroDivisionError"
    ),
    "an exception in a thread": Way(
        "thread = threading.Thread(target=sys.exit, args=[3])\nthread.start(); thread.join()", "finished"
    ),
    "SIGINT": Way("strike(signal.SIGINT)", "interrupted", "KeyboardInterrupt", "strike(signal.SIGINT)"),
    "SIGINT in a block": Way("with run: strike(signal.SIGINT)", "interrupted", "KeyboardInterrupt", "in strike"),
    "SIGINT by default": Way(
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\nstrike(signal.SIGINT)",
        "interrupted",
        "ended by SIGINT",
        alone=("killed", None),
    ),
    "SIGTERM": Way("strike(signal.SIGTERM)", "killed", "terminated by SIGTERM", "in strike", alone=("killed", None)),
    "SIGTERM in a block": Way(
        "with run: strike(signal.SIGTERM)", "killed", "terminated by SIGTERM", "in strike", alone=("killed", None)
    ),
    "SIGTERM, with a handler that exits": Way(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\nstrike(signal.SIGTERM)", "failed", "SystemExit: 4"
    ),
    "SIGTERM, with a handler that goes on": Way(
        "signal.signal(signal.SIGTERM, lambda *_: print('no'))\nos.kill(os.getpid(), signal.SIGTERM)", "finished"
    ),
    "SIGTERM, ignored": Way(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.kill(os.getpid(), signal.SIGTERM)", "finished"
    ),
    "SIGHUP": Way(
        "strike(signal.SIGHUP)",
        "killed",
        "terminated by SIGHUP: its terminal was closed",
        "in strike",
        alone=("killed", None),
    ),
    "SIGUSR1": Way("strike(signal.SIGUSR1)", "killed", "terminated by SIGUSR1", "in strike", alone=("killed", None)),
    "SIGKILL": Way("strike(signal.SIGKILL)", "killed", "killed by SIGKILL", alone=("killed", None)),
    "SIGKILL in a block": Way(
        "with run: strike(signal.SIGKILL)", "killed", "killed by SIGKILL", alone=("killed", None)
    ),
    "os._exit(0)": Way("os._exit(0)", "finished", alone=("killed", None)),
    "os._exit(3)": Way("os._exit(3)", "failed", "exit code 3", alone=("killed", None)),
    "a segmentation fault": Way(
        "ctypes.string_at(0)", "failed", "crashed: segmentation fault (SIGSEGV)", "string_at", alone=("killed", None)
    ),
    "an abort": Way("os.abort()", "failed", "crashed: abort (SIGABRT)", "in <module>", alone=("killed", None)),
}


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_each_way_to_end_gives_its_status_and_changes_nothing_that_the_script_says(tmp_path: Path, way: Way) -> None:
    code = f"{SCRIPT}{way.body}\n"
    plain = Script(tmp_path / "plain", code)
    beside = Script(tmp_path / "beside", code, "runs", AUTOTRACK_ENVIRONMENT="off")
    alone = Script(tmp_path / "alone", code, "runs", AUTOTRACK_ENVIRONMENT="off", AUTOTRACK_SIDECAR="off")
    as_before, with_sidecar, without = (script.wait() for script in (plain, beside, alone))
    assert with_sidecar.said == as_before.said
    assert without.said == as_before.said
    with_sidecar.wait_for_sidecar()
    recorded = only_run(beside)
    assert (recorded.status, part_of(way.error, recorded.error)) == (way.status, way.error)
    assert (way.traceback or "") in (recorded.traceback or "")
    recorded = only_run(alone)
    status, error = way.alone or (way.status, way.error)
    assert (recorded.status, part_of(error, recorded.error)) == (status, error)


def only_run(script: Script) -> autotrack.RecordedRun:
    (run,) = autotrack.runs(script.folder / "runs")
    assert not run.notices
    return run


def part_of(expected: str | None, text: str | None) -> str | None:
    """What is expected where it is in the text, else all of the text."""
    return expected if expected and expected in (text or "") else text


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
def test_how_training_ended_is_known_while_a_forked_worker_lives_on(tmp_path: Path) -> None:
    code = f"""{SCRIPT}
if os.fork() == 0:
    while not os.path.exists("stop"):
        time.sleep(0.02)
    os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    script = Script(tmp_path / "training", code, "runs", AUTOTRACK_ENVIRONMENT="off")
    try:
        ended = script.wait()
        ended.wait_for_sidecar()
        run = only_run(script)
        assert (ended.exit_code, run.status, run.error) == (-9, "killed", "killed by SIGKILL")
        assert workers_of(script), "it is to live on meanwhile"
    finally:
        (script.folder / "stop").touch()
    wait_until(lambda: not workers_of(script))


def workers_of(script: Script) -> list[psutil.Process]:
    processes = psutil.process_iter(["cwd", "cmdline", "status"])
    in_folder = [process for process in processes if process.info["cwd"] == str(script.folder)]
    return [process for process in in_folder if process.info["status"] != "zombie"]


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
def test_all_runs_that_were_open_end_with_their_process(tmp_path: Path) -> None:
    code = f"{SCRIPT}inner = autotrack.start_run('two', to='runs', experiment='tests')\nstrike(signal.SIGTERM)\n"
    script = Script(tmp_path, code, "runs", AUTOTRACK_ENVIRONMENT="off")
    script.wait().wait_for_sidecar()
    assert {(run.name, run.status, run.error) for run in autotrack.runs("runs")} == {
        ("one", "killed", "terminated by SIGTERM"),
        ("two", "killed", "terminated by SIGTERM"),
    }


# Told from what a process left behind


LEAVING = """import ctypes, os, signal, sys, time
from autotrack.training.observe import signals
print(signals.watch(), flush=True)
def strike(number):
    time.sleep(0.01)
    os.kill(os.getpid(), number)
    time.sleep(30)
while not os.path.exists("go"):
    time.sleep(0.01)
"""


class Left:
    """A process that notes its signals and is watched; its files are opened as a sidecar has them."""

    def __init__(self, folder: Path, body: str) -> None:
        self.script = Script(folder, LEAVING + body)
        wait_until(lambda: self.script.printed().endswith("\n"))
        noted = ast.literal_eval(self.script.printed())
        pid = self.script.pid
        files = {name: os.open(f"/proc/{pid}/fd/{fd}", os.O_RDONLY) for name, fd in noted.items()}
        self.process = TrainingProcess(
            Task(pid=pid, to_sidecar=0, from_sidecar=0, process=os.pidfd_open(pid), signals=files)
        )

    def exit_status(self, environ: Mapping[str, str] | None = None, *, collected: bool) -> ExitStatus:
        """Let it end; `collected`: its parent has asked for its exit status before we look."""
        assert self.process.is_alive()
        (self.script.folder / "go").touch()
        if collected:
            self.script.wait()
        wait_until(lambda: not self.process.is_alive())
        exit_status = self.process.exit_status(environ or {})
        self.script.wait()
        return exit_status


@pytest.fixture
def leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Left]:
    """Start a process on a machine whose kernel does not tell the status of one that was collected."""
    monkeypatch.setattr(training_exit, "_status_by_pidfd", lambda _: None)
    return lambda body: Left(tmp_path, body)


@linux
@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("strike(signal.SIGTERM)", "killed", "terminated by SIGTERM"),
        ("strike(signal.SIGHUP)", "killed", "terminated by SIGHUP: its terminal was closed"),
        ("strike(signal.SIGUSR1)", "killed", "terminated by SIGUSR1"),
        ("ctypes.string_at(0)", "failed", "crashed: Segmentation fault"),
        ("os.abort()", "failed", "crashed: Aborted"),
        ("strike(signal.SIGKILL)", "killed", "the process ended without a word, as after kill -9"),
        ("os._exit(3)", "killed", "the process ended without a word, as after kill -9"),
    ],
)
def test_an_older_kernel_leaves_what_the_process_itself_noted(
    leave: Callable[[str], Left], body: str, status: str, error: str
) -> None:
    ended = leave(body).exit_status(collected=True)
    assert (ended.status, ended.error, ended.is_certain) == (status, error, False)
    assert ("most recent call first" in (ended.traceback or "")) == ("word" not in error)


@linux
@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("os._exit(0)", "finished", None),
        ("os._exit(3)", "failed", "the process ended with exit code 3"),
        ("strike(signal.SIGKILL)", "killed", "killed by SIGKILL"),
        ("strike(signal.SIGRTMIN)", "killed", "terminated by SIGRTMIN"),
        ("strike(40)", "killed", "terminated by signal 40"),
    ],
)
def test_an_older_kernel_tells_as_long_as_nobody_has_collected_the_process(
    leave: Callable[[str], Left], body: str, status: str, error: str | None
) -> None:
    ended = leave(body).exit_status(collected=False)
    assert (ended.status, ended.error) == (status, error)


@linux
@pytest.mark.parametrize(
    ("environ", "who"),
    [
        ({"SLURM_JOB_ID": "8112"}, "SLURM, job 8112, sends it before a preemption"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "Kubernetes sends it before it removes a pod"),
    ],
)
def test_a_scheduler_that_ends_a_process_is_named(
    leave: Callable[[str], Left], environ: dict[str, str], who: str
) -> None:
    ended = leave("strike(signal.SIGTERM)").exit_status(environ, collected=True)
    assert (ended.error or "").startswith(f"terminated by SIGTERM: {who}")


@linux
def test_a_kill_that_the_kernel_counted_was_for_want_of_memory(
    leave: Callable[[str], Left], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"in this container": 2, "on this host": 5}
    monkeypatch.setattr(training_exit, "_oom_kills", lambda: dict(counts))
    left = leave("strike(signal.SIGKILL)")
    left.process.memory_bytes = 7_940_000_000
    counts["on this host"] += 1
    ended = left.exit_status(collected=False)
    assert ended.error == (
        "killed by SIGKILL: probably out of memory, because the kernel has just counted such a kill on this host; "
        "it last used 7.9 GB"
    )
