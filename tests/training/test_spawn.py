"""A sidecar can be started from any process, finds what it needs there, and is known to live or to be gone."""

import os
import sys
from pathlib import Path

import pytest

import autotrack
from autotrack.protocol import Hello, ShutdownDone
from autotrack.training import spawn
from tests.sidecar.test_loop import TRAINING, WAITING
from tests.support.processes import Script, sidecars_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("everything")]


@pytest.mark.parametrize(
    ("attribute", "value"), [("sys.executable", ""), ("sys.executable", None), ("sys.frozen", True)]
)
def test_a_process_without_an_interpreter_to_start_says_so(
    monkeypatch: pytest.MonkeyPatch, attribute: str, value: object
) -> None:
    monkeypatch.setattr(attribute, value, raising=False)
    with pytest.raises(OSError, match="no Python interpreter"):
        spawn.spawn()


def test_a_process_that_cannot_be_started_leaves_no_descriptor_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "posix_spawn", refuse)
    with pytest.raises(BlockingIOError):
        spawn.spawn()


def test_its_descriptors_are_inherited_by_it_alone(tmp_path: Path) -> None:
    ended = Script(tmp_path, f"""{WAITING}
import subprocess
from autotrack.training import spawn
spawned = spawn.spawn()
ours = [spawned.to_sidecar.fd, spawned.from_sidecar.fd, spawned.wakeup.fd, spawned.pulse]
assert not any(os.get_inheritable(fd) for fd in ours)
there = "import os; print(sorted(os.listdir('/dev/fd')))"
print(subprocess.run([sys.executable, "-c", there], close_fds=False, capture_output=True, text=True).stdout)
while not spawned.from_sidecar.receive():
    time.sleep(0.01)
assert spawned.is_alive()
""").wait()  # fmt: skip
    assert (ended.exit_code, ended.out, ended.error) == (0, "['0', '1', '2', '3']\n\n", "")
    ended.wait_for_sidecar()


def test_it_says_hello_and_done_and_lives_until_the_process_ends(tmp_path: Path) -> None:
    code = f"""{WAITING}
from autotrack.training import spawn
from autotrack.protocol import Shutdown
spawned = spawn.spawn()
spawned.to_sidecar.send(Shutdown())
spawned.wakeup.wake()
said = []
while len(said) < 2:
    said += spawned.from_sidecar.receive()
print([type(message).__name__ for message in said], said[0].pid, flush=True)
wait_for("go")
assert spawned.is_alive()
"""
    with Script(tmp_path, code) as script:
        sidecar = script.sidecar()
        wait_until(lambda: script.printed().endswith("\n"))
        assert script.printed() == f"{[Hello.__name__, ShutdownDone.__name__]} {sidecar.pid}\n"
        (tmp_path / "go").touch()
        ended = script.wait()
    assert (ended.exit_code, ended.error) == (0, "")
    ended.wait_for_sidecar()


@pytest.mark.skipif(sys.platform != "linux", reason="by prctl")
def test_one_that_died_is_gone_though_nobody_buries_it(tmp_path: Path) -> None:
    """As in a container, where the training process may be the first one and orphans become its children."""
    adopt = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER\n"
    with Script(tmp_path, adopt + TRAINING, AUTOTRACK_EXIT_TIMEOUT="600") as script:
        script.sidecar().kill()
        wait_until(lambda: not sidecars_of(script.pid))
        (tmp_path / "go").touch()
        ended = script.wait()
    assert ended.exit_code == 0
    assert "ended unexpectedly" in ended.error
    (run,) = autotrack.runs("runs")
    assert run.environment["hardware"]


def test_files_beside_the_script_do_not_take_the_place_of_what_it_needs(tmp_path: Path) -> None:
    for name in ("psutil", "git", "queue"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('mine, and not to be run')\n")
    (tmp_path / "go").touch()
    ended = Script(tmp_path, TRAINING).wait()
    assert ended.said == (0, "training\n", "")
    ended.wait_for_sidecar()
    (run,) = autotrack.runs("runs")
    assert run.environment["hardware"]
    assert not run.notices


def test_it_finds_autotrack_where_the_script_found_it(tmp_path: Path) -> None:
    """Also where only the script knows of the place, as after `sys.path.insert`."""
    home = str(Path(autotrack.__file__).parent.parent)
    libraries = [path for path in sys.path if path and path != home]
    (tmp_path / "go").touch()
    lines = f"import sys\nsys.path.remove({home!r}) if {home!r} in sys.path else None\nsys.path.append({home!r})\n"
    ended = Script(tmp_path, lines + TRAINING, PYTHONPATH=os.pathsep.join(libraries)).wait()
    assert ended.said == (0, "training\n", "")
    ended.wait_for_sidecar()
    (run,) = autotrack.runs("runs")
    assert run.environment["hardware"]
