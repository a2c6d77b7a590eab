"""Points per second into a tracking server: autotrack, MLflow's own client, and raw requests, in one run."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, time
from typing import Any

import requests

import autotrack
from autotrack.sinks.shipment import Shipment
from tests.benchmarks import peers, tables

ROUNDS = 3
A_REQUEST = 1000
"""Most points that the protocol takes in one request."""

_CONNECTIONS = 4


@dataclass(frozen=True)
class Way:
    """One way to send `points` points of one run: it is given the server's URL, their number and a folder."""

    name: str
    send: Callable[[str, int, Path], None]
    points: int


def measure(folder: Path, *, quick: bool = False) -> str:
    """Start a server, send in each way by turns, and return the tables."""
    if not peers.is_installed("mlflow"):
        return "### Points per second into a tracking server\n\nmlflow is not installed here: this part is left out."
    from tests.support.servers import mlflow_server

    divisor = 10 if quick else 1
    seconds: dict[Way, list[float]] = {way: [] for way in WAYS}
    with mlflow_server(folder / "server") as server:
        for number in range(1 if quick else ROUNDS):
            for way in WAYS:
                place = folder / f"{number}-{WAYS.index(way)}"
                place.mkdir()
                began = perf_counter()
                way.send(server.url, way.points // divisor, place)
                seconds[way].append((perf_counter() - began) / (way.points // divisor))
    rates = {way: 1 / tables.median(each) for way, each in seconds.items()}
    ceiling = rates[WAYS[0]]
    rows = [[way.name, f"{rate:,.0f}", f"{rate / ceiling:.0%}"] for way, rate in rates.items()]
    share = rates[OURS] / ceiling
    return "\n\n".join(
        [
            "### Points per second into a tracking server (MLflow on SQLite, one worker)",
            tables.table(["sent by", "points a second", "of the ceiling"], rows),
            tables.goal("Goal: at least 80 % of the server's ceiling", f"{share:.0%}", met=share >= 0.8),
        ]
    )


def _raw(url: str, points: int, _: Path) -> None:
    """Full requests over four connections: what the server itself can do."""
    run = _new_run(url)
    bodies = [
        json.dumps({"run_id": run, "metrics": _points(begin, min(A_REQUEST, points - begin))}).encode()
        for begin in range(0, points, A_REQUEST)
    ]

    def send(mine: list[bytes]) -> None:
        with requests.Session() as session:
            for body in mine:
                answer = session.post(
                    f"{url}/api/2.0/mlflow/runs/log-batch", data=body, headers={"Content-Type": "application/json"}
                )
                answer.raise_for_status()

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(send, [bodies[start::_CONNECTIONS] for start in range(_CONNECTIONS)]))


def _ours(url: str, points: int, folder: Path) -> None:
    """A backlog, as `autotrack sync` finds it: from the journal to the server's acknowledgement of all."""
    from autotrack.sinks.rest import RestSink

    with autotrack.start_run(to=folder / "runs", experiment="benchmark") as run:
        for step in range(points // 5):
            run.log({f"metric_{number}": step + number for number in range(5)}, step=step)
    troubles: list[str] = []
    shipment = Shipment(run.folder, RestSink(url), on_problem=troubles.append)
    shipment.carry(flush=True)
    shipment.close()
    assert not troubles, troubles


def _log_metric(url: str, points: int, _: Path) -> None:
    client, run = _client(url)
    for step in range(points):
        client.log_metric(run, "metric", step, step=step)


def _log_metric_async(url: str, points: int, _: Path) -> None:
    client, run = _client(url)
    for waiting in [client.log_metric(run, "metric", step, step=step, synchronous=False) for step in range(points)]:
        waiting.wait()


def _log_batch(url: str, points: int, _: Path) -> None:
    client, run = _client(url)
    for batch in _batches(points):
        client.log_batch(run, batch)


def _log_batch_async(url: str, points: int, _: Path) -> None:
    client, run = _client(url)
    for waiting in [client.log_batch(run, batch, synchronous=False) for batch in _batches(points)]:
        waiting.wait()


def _batches(points: int) -> list[list[Any]]:
    from mlflow.entities import Metric

    now = int(time() * 1000)
    return [
        [Metric("metric", step, now, step) for step in range(begin, min(begin + A_REQUEST, points))]
        for begin in range(0, points, A_REQUEST)
    ]


def _client(url: str) -> tuple[Any, str]:
    from mlflow import MlflowClient

    client = MlflowClient(url)
    return client, _new_run(url)


def _new_run(url: str) -> str:
    body = {"experiment_id": "0", "start_time": int(time() * 1000), "run_name": "benchmark"}
    answer = requests.post(f"{url}/api/2.0/mlflow/runs/create", json=body, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["run"]["info"]["run_id"])


def _points(begin: int, count: int) -> list[dict[str, Any]]:
    now = int(time() * 1000)
    return [{"key": "metric", "value": step, "timestamp": now, "step": step} for step in range(begin, begin + count)]


OURS = Way("autotrack, a backlog", _ours, 40_000)
WAYS = [
    Way("raw requests of 1000, four connections", _raw, 40_000),
    OURS,
    Way("MLflow `log_batch` of 1000, asynchronous", _log_batch_async, 20_000),
    Way("MLflow `log_batch` of 1000", _log_batch, 20_000),
    Way("MLflow `log_metric`, asynchronous", _log_metric_async, 500),
    Way("MLflow `log_metric`", _log_metric, 100),
]
