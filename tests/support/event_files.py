"""Runs written down as records, shipped to TensorBoard's files, and read back by TensorBoard itself."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]  # it has no types
    EventAccumulator,
)

from autotrack.journal import records
from autotrack.journal.records import AnyRecord, Metrics, RunStarted
from autotrack.sinks.shipment import Shipment
from autotrack.sinks.tensorboard import TensorBoardSink

BEGAN = 1_790_000_000.0
_EVERYTHING = dict.fromkeys(("scalars", "tensors", "images", "histograms", "compressedHistograms", "audio"), 0)
_ALL_STATUSES = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]


def started(**about: Any) -> RunStarted:
    """The first record of a run."""
    return RunStarted(**{"time": BEGAN, "id": "1", "name": "brave-otter", "experiment": "digits", **about})


def metrics(step: int | None, at: float | None = None, stage: str | None = None, **values: Any) -> Metrics:
    """Some metrics, one second a step after the start."""
    return Metrics(time=BEGAN + 1 + (step or 0) if at is None else at, values=values, step=step, stage=stage)


def write(folder: Path, *found: AnyRecord, journal: str = "main") -> Path:
    """Append records to a journal of a run."""
    path = folder / "journal" / f"{journal}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(records.encode(record) + b"\n" for record in found)
    return folder


def open_shipment(folder: Path) -> Shipment:
    """Return the shipment that carries a run to its event files, as beside training."""
    return Shipment(folder, TensorBoardSink(), on_problem=_fail)


def ship(folder: Path) -> Path:
    """Bring the event files of a run up to date."""
    shipment = open_shipment(folder)
    shipment.carry(flush=True)
    shipment.close()
    return folder


def event_files(folder: Path) -> list[Path]:
    """The event files of a run and its trials; one that was replaced is empty until the run is opened again."""
    return sorted(path for path in folder.rglob("*tfevents*") if path.is_file() and path.stat().st_size)


def loaded(folder: Path) -> Any:
    """Everything in the event files of one folder, as TensorBoard's Python reader finds it."""
    return EventAccumulator(str(folder), size_guidance=_EVERYTHING).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The steps and values of every scalar."""
    found = loaded(folder)
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def texts(folder: Path) -> dict[str, str]:
    """The latest text of every tag."""
    found = loaded(folder)
    latest = {tag: found.Tensors(tag)[-1].tensor_proto.string_val for tag in found.Tags()["tensors"]}
    return {tag: values[0].decode() for tag, values in latest.items() if values}


class TensorBoardPages:
    """A running TensorBoard, and the requests that its pages send."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str, ask: Any = None, **query: str) -> Any:
        """Return its answer, decoded from JSON."""
        url = f"{self._address}data/plugin/{path}{'?' if query else ''}{urlencode(query)}"
        body = None if ask is None else json.dumps(ask).encode()
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: bytes = answer.read()
        return content if answer.headers["Content-Type"].startswith("image/") else json.loads(content)

    def scalars(self, run: str, tag: str) -> list[tuple[float, int, float]]:
        """The wall times, steps and values of one scalar."""
        return [(point[0], point[1], point[2]) for point in self.get("scalars/scalars", run=run, tag=tag)]

    def columns(self) -> tuple[set[str], set[str]]:
        """The names of the params and metrics that the HParams page has columns for."""
        found = self.get("hparams/experiment", {"experimentName": ""})
        return {one["name"] for one in found["hparamInfos"]}, {one["name"]["tag"] for one in found["metricInfos"]}

    def sessions(self) -> dict[str, Any]:
        """The groups of rows of the HParams page, each under the names of its rows."""
        asked = {"experimentName": "", "allowedStatuses": _ALL_STATUSES, "colParams": [], "sliceSize": 1000}
        groups = self.get("hparams/session_groups", {**asked, "startIndex": 0})["sessionGroups"]
        return {" ".join(one["name"] for one in group["sessions"]): group for group in groups}


@contextmanager
def tensorboard_pages(store: Path, *, fast: bool, expects: str = "nothing") -> Iterator[TensorBoardPages]:
    """Run TensorBoard on a store with one of its two readers. It may only print warnings that match `expects`."""
    log = store.parent / f"tensorboard-{fast}.log"
    options = (
        f"--port 0 --reload_interval 1 --samples_per_plugin scalars=10000,text=100 --load_fast {str(fast).lower()}"
    )
    with log.open("wb") as output:
        command = [sys.executable, "-W", "ignore", "-m", "tensorboard.main", "--logdir", str(store), *options.split()]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = until(lambda: re.search(r"http://localhost:\d+/", log.read_text()))
        yield TensorBoardPages(address[0])
    finally:
        process.terminate()
        process.wait(30)
    said = [line for line in log.read_text().splitlines() if re.search(r"WARN|ERROR|Error|Traceback|[WE]\d{4} ", line)]
    assert [line for line in said if not re.search(expects, line)] == []


def until(condition: Callable[[], Any], *, seconds: float = 200) -> Any:
    """Return the first value of `condition` that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"nothing came within {seconds} seconds")


def _fail(said: str) -> NoReturn:
    raise AssertionError(said)
