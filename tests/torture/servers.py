"""Servers that refuse in every way, and then stop refusing: what is owed meanwhile, and whether it all arrives.

python -m tests.torture.servers --statuses 400 413 500 --kinds files points
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import autotrack
from autotrack.sidecar.sync import Outcome, RunSync
from autotrack.sinks.owed import owed_by_server
from tests.support.chaos_proxy import ChaosProxy, Refusals, chaos_proxy
from tests.support.server_reader import ServerReader, check_arrived
from tests.support.servers import Server, mlflow_server

STATUSES = (400, 401, 403, 404, 405, 409, 411, 413, 414, 415, 422, 500, 502, 503, 504)
"""All but 429, which only asks for patience."""

_LARGE_BYTES = 1500
_QUICK = {
    "AUTOTRACK_QUIET": "1",
    "AUTOTRACK_SIDECAR": "off",
    "AUTOTRACK_ENVIRONMENT": "off",
    "AUTOTRACK_OUTPUT": "off",
}
"""What is captured of this machine is the same for all."""


def _is_file(method: str, path: str) -> bool:
    return method == "PUT" and "/mlflow-artifacts/" in path


KINDS: dict[str, Callable[[str, str, bytes], bool]] = {
    "files": lambda method, path, _: _is_file(method, path),
    "one file": lambda method, path, _: _is_file(method, path) and path.endswith("/weights-1.bin"),
    "points": lambda _, path, body: path.endswith("/log-batch") and b'"metrics"' in body,
    "one point": lambda _, path, body: path.endswith("/log-batch") and b'"step":13' in body,
    "large requests": lambda _, path, body: path.endswith("/log-batch") and len(body) > _LARGE_BYTES,
    "params": lambda _, path, body: path.endswith("/log-batch") and b'"params"' in body,
    "one tag": lambda _, path, body: path.endswith("/log-batch") and b'"why"' in body,
    "data sets": lambda _, path, __: path.endswith("/log-inputs"),
    "trials": lambda _, path, body: path.endswith("/runs/create") and b"candidate" in body,
    "the end": lambda _, path, __: path.endswith("/runs/update"),
    "every write": lambda method, path, _: method != "GET" and not path.endswith("/search"),
    "everything": lambda *_: True,
}
"""Which requests are refused: by their method, path and body."""


@dataclass(frozen=True)
class Tried:
    """What came of one way to refuse.

    Attributes:
        kind: What was refused.
        status: The HTTP status.
        seconds: How long it took until the refusals were accepted as such.
        said: What was then said to be owed.
        lost: What was not as it should be in the end; empty if nothing was.
    """

    kind: str
    status: int
    seconds: float
    said: list[str]
    lost: str

    def __str__(self) -> str:
        result = f"LOST: {self.lost}" if self.lost else "nothing lost"
        said = self.said[0][:90] if self.said else ""
        return f"{self.kind:15} {self.status}  {self.seconds:5.1f} s  {result:14} {said}"


def record(store: Path, experiment: str) -> Path:
    """Record a run that has something of each kind."""
    with autotrack.start_run("torture", to=store, experiment=experiment, tags={"why": "paper"}) as run:
        run.log_params({"lr": 0.1, "layers": 2})
        for step in range(40):
            run.log({"loss": 1 / (step + 1)}, step=step)
        run.log_dataset("train", [[1.0, 2.0], [3.0, 4.0]])
        run.log_trial(0, {"lr": 0.1}, {"score": 0.5})
        run.log_text("note", "what it is about")
        for number in range(5):
            weights = store / f"weights-{number}.bin"
            weights.write_bytes(bytes([number]) * 1000)
            run.log_artifact(weights)
    return run.folder


def try_refusing(kind: str, status: int, proxy: ChaosProxy, server: Server, store: Path) -> Tried:
    """Sync a run to a server that refuses, and again when it does not refuse any more."""
    experiment = f"{kind} {status}".replace(" ", "-")
    folder, applies, refused = record(store, experiment), KINDS[kind], list[str]()

    def refuse(method: str, path: str, body: bytes) -> int | None:
        if not applies(method, path, body):
            return None
        refused.append(path)
        return status

    began = monotonic()
    first = _sync(folder, proxy, refuse)
    seconds, said = monotonic() - began, _sentences(first)
    may_be_done = not refused or kind == "large requests"  # which became smaller
    problems = [f"it was done though {len(refused)} were refused"] if first.is_done and not may_be_done else []
    problems += ["nothing is said"] if not first.is_done and not said else []
    has_part = bool(ServerReader(server.url).runs(experiment))
    problems += ["nothing is remembered"] if not first.is_done and has_part and not owed_by_server(folder) else []
    second = _sync(folder, proxy, lambda *_: None)
    problems += [] if second.is_done else [f"it is still owed: {_sentences(second)}"]
    try:
        check_arrived(server.url, experiment, folder)
        assert len(ServerReader(server.url).runs(experiment)) == 2, "the trial is a run of its own"
    except AssertionError as fault:
        problems.append(f"what arrived differs: {str(fault)[:300]}")
    return Tried(kind, status, seconds, said, "; ".join(problems))


def _sync(folder: Path, proxy: ChaosProxy, refuses: Refusals) -> Outcome:
    proxy.refuses = refuses
    return RunSync([proxy.url], on_problem=lambda *_: None).sync(folder)


def _sentences(outcome: Outcome) -> list[str]:
    owed = [sentence for one in outcome.owed.values() for sentence in one.sentences()]
    return owed or [fault for fault in outcome.sent.values() if fault]


def try_all(kinds: Sequence[str], statuses: Sequence[int], server: Server, store: Path) -> Iterator[Tried]:
    """Try each kind with each status."""
    with chaos_proxy(server.url) as proxy:
        for kind in kinds:
            for status in statuses:
                yield try_refusing(kind, status, proxy, server, store)


def main() -> None:
    """Print what was tried and what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statuses", type=int, nargs="+", default=STATUSES)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    arguments = parser.parse_args()
    os.environ.update(_QUICK)
    lost = 0
    with tempfile.TemporaryDirectory() as folder, mlflow_server(Path(folder, "server")) as server:
        store = Path(folder, "runs")
        store.mkdir()
        for tried in try_all(arguments.kinds, arguments.statuses, server, store):
            print(tried, flush=True)
            lost += bool(tried.lost)
    print(f"{len(arguments.kinds) * len(arguments.statuses)} ways to refuse, lost in {lost} of them")


if __name__ == "__main__":
    main()
