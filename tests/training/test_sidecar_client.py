"""Training tells its sidecar of every run, waits no longer than it must, and goes on without one."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest

import autotrack
from autotrack.journal.records import Notice
from autotrack.journal.standing import Comparison
from autotrack.journal.summary import Summary
from autotrack.protocol import AnyMessage, Compared, Follow, Hello, Progress, Say, ShutdownDone
from autotrack.training import sidecar_process
from autotrack.training.sidecar_process import SidecarProcess
from autotrack.training.terminal import Waiting
from tests.sidecar.test_loop import KINDS, TRAINING, WAITING
from tests.support.processes import Ended, Script, sidecars_of, wait_until

slow = pytest.mark.slow
real = pytest.mark.usefixtures("everything")


@pytest.fixture(autouse=True)
def _without_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def all_of(folder: Path) -> dict[str, autotrack.RecordedRun]:
    return {run.name: run for run in autotrack.runs(folder / "runs")}


def is_complete(run: autotrack.RecordedRun) -> bool:
    checked = all(artifact.sha256 for artifact in run.artifacts)
    return run.status == "finished" and checked and set(run.environment) >= KINDS - {"git"}


def of_the_sidecar(run: autotrack.RecordedRun) -> list[Notice]:
    return [notice for notice in run.notices if notice.about == "sidecar"]


# Several runs of one process


@slow
@real
def test_it_looks_after_every_run_of_its_process(tmp_path: Path) -> None:
    ended = Script(tmp_path, """
        import autotrack
        from autotrack.training.start import resume_run

        def start(name):
            run = autotrack.start_run(name, to="runs", experiment="tests")
            run.log({"loss": 0.5}, step=0)
            return run

        with start("outer"), start("inner"):
            pass
        with start("next") as run:
            pass
        again = resume_run(run.folder)
        again.log({"loss": 0.4}, step=1)
        again.finish()
        last = start("left open")
        """).wait()  # fmt: skip
    ended.wait_for_sidecar()
    runs = all_of(tmp_path)
    assert set(runs) == {"outer", "inner", "next", "left open"}
    for run in runs.values():
        assert is_complete(run)
        assert not run.notices
    assert runs["inner"].parent == runs["outer"].id
    assert runs["next"].metrics["loss"].count == 2
    assert "since" in runs["next"].texts["changes"].lower()


@slow
@real
def test_a_process_made_by_a_recording_one_starts_no_sidecar_by_autolog(tmp_path: Path) -> None:
    ended = Script(
        tmp_path,
        f"""{WAITING}
import multiprocessing, os
import autotrack
from autotrack.training import sidecar_client

def work(name):
    autotrack.autolog(to="runs", experiment="tests")
    open(name, "w").write(str(sidecar_client._client._sidecar))

if __name__ == "__main__":
    autotrack.autolog(to="runs", experiment="tests")
    run = autotrack.start_run("one")
    for method in ("fork", "spawn"):
        child = multiprocessing.get_context(method).Process(target=work, args=[method])
        child.start()
        child.join()
    if not os.fork():
        work("os.fork")
        os._exit(0)
    os.wait()
