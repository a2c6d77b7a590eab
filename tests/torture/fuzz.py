"""Damaged stores: whatever is in the folder of a run, no command crashes, hangs, or leaves the store.

python -m tests.torture.fuzz --cases 3000
"""

import argparse
import faulthandler
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.support.canned_server import CannedServer, canned_server
from tests.support.damage import Damage
from tests.torture.stores import TakesAll, make_store
from tests.torture.uses import uses

CANARY = "-".join(["canary", "of", "the", "reader", "7f3e"])  # in pieces: the patch of a run may have this file
"""What lies outside of the store, and must not be found anywhere else."""

SECONDS = 5.0
"""How long one command may compute. It may take longer where other programs keep the machine busy."""

_TIMES_BUSY = 12

_PLOTS_EVERY = 8
"""Drawing plots takes longer than everything else, so only every eighth store has any."""


class Hang(BaseException):
    """A command took too long. No handler of exceptions may swallow it."""


@dataclass
class Result:
    """What became of some damaged stores; `faults` are the cases that went wrong, with what was done to them."""

    cases: int = 0
    slowest_seconds: float = 0.0
    slowest: str = ""
    faults: list[str] = field(default_factory=list)


class Fuzz:
    """Damages copies of a store in `folder`, and uses each of them."""

    def __init__(self, folder: Path, server: CannedServer, *, seconds: float = SECONDS) -> None:
        self._folder, self._server, self._seconds = folder, server, seconds
        self._model = folder / "model" / "runs"
        self._outside = folder / "outside"
        (self._outside / "folder").mkdir(parents=True)
        for name in ("secret", "folder/secret", "picture.png"):
            (self._outside / name).write_text(CANARY)
        (self._outside / "main.jsonl").write_text(f"{CANARY}\nhalf a line {CANARY}")
        self._model.parent.mkdir(exist_ok=True)
        make_store(self._model)
        self._untouched = _digest(self._outside)
        self.result = Result()

    def run(self, seed: int) -> None:
        """Damage a copy of the store with this seed, and use it in every way."""
        store = self._folder / "store" / "runs"
        shutil.rmtree(store.parent, ignore_errors=True)
        without = () if seed % _PLOTS_EVERY == 0 else ("*-plotted",)
        shutil.copytree(self._model, store, ignore=shutil.ignore_patterns(*without))
        damage = Damage(store, self._outside, seed)
        damage.hurt(1 + seed % 4)
        self.result.cases += 1
        self._server.asked.clear()
        for name, use in uses(store, self._folder, self._server.url).items():
            began = monotonic()
            try:
                with _limit(self._seconds):
                    said = use() or ""
            except Hang:
                self._fault(seed, damage, f"{name} took more than {self._seconds} s\n{traceback.format_exc()}")
            except Exception:  # noqa: BLE001  whatever it is, it is what is looked for
                self._fault(seed, damage, f"{name} raised\n{traceback.format_exc()}")
            else:
                if CANARY in said:
                    self._fault(seed, damage, f"{name} printed what lies outside")
            if monotonic() - began > self.result.slowest_seconds:
                self.result.slowest_seconds, self.result.slowest = monotonic() - began, f"{name} {seed} {damage.done}"
        self._check_outside(seed, damage, store)

    def _check_outside(self, seed: int, damage: Damage, store: Path) -> None:
        if _digest(self._outside) != self._untouched:
            self._fault(seed, damage, "something outside of the store has changed")
            shutil.rmtree(self._outside)
        for request in list(self._server.asked):
            if CANARY.encode() in request.body or CANARY in request.path:
                self._fault(seed, damage, f"sent what lies outside: {request.method} {request.path}")
        for path in store.rglob("*"):
            if path.is_file() and not path.is_symlink() and CANARY.encode() in path.read_bytes():
                self._fault(seed, damage, f"what lies outside is in {path}")

    def _fault(self, seed: int, damage: Damage, what: str) -> None:
        self.result.faults.append(f"seed {seed}, after {damage.done}: {what}")


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    clocks = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, _TIMES_BUSY * seconds),  # it waits for something
    )
    before = [signal.signal(number, stop) for number, _, _ in clocks]
    for _, timer, limit in clocks:
        signal.setitimer(timer, limit)
    faulthandler.dump_traceback_later(4 * _TIMES_BUSY * seconds, exit=True)  # what no signal interrupts
    try:
        yield
    finally:
        for _, timer, _ in clocks:
            signal.setitimer(timer, 0)
        faulthandler.cancel_dump_traceback_later()
        for (number, _, _), handler in zip(clocks, before, strict=True):
            signal.signal(number, handler)


def _digest(folder: Path) -> str:
    """Return what tells whether anything in a folder has changed: names, kinds, contents, times of changes."""
    entries = [
        (str(path.relative_to(folder)), path.lstat().st_mode, path.lstat().st_mtime_ns, path.lstat().st_nlink,
         path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    ]  # fmt: skip
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def run(
    folder: Path, seeds: range, *, seconds: float = SECONDS, watch: Callable[[int, Result], None] | None = None
) -> Result:
    """Damage a store once for each seed."""
    with canned_server(kind=TakesAll) as server:
        fuzz = Fuzz(folder, server, seconds=seconds)
        for seed in seeds:
            fuzz.run(seed)
            if watch is not None:
                watch(seed, fuzz.result)
    return fuzz.result


def main() -> None:
    """Print what was tried, and what went wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long one command may take")
    given = parser.parse_args()
    os.environ.setdefault("AUTOTRACK_QUIET", "1")

    def watch(seed: int, result: Result) -> None:
        while result.faults:
            print(result.faults.pop(0), flush=True)
            counts.append(seed)
        if result.cases % 100 == 0:
            print(f"{result.cases} cases, {len(counts)} faults", flush=True)

    counts: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), range(given.first, given.first + given.cases), seconds=given.seconds, watch=watch)
    print(json.dumps({"cases": result.cases, "faults": len(counts), "seeds": sorted(set(counts))[:100],
                      "slowest_seconds": round(result.slowest_seconds, 2), "slowest": result.slowest}))  # fmt: skip
    sys.exit(bool(counts))


if __name__ == "__main__":
    main()
