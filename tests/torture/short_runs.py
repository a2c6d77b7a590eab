"""Thousands of short fits in one process: what that costs, and whether anything is lost.

python -m tests.torture.short_runs --fits 10000 --descriptors 256 --estimator LinearDiscriminantAnalysis
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import psutil

import autotrack
from tests.support.processes import sidecars_of

SCRIPT = """
    import sys, time
    import numpy as np
    import autotrack
    autotrack.autolog(to=sys.argv[1], experiment="torture")
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import SGDClassifier

    features = np.random.default_rng(0).normal(size=(50, 4))
    target = (features[:, 0] > 0).astype(int)
    estimator, count = sys.argv[2], int(sys.argv[3])
    if estimator == "partial_fit":
        models = [SGDClassifier() for _ in range(count)]
        for model in 2 * models:
            model.partial_fit(features, target, classes=[0, 1])
    else:
        for _ in range(count):
            globals()[estimator]().fit(features, target)
    print(time.monotonic())
"""
ESTIMATORS = ("DummyClassifier", "LinearDiscriminantAnalysis", "partial_fit")
_KINDS = {"hardware", "packages", "process", "source"}
_GIVEN_UP_SECONDS = 300.0


@dataclass
class Result:
    """What became of the fits of one process.

    Attributes:
        fit_seconds: From the start of the process to the end of the last fit.
        exit_seconds: From there to the end of the process.
        sidecar_seconds: From there to the end of its sidecar.
        sidecar_cpu_seconds: How long the sidecar has computed, which other processes do not prolong.
        sidecar_mb: The most memory that the sidecar took, in the first half of the time and in all of it.
        lost: What is not as it should be, and how often.
        bytes_a_run: The content of the files of a run, shared files among them.
        disk_bytes_a_run: The same in blocks of the disk, with the folders.
    """

    fits: int
    fit_seconds: float = 0.0
    exit_seconds: float = 0.0
    sidecar_seconds: float = 0.0
    sidecar_cpu_seconds: float = 0.0
    sidecar_mb: tuple[float, float] = (0.0, 0.0)
    lines: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    bytes_a_run: float = 0.0
    disk_bytes_a_run: float = 0.0

    def __str__(self) -> str:
        lost = ", ".join(f"{count} {what}" for what, count in self.lost.items()) or "nothing"
        return (
            f"{self.fits:,} fits in {self.fit_seconds:.1f} s; exit {self.exit_seconds:.2f} s after the last; "
            f"sidecar gone {self.sidecar_seconds:.1f} s later, after {self.sidecar_cpu_seconds:.1f} s of work with "
            f"{self.sidecar_mb[0]:.0f} MB, in the end {self.sidecar_mb[1]:.0f} MB; "
            f"{self.lines} lines on the terminal; "
            f"{self.bytes_a_run / 1e3:.1f} kB a run ({self.disk_bytes_a_run / 1e3:.1f} kB in blocks of the disk); "
            f"lost: {lost}"
        )


def run(folder: Path, fits: int, estimator: str = "DummyClassifier", *, descriptors: int | None = None) -> Result:
    """Fit that often in a process of its own that may open so many files, and look at what is recorded."""
    result, store = Result(fits), folder / "runs"
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    limited = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh"] if descriptors else []
    began = monotonic()
    with (folder / "out").open("w+") as out, (folder / "error").open("w+") as error:
        command = [*limited, sys.executable, str(script), str(store), estimator, str(fits)]
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=error)
        watch = _Watch(process.pid)
        while process.poll() is None:
            watch.look()
            sleep(0.1)
        if process.returncode:
            raise RuntimeError((folder / "error").read_text()[-2000:])
        exited = monotonic()
        while watch.look() and monotonic() - exited < _GIVEN_UP_SECONDS:
            sleep(0.1)
    ended = monotonic()
    fitted = float((folder / "out").read_text())
    result.fit_seconds, result.exit_seconds, result.sidecar_seconds = fitted - began, exited - fitted, ended - exited
    half = len(watch.megabytes) // 2
    result.sidecar_mb = max(watch.megabytes[:half], default=0.0), max(watch.megabytes, default=0.0)
    result.sidecar_cpu_seconds = watch.cpu_seconds
    result.lines = len((folder / "error").read_text().splitlines())
    _look(store, result)
    return result


class _Watch:
    """Looks at the sidecar of a process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._sidecar: psutil.Process | None = None
        self.megabytes: list[float] = []
        self.cpu_seconds = 0.0

    def look(self) -> bool:
        """Note what it takes; return whether it is there."""
        if self._sidecar is None:
            self._sidecar = next(iter(sidecars_of(self._pid)), None)
        if self._sidecar is None:
            return False
        try:
            self.megabytes.append(self._sidecar.memory_info().rss / 1e6)
            self.cpu_seconds = sum(self._sidecar.cpu_times()[:2])
        except psutil.NoSuchProcess:
            return False
        return self._sidecar.is_running()


def _look(store: Path, result: Result) -> None:
    """Read all runs, and count what they lack."""
    folders = list((store / "torture").glob("2*"))
    result.lost["runs"] += result.fits - len(folders)
    for folder in folders:
        summary = autotrack.load(folder)
        result.lost["summaries"] += not (folder / "run.json").exists()
        result.lost["ends"] += summary.status != "finished"
        result.lost["environments"] += bool(_KINDS - set(summary.environment))
        result.lost["results"] += "partial_fit_seconds" not in summary.metrics and "fit_seconds" not in summary.metrics
        result.lost["checksums"] += not all(artifact.sha256 for artifact in summary.artifacts)
        for notice in summary.notices:
            # Of more than a thousand open runs, some say that they keep no output. On a busy machine, to write a model
            # may take longer than to fit it, which is more than a run may take.
            if notice.about in {"output", "model"}:
                continue
            result.lost[f"notices ({notice.about}: {notice.message[:80]})"] += 1
    result.lost = +result.lost
    status = [path.lstat() for path in store.rglob("*")]
    seen = {(each.st_dev, each.st_ino): each for each in status}.values()
    files = [each for each in seen if not each.st_mode & 0o040000]
    result.bytes_a_run = sum(each.st_size for each in files) / result.fits
    result.disk_bytes_a_run = sum(each.st_blocks for each in seen) * 512 / result.fits


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=2000)
    parser.add_argument("--descriptors", type=int)
    parser.add_argument("--estimator", choices=ESTIMATORS, default="DummyClassifier")
    arguments = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if arguments.descriptors is None else arguments.descriptors
    print(f"{arguments.fits:,} fits of {arguments.estimator} in a process that may open {limit} files", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(run(Path(folder), arguments.fits, arguments.estimator, descriptors=arguments.descriptors))


if __name__ == "__main__":
    main()
