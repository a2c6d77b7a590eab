"""Whatever network, server and machine do: no point is missing at the end, none is double, and there is one run."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

import autotrack
from autotrack.sinks.rest import RestSink
from autotrack.sinks.shipment import Shipment
from tests.support.chaos_proxy import ChaosProxy, Fault, Plan, always, at_random, calm, in_order
from tests.support.processes import wait_until
from tests.support.server_reader import ServerReader, check_arrived
from tests.support.servers import ADMIN, Server

Failing = Callable[..., ChaosProxy]
Sync = Callable[..., None]

PARAMS = {"lr": 0.1, "layers": [64, 10], "optimizer": "adam"}


def recorded(store: Path, experiment: str, *, steps: int = 40) -> Path:
    """Record a whole run with a bit of everything; return its folder."""
    with autotrack.start_run("one", to=store, experiment=experiment, params=PARAMS, tags={"why": "paper"}) as run:
        for step in range(steps):
            log_step(run, step)
        add_weights(run)
    return run.folder


def log_step(run: autotrack.Run, step: int) -> None:
    run.log({"loss": 1 / (step + 1), "accuracy": step / 100}, step=step)
    if step % 10 == 9:
        run.log({"val_loss": float("nan") if step == 19 else step / 7}, step=step, stage="validate")


def add_weights(run: autotrack.Run) -> None:
    source = run.folder.parent / "weights.bin"
    source.write_bytes(bytes(range(256)) * 40)
    run.log_artifact(source)


def send(folder: Path, url: str, *, patience: float | None = None, stop: threading.Event | None = None) -> list[str]:
    """Send all that the server lacks; return what went wrong."""
    said = list[str]()
    sink = RestSink(url, stop=stop, patience=patience, on_problem=said.append)
    with closing(sink):
        Shipment(folder, sink, on_problem=said.append).carry(flush=True)
    return said


# One kind of failure at a time


@pytest.mark.parametrize("fault", Fault)
def test_requests_may_fail_in_any_one_way(
    fault: Fault, server: Server, failing: Failing, experiment: str, store: Path
) -> None:
    proxy = failing(at_random(0.4, seed=5, faults=(fault,)))
    folder = recorded(store, experiment)
    assert send(folder, proxy.url) == []
    assert proxy.did[fault] > 3
    check_arrived(server.url, experiment, folder)


def test_the_answer_to_any_request_may_be_lost(server: Server, failing: Failing, experiment: str, store: Path) -> None:
    proxy = failing()
    for lost in count():
        name = f"{experiment}-{lost}"
        folder = recorded(store, name, steps=12)
        proxy.plan = in_order(*[None] * lost, Fault.DROP_AFTER)
        assert send(folder, proxy.url) == []
        check_arrived(server.url, name, folder)
        if proxy.did[Fault.DROP_AFTER] == lost:
            assert lost > 5, "a run takes more requests than that"
            return


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
def test_a_sender_that_ends_at_any_request_is_carried_on_by_the_next_one(
    fault: Fault, server: Server, failing: Failing, experiment: str, store: Path
) -> None:
    proxy = failing()
    for ends_at in count():
        name = f"{experiment}-{ends_at}"
        folder = recorded(store, name, steps=12)
        stop = threading.Event()
        proxy.plan = ending_at(ends_at, fault, stop)
        said = send(folder, proxy.url, stop=stop)
        proxy.plan = calm
        assert send(folder, proxy.url) == []
        check_arrived(server.url, name, folder)
        if not stop.is_set():
            assert ends_at > 5, "a run takes more requests than that"
            return
        assert said


def ending_at(last: int, fault: Fault, stop: threading.Event) -> Plan:
    """Have the sender stop with this request."""

    def fate(number: int) -> Fault | None:
        if number == last:
            stop.set()
        return fault if number >= last else None

    return fate


def test_of_two_that_send_the_same_run_at_once_one_leaves_it_to_the_other(
    server: Server, experiment: str, store: Path
) -> None:
    folder = recorded(store, experiment)
    with ThreadPoolExecutor(2) as senders:
        said = sorted(senders.map(lambda _: send(folder, server.url), range(2)))
    check_arrived(server.url, experiment, folder)
    assert said[0] == []
    assert all("another process is sending this run" in one for one in said[1])


# The server is away for a while


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_is_sent_a_run_has_all_of_it_once_it_is_back(
    server: Server, failing: Failing, experiment: str, store: Path
) -> None:
    folder = recorded(store, experiment, steps=3000)

    def kill_at(number: int) -> None:
        if number == 6:
            server.kill()

    proxy = failing(kill_at)
    with ThreadPoolExecutor(1) as sender:
        sent = sender.submit(send, folder, proxy.url)
        wait_until(lambda: not server.is_running)
        server.restart()
        said = sent.result(timeout=300)
    assert all("still trying" in one for one in said)
    check_arrived(server.url, experiment, folder)


def test_what_a_server_missed_altogether_arrives_with_the_next_sync_and_once(
    server: Server, failing: Failing, experiment: str, store: Path, sync: Sync
) -> None:
    proxy = failing(always(Fault.DROP_BEFORE))
    folder = recorded(store, experiment)
    (said,) = send(folder, proxy.url, patience=0.5)
    assert f"{proxy.url} did not answer" in said
    reader = ServerReader(server.url)
    assert reader.runs(experiment) == []
    proxy.plan = calm
    sync(store, url=proxy.url)
    first = check_arrived(server.url, experiment, folder)
    files = reader.files(first)
    before = len(proxy.seen)
    sync(store, url=proxy.url)
    sync(store, url=proxy.url)
    assert reader.run(experiment) == first
    assert reader.files(first) == files
    written = [one.path for one in proxy.seen[before:] if one.method != "GET" and not one.path.endswith("search")]
    assert written == []


@pytest.mark.slow
def test_a_server_that_does_not_let_us_in_gets_everything_once_it_does(
    guarded_server: Server, experiment: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = recorded(store, experiment)
    (said,) = send(folder, guarded_server.url)
    assert "401" in said
    assert "MLFLOW_TRACKING_USERNAME" in said
    user, password = ADMIN
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    assert send(folder, guarded_server.url) == []
    check_arrived(guarded_server.url, experiment, folder, auth=ADMIN)


# All at once


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seed"), [("server", 1), ("team_server", 2)])
def test_random_failures_over_many_requests_with_senders_that_vanish(
    kind: str, seed: int, failing: Failing, experiment: str, store: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(kind).url
    fates, stop, said = at_random(0.3, seed=seed), threading.Event(), list[str]()

    def fate(number: int) -> Fault | None:
        if number % 41 == 40:
            stop.set()
        return fates(number)

    proxy = failing(fate, url=url)
    with autotrack.start_run("one", to=store, experiment=experiment, params=PARAMS, tags={"why": "paper"}) as run:
        steps = list(range(120))
        while steps:
            stop.clear()
            sink = RestSink(proxy.url, stop=stop, on_problem=said.append)
            shipment = Shipment(run.folder, sink, on_problem=said.append)
            with closing(sink):
                while steps and not stop.is_set():
                    log_step(run, steps.pop(0))
                    shipment.carry(flush=True)
        add_weights(run)
    proxy.plan = at_random(0.3, seed=seed + 100)
    assert send(run.folder, proxy.url) == []
    assert not [one for one in said if "stop" not in one]
    assert len(proxy.seen) > 120
    assert set(proxy.did) == {None, *Fault}
    check_arrived(url, experiment, run.folder)
