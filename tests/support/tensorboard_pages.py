"""TensorBoard as its pages see it, and the processes that it consists of."""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psutil

import autotrack
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import View
from autotrack.readers.tensorboard.server import TensorBoardServer

POINTS = 1500  # more than TensorBoard keeps by default


def record(store: Path, name: str, *, experiment: str = "digits", loss: float = 0.5, points: int = 1) -> Path:
    with autotrack.start_run(name, to=store, experiment=experiment) as run:
        for step in range(points):
            run.log({"loss": loss}, step=step)
    return run.folder


def show(view: View, **options: Any) -> TensorBoardServer:
    """Start TensorBoard on runs whose event files are up to date."""
    troubles: list[str] = []
    bring_up_to_date(view.runs, on_problem=troubles.append)
    assert troubles == []
    return TensorBoardServer(view, **options)


def ask(address: str, path: str, **parameters: str) -> Any:
    """Ask TensorBoard's HTTP API, without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}data/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 404:  # it has not been loaded yet
            raise
        return []


def runs_in(address: str) -> set[str]:
    return set(ask(address, "runs"))


def points(address: str, run: str) -> list[list[float]]:
    return list(ask(address, "plugin/scalars/scalars", run=run, tag="metrics/loss"))


def processes_of(server: psutil.Process) -> list[psutil.Process]:
    return [server, *server.children(recursive=True)]


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
