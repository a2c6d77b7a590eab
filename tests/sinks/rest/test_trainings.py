"""Real training processes, each with its sidecar, and servers that are there, fail, stall, die or are away."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

import autotrack
from autotrack.sinks.owed import owed_by_server
from tests.support.chaos_proxy import ChaosProxy, at_random
from tests.support.processes import Ended, Script, wait_until
from tests.support.server_reader import ServerReader, check_arrived, recorded_points
from tests.support.servers import Server, free_port

pytestmark = pytest.mark.slow

Failing = Callable[..., ChaosProxy]
Sync = Callable[..., None]

SECONDS_AT_EXIT = 3
"""How long the training processes of these tests may wait at their end for a server that does not answer."""

SLACK_SECONDS = 15
"""What a busy machine may add; a request that is waited for takes a minute."""

TRAINING = """
import os, sys, time, autotrack

url, experiment, steps, pause, until = sys.argv[1:]
places = ["runs", url] if url else ["runs"]
params, tags = {"lr": 0.1, "optimizer": "adam"}, {"why": "paper"}
with autotrack.start_run("one", to=places, experiment=experiment, params=params, tags=tags) as run:
    weight = 1.0
    for step in range(int(steps)):
        weight -= 0.01 * weight
        run.log({"loss": weight}, step=step)
        time.sleep(float(pause))
    while until and not os.path.exists(until):
        time.sleep(0.01)
    run.log({"loss": 0.0}, step=int(steps))
    with open("weights.bin", "wb") as file:
        file.write(bytes(range(256)) * 40)
    run.log_artifact("weights.bin")
print(weight)
sys.exit(3)
"""


def training(
    folder: Path, url: str, experiment: str, *, steps: int = 300, pause: float = 0.0, until: str = ""
) -> Script:
    """Start a training; it ends when there is a file `until`."""
    environ = {"AUTOTRACK_SIDECAR": "on", "AUTOTRACK_EXIT_TIMEOUT": str(SECONDS_AT_EXIT)}
    return Script(folder, TRAINING, url, experiment, str(steps), str(pause), until, **environ)


def run_folder(folder: Path) -> Path:
    (run,) = autotrack.runs(folder / "runs")
    return run.folder


def ended(script: Script) -> tuple[Ended, float]:
    """Wait for a training; return how it ended, and the seconds that took."""
    began = monotonic()
    return script.wait(), monotonic() - began


@pytest.mark.alone
def test_training_is_the_same_with_a_server_that_fails_stalls_or_is_away(
    server: Server, failing: Failing, experiment: str, tmp_path: Path, sync: Sync
) -> None:
    without, seconds = ended(training(tmp_path / "without", "", experiment))
    assert without.exit_code == 3

    def check_same(name: str, url: str) -> Ended:
        script, took = ended(training(tmp_path / name, url, f"{experiment}-{name}"))
        assert (script.exit_code, script.out) == (without.exit_code, without.out)
        assert took < seconds + SECONDS_AT_EXIT + SLACK_SECONDS
        return script

    scripts = {
        "failing": check_same("failing", failing(at_random(0.5, seed=3)).url),
        "away": check_same("away", f"http://127.0.0.1:{free_port()}"),
    }
    with server.stalled():
        scripts["stalled"] = check_same("stalled", server.url)
    for name, script in scripts.items():
        script.wait_for_sidecar()
        sync(tmp_path / name / "runs", url=server.url)
        check_arrived(server.url, f"{experiment}-{name}", run_folder(tmp_path / name))


def test_a_server_that_is_killed_and_restarted_during_training_has_all_of_it_once(
    server: Server, failing: Failing, experiment: str, tmp_path: Path, sync: Sync
) -> None:
    proxy = failing()
    with training(tmp_path, proxy.url, experiment, until="go") as script:
        wait_until(lambda: proxy.requests_to("runs/log-batch"))
        server.kill()
        server.restart()
        (tmp_path / "go").touch()
        done = script.wait()
    assert done.exit_code == 3
    done.wait_for_sidecar()
    sync(tmp_path / "runs", url=proxy.url)  # it may have been at the end of its patience
    check_arrived(server.url, experiment, run_folder(tmp_path))


@pytest.mark.parametrize("at", ["experiments/create", "runs/create", "runs/log-batch"])
def test_a_killed_sidecar_loses_and_doubles_nothing(
    at: str, server: Server, failing: Failing, experiment: str, tmp_path: Path, sync: Sync
) -> None:
    proxy = failing(at_random(0.3, seed=4))
    with training(tmp_path, proxy.url, experiment, steps=400, pause=0.01) as script:
        sidecar = script.sidecar()
        wait_until(lambda: proxy.requests_to(at))
        sidecar.kill()
        assert script.wait().exit_code == 3
    sync(tmp_path / "runs", url=proxy.url)
    check_arrived(server.url, experiment, run_folder(tmp_path))


def test_24_trainings_at_once_into_one_server_lose_nothing(
    server: Server, experiment: str, tmp_path: Path, sync: Sync
) -> None:
    with ExitStack() as running:
        scripts = [
            running.enter_context(training(tmp_path / str(number), server.url, experiment)) for number in range(24)
        ]
        for script in scripts:
            script.process.wait(timeout=250)  # they are many, and share the processors
            done = script.wait()
            assert done.exit_code == 3
            done.wait_for_sidecar()
    folders = [run_folder(script.folder) for script in scripts]
    sync(*folders, url=server.url)
    found = ServerReader(server.url).runs(experiment)
    assert sorted(str(run.points) for run in found) == sorted(str(recorded_points(folder)) for folder in folders)
    assert {run.status for run in found} == {"FINISHED"}


@pytest.mark.parametrize("status", [401, 413, 500])
def test_a_server_that_refuses_for_good_ends_the_sidecar_and_all_arrives_once_it_does_not(
    status: int, failing: Failing, server: Server, experiment: str, tmp_path: Path, sync: Sync
) -> None:
    proxy = failing()
    proxy.refuses = lambda method, path, _: status if method == "PUT" or path.endswith("log-batch") else None
    with training(tmp_path, proxy.url, experiment) as script:
        done = script.wait()
    assert done.exit_code == 3
    done.wait_for_sidecar()
    folder = run_folder(tmp_path)
    assert owed_by_server(folder)
    notices = [notice.message for notice in autotrack.load(folder).notices if notice.about == "remote"]
    assert notices
    assert len(notices) < 8, "one for each reason"
    proxy.refuses = lambda *_: None
    sync(tmp_path / "runs", url=proxy.url)
    assert owed_by_server(folder) == {}
    check_arrived(server.url, experiment, folder)
