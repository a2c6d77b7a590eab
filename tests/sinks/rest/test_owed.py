"""What a server has not taken stays owed, whatever refused it, and arrives when it is not refused any more."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from autotrack.journal.records import Artifact, Params, RunFinished
from autotrack.sinks.owed import owed_by_server
from autotrack.sinks.rest import RestSink, batches, cursor, patience
from autotrack.sinks.shipment import Shipment
from tests.sinks.rest.test_outages import recorded
from tests.sinks.rest.test_sink import START, losses, read, steps_of
from tests.sinks.rest.test_sink import recorded as by_hand
from tests.support.chaos_proxy import ChaosProxy
from tests.support.processes import wait_until
from tests.support.server_reader import ServerReader, check_arrived
from tests.support.servers import Server

Failing = Callable[..., ChaosProxy]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(patience, "_LONGEST_PAUSE_SECONDS", 0.1)


def send(folder: Path, url: str, *, seconds: float | None = None) -> list[str]:
    """Send all that the server lacks; return what broke that off, or what is owed."""
    said = list[str]()
    sink = RestSink(url, patience=seconds, on_problem=said.append)
    with closing(sink):
        Shipment(folder, sink, on_problem=said.append).carry(flush=True)
    return [*said, *sink.owed.sentences()]


@contextmanager
def no_writes(server: Server, *tables: str) -> Iterator[None]:
    """Have the server's database take nothing into some tables."""
    with closing(sqlite3.connect(server.log.parent / "mlflow.db", timeout=60)) as database:
        for table in tables:
            for change in ("INSERT", "UPDATE"):
                database.execute(
                    f"CREATE TRIGGER no_{change}_{table} BEFORE {change} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'the disk of the database is full'); END"
                )
        database.commit()
        try:
            yield
        finally:
            for table in tables:
                for change in ("INSERT", "UPDATE"):
                    database.execute(f"DROP TRIGGER no_{change}_{table}")
            database.commit()


def test_a_database_that_takes_no_points_for_a_while_costs_none_and_holds_nothing_else_up(
    server: Server, experiment: str, store: Path
) -> None:
    folder = recorded(store, experiment)
    with no_writes(server, "metrics"):
        (said,) = send(folder, server.url)
        assert said.startswith("84 points (loss at step 0, accuracy at step 0 and 82 more): refused runs/log-batch (")
        assert "the disk of the database is full" in said
        run = read(server, experiment)
        assert (run.params["optimizer"], run.tags["why"], run.status) == ("adam", "paper", "FINISHED")
    assert send(folder, server.url) == []
    assert owed_by_server(folder) == {}
    check_arrived(server.url, experiment, folder)


@pytest.mark.slow
def test_a_database_that_takes_nothing_at_all_is_waited_for_while_training_goes_on(
    server: Server, experiment: str, store: Path, failing: Failing
) -> None:
    folder, proxy, said = recorded(store, experiment), failing(), list[str]()
    sink = RestSink(proxy.url, stop=threading.Event(), on_problem=said.append)
    shipment = Shipment(folder, sink, on_problem=said.append)
    sending = threading.Thread(target=lambda: shipment.carry(flush=True))
    with closing(sqlite3.connect(server.log.parent / "mlflow.db", timeout=60)) as database:
        database.execute("BEGIN IMMEDIATE")  # others may read; what they write fails after some seconds
        sending.start()
        wait_until(lambda: len(proxy.requests_to("experiments/create")) > 2)
        database.rollback()
    sending.join()
    shipment.close()
    assert shipment.fault is None
    assert owed_by_server(folder) == {}
    check_arrived(server.url, experiment, folder)


def test_one_point_that_is_never_taken_costs_one_request_more_and_nothing_else(
    server: Server, experiment: str, tmp_path: Path, failing: Failing
) -> None:
    proxy = failing()
    proxy.refuses = lambda _, path, body: 400 if path.endswith("/log-batch") and b'"step":7}' in body else None
    by_hand(tmp_path, experiment, *losses(range(200)), RunFinished(time=START + 300, status="finished"))
    for _ in range(3):
        (said,) = send(tmp_path, proxy.url)
        assert said.startswith("point loss at step 7: refused runs/log-batch (400")
        assert steps_of(read(server, experiment)) == [step for step in range(200) if step != 7]
        before = len(proxy.seen)
    (said,) = send(tmp_path, proxy.url)
    assert len(proxy.seen) - before < 15
    proxy.refuses = lambda *_: None
    assert send(tmp_path, proxy.url) == []
    assert steps_of(read(server, experiment)) == list(range(200))


def test_of_more_refused_points_than_can_be_kept_all_arrive_too(
    server: Server, experiment: str, tmp_path: Path, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursor, "_MOST_POINTS", 5)
    monkeypatch.setattr(batches, "_MOST_SINGLED_OUT", 10)
    proxy = failing()
    proxy.refuses = lambda _, path, body: 413 if path.endswith("/log-batch") and b'"metrics"' in body else None
    by_hand(tmp_path, experiment, *losses(range(50)), Params(time=START, values={"lr": 0.1}))
    (said,) = send(tmp_path, proxy.url)
    assert said.startswith("6 points (loss at step 0, loss at step 1 and 4 more): refused"), "and all others as one"
    assert read(server, experiment).params == {"lr": "0.1"}
    proxy.refuses = lambda *_: None
    assert send(tmp_path, proxy.url) == []
    assert steps_of(read(server, experiment)) == list(range(50))


def test_requests_become_as_small_as_a_proxy_wants_them_and_stay_so(
    server: Server, experiment: str, tmp_path: Path, failing: Failing
) -> None:
    proxy = failing()
    proxy.refuses = lambda _, path, body: 413 if path.endswith("/log-batch") and len(body) > 30_000 else None
    by_hand(tmp_path, experiment, *losses(range(4000)))
    assert send(tmp_path, proxy.url) == []
    sizes = [len(one.body) for one in proxy.requests_to("runs/log-batch")]
    assert sum(size > 30_000 for size in sizes) < 20
    assert steps_of(read(server, experiment)) == list(range(4000))


def test_a_file_that_fails_again_and_again_does_not_keep_others_back_for_ever(
    server: Server, experiment: str, tmp_path: Path, failing: Failing
) -> None:
    names = [f"{number}.bin" for number in range(6)]
    (tmp_path / "artifacts").mkdir()
    for name in names:
        (tmp_path / "artifacts" / name).write_text(name)
    artifacts = [Artifact(time=START, path=f"artifacts/{name}", kind="output", bytes=5) for name in names]
    by_hand(tmp_path, experiment, *artifacts, RunFinished(time=START + 9, status="finished"))
    proxy = failing()
    proxy.refuses = lambda method, path, _: (
        403 if method == "PUT" and path[-5:] in ("0.bin", "1.bin", "2.bin") else None
    )
    (said,) = send(tmp_path, proxy.url)
    assert said.startswith("6 files (")
    assert "does not allow this (403" in said
    (said,) = send(tmp_path, proxy.url)
    reader = ServerReader(server.url)
    assert set(reader.files(reader.run(experiment))) >= {f"artifacts/{name}" for name in names[3:]}
    assert said.startswith("3 files (")
