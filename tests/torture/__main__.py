"""Tries everything that autotrack promises to survive, and prints one table: what was tried, and what was lost.

python -m tests.torture --times 200 --only kills disks

It takes over an hour. Small versions of all of it are among the normal tests.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support.disks import small_disk
from tests.support.servers import mlflow_server
from tests.torture import clocks, crowds, disks, fuzz, kills, servers, short_runs
from tests.torture.acknowledged import Tried, all_lost

NAMES = ("kills", "disks", "clocks", "crowds", "short_runs", "servers", "fuzz")


def tried(name: str, folder: Path, times: int) -> Iterator[Tried]:  # noqa: C901  one case a kind of harm
    """Try one kind of harm so many times, or a number that fits it."""
    match name:
        case "kills":
            yield kills.kill_training(folder, times)
            yield kills.kill_sidecar(folder, times)
            yield kills.kill_both(folder, times)
        case "disks":
            few = max(times // 10, 1)
            if os.geteuid() == 0:
                with small_disk(folder / "disk") as disk:
                    yield disks.fill(disk, few)
                    yield disks.fill_every(disk, few)
            if disks.can_forbid(folder):
                yield disks.forbid(folder, few)
            yield disks.slow_down(folder, few)
            yield disks.vanish(folder, few)
        case "clocks":
            yield clocks.jump(folder, max(times // 10, 1))
        case "crowds":
            yield crowds.crowd(folder, 64, 16)
        case "short_runs":
            for estimator in short_runs.ESTIMATORS:
                place = folder / estimator
                place.mkdir()
                result = short_runs.run(place, 50 * times, estimator, descriptors=256)
                yield Tried(f"short runs: {estimator}", result.fits, str(dict(result.lost)) if result.lost else "")
        case "servers":
            with mlflow_server(folder / "server") as server:
                refused = list(servers.try_all(list(servers.KINDS), servers.STATUSES, server, folder))
            yield Tried("servers that refuse, then do not", len(refused), all_lost([one.lost for one in refused]))
        case "fuzz":
            damaged = fuzz.run(folder, range(15 * times))
            yield Tried("damaged run folders", damaged.cases, all_lost([str(fault) for fault in damaged.faults]))


def main() -> int:
    """Print the table; returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200, help="how many random moments to try")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    arguments = parser.parse_args()
    os.environ.setdefault("AUTOTRACK_QUIET", "1")
    table = Table("what was tried", "times", "what was lost")
    lost = False
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_STATE_HOME"] = f"{folder}/state"
            for result in tried(name, Path(folder), arguments.times):
                print(*result.row, sep="  ", flush=True)
                table.add_row(*result.row)
                lost |= bool(result.lost)
    Console().print(table)
    return int(lost)


if __name__ == "__main__":
    sys.exit(main())