""",
    ).wait()
    assert ended.said == (0, "", "")
    for name in ("fork", "spawn", "os.fork"):
        assert (tmp_path / name).read_text() == "None"
    ended.wait_for_sidecar()
    assert is_complete(all_of(tmp_path)["one"])


# Without it


LOSING = f"""{TRAINING}
run.log({{"loss": 0.4}})
"""


def check_that_it_did_without(ended: Ended, folder: Path, reason: str) -> None:
    run = all_of(folder)["one"]
    assert ended.error.count("AutotrackWarning") == 1
    assert reason in ended.error
    assert [reason in notice.message for notice in of_the_sidecar(run)] == [True]
    assert is_complete(run)
    assert run.metrics["loss"].count == 2
    assert (run.folder / "run.json").exists()


@slow
@real
@pytest.mark.parametrize("ending", ["", "run.finish()", "with run: pass"])
def test_training_goes_on_when_it_is_killed_and_the_run_is_complete(tmp_path: Path, ending: str) -> None:
    with Script(tmp_path, f"{LOSING}\n{ending}") as script:
        script.sidecar().kill()
        wait_until(lambda: not sidecars_of(script.pid))
        (tmp_path / "go").touch()
        ended = script.wait()
    assert (ended.exit_code, ended.out) == (0, "training\n")
    check_that_it_did_without(ended, tmp_path, "the process beside training ended unexpectedly")


@slow
@real
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("sys.executable = '/nonexistent'", "the process beside training did not start"),
        ("sys.executable = ''", "there is no Python interpreter that could be started"),
        ("os.posix_spawn = refuse", "Cannot allocate memory"),
        ("os.memfd_create = refuse", "Cannot allocate memory"),
    ],
)
def test_one_that_cannot_start_delays_nothing_and_is_done_without(tmp_path: Path, trouble: str, reason: str) -> None:
    refuse = "import os, sys, errno\ndef refuse(*_, **__): raise OSError(errno.ENOMEM, 'Cannot allocate memory')\n"
    (tmp_path / "go").touch()
    ended = Script(tmp_path, f"{refuse}{trouble}\n{LOSING}", AUTOTRACK_EXIT_TIMEOUT="600").wait()
    assert (ended.exit_code, ended.out) == (0, "training\n")
    check_that_it_did_without(ended, tmp_path, reason)


@slow
@real
@pytest.mark.parametrize("end", ["raise KeyboardInterrupt", "sys.exit(3)"])
def test_losing_it_leaves_the_exit_code_alone(tmp_path: Path, end: str) -> None:
    lost, plain = f"{LOSING}\n{end}", f"{WAITING}\nprint('training', flush=True)\nwait_for('go')\n{end}"
    expected = Script(tmp_path / "plain", plain)
    with Script(tmp_path / "lost", lost) as script:
        script.sidecar().kill()
        wait_until(lambda: not sidecars_of(script.pid))
        for folder in ("plain", "lost"):
            (tmp_path / folder / "go").touch()
        assert script.wait().exit_code == expected.wait().exit_code


@slow
@real
def test_without_one_on_purpose_everything_is_captured_when_the_run_ends(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    ended = Script(tmp_path, f"{LOSING}\nrun.finish()", AUTOTRACK_SIDECAR="off").wait()
    assert ended.said == (0, "training\n", "")
    run = all_of(tmp_path)["one"]
    assert is_complete(run)
    assert not run.notices
    assert run.system, "one sample of the load"


# At the end of the process


HANGING = """#!/bin/sh
while [ ! -e {0} ] && [ -d {0}.d ]; do sleep 0.05; done
exit 1
"""


@slow
@real
def test_the_end_waits_no_longer_than_the_exit_timeout_and_says_what_goes_on(tmp_path: Path) -> None:
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(HANGING.format(tmp_path / "stop"))
    git.chmod(0o755)
    (tmp_path / ".git").mkdir()
    (tmp_path / "stop.d").mkdir()
    (tmp_path / "go").touch()
    path = f"{git.parent}:{os.environ['PATH']}"
    with Script(tmp_path, TRAINING, PATH=path, AUTOTRACK_EXIT_TIMEOUT="0.5", GIT_CEILING_DIRECTORIES="") as script:
        begun = monotonic()
        ended = script.wait()
        assert 0.5 < monotonic() - begun < 10
        assert ended.exit_code == 0
        assert re.fullmatch(
            r"autotrack: still (starting [a-z ]+|capturing [a-z ]+); if that is cut off, run: autotrack sync\n",
            ended.error,
        )
        assert sidecars_of(script.pid)
        (tmp_path / "stop").touch()
        ended.wait_for_sidecar()
    assert is_complete(all_of(tmp_path)["one"])


class StandIn:
    """A sidecar with a script: one list of messages each time it is listened to."""

    def __init__(self, *script: Sequence[AnyMessage], alive: bool = True) -> None:
        self.script = list(script)
        self.alive = alive
        self.from_sidecar = self

    def is_alive(self) -> bool:
        return self.alive or bool(self.script)

    def receive(self) -> Sequence[AnyMessage]:
        return self.script.pop(0) if self.script else []


def beside(*script: Sequence[AnyMessage], alive: bool = True) -> SidecarProcess:
    """Make a sidecar of which only the conversation is real."""
    return SidecarProcess(cast("Any", StandIn(*script, alive=alive)), secrets={})


def progress(doing: str, *, urgent: bool) -> Progress:
    return Progress(doing=doing, urgent=urgent)


def test_the_end_waits_until_all_is_done() -> None:
    capturing = [progress("capturing the environment", urgent=True)]
    sidecar = beside([Hello(pid=1)], capturing, [], [], [ShutdownDone()], [progress("never read", urgent=False)])
    assert sidecar.wait_for_shutdown(30.0, Waiting(30.0))
    assert sidecar.is_done
    assert sidecar.progress == capturing[0]


@pytest.mark.alone
@pytest.mark.parametrize(
    "is_to_be_said", [True, False], ids=["of which something is to be said", "of which nobody hears"]
)
def test_what_is_not_urgent_is_hardly_waited_for(*, is_to_be_said: bool) -> None:
    sidecar = beside([progress("computing checksums", urgent=False)])
    if is_to_be_said:
        sidecar._reports.await_summary("folder", lambda *_: None)
    begun = monotonic()
    assert sidecar.wait_for_shutdown(30.0, Waiting(30.0))
    assert not sidecar.is_done
    seconds = sidecar_process._NOT_URGENT_SECONDS if is_to_be_said else sidecar_process._UNSEEN_SECONDS
    assert monotonic() - begun == pytest.approx(seconds, abs=0.2)


@pytest.mark.alone
def test_what_is_urgent_is_waited_for_until_the_exit_timeout() -> None:
    sidecar = beside([progress("capturing the environment", urgent=True)])
    begun = monotonic()
    assert sidecar.wait_for_shutdown(0.4, Waiting(0.4))
    assert monotonic() - begun == pytest.approx(0.4, abs=0.2)


def test_one_that_dies_at_the_end_is_noticed_at_once() -> None:
    assert not beside([Hello(pid=1)], alive=False).wait_for_shutdown(30.0, Waiting(30.0))


def test_a_change_that_it_found_is_said_while_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    sidecar = beside([Say(line="autotrack: since b (last run): params (lr 0.1 → 0.2)")])
    sidecar.listen()
    assert capsys.readouterr().err == "autotrack: since b (last run): params (lr 0.1 → 0.2)\n"


def test_what_a_run_begins_with_is_said_at_its_start_and_waits_for_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotrack.training.terminal._FIRST_SECONDS", 0.0)
    early = Comparison("since b (last run): nothing changed; since c", at_start="run a: since c (best): lr 1 → 2")
    sidecar = beside([Compared(folder="a", comparison=early, is_preliminary=True)], [])
    monkeypatch.setattr(sidecar, "send", lambda *_, **__: None)
    sidecar.follow(Follow(folder="a"))
    for _ in range(2):
        sidecar.listen()
    assert capsys.readouterr().err == "autotrack: run a: since c (best): lr 1 → 2\n"
    sidecar._reports.await_summary("a", lambda *_: None)
    sidecar._reports.refreshed("a", Summary)
    sidecar._reports.say()
    assert sidecar._reports.are_awaited(), "its end is said with the whole comparison"


def test_it_is_only_told_the_secrets_that_are_not_in_its_environment() -> None:
    sidecar = SidecarProcess(cast("Any", StandIn()), secrets={"A_TOKEN": "one", "B_TOKEN": "two"})
    assert sidecar.secrets_it_lacks({"A_TOKEN": "one", "B_TOKEN": "new", "C_TOKEN": "three"}) == {
        "B_TOKEN": "new",
        "C_TOKEN": "three",
    }
