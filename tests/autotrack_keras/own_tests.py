"""Runs Keras's own tests, which come with the package, without autolog and with it: each ends the same.

python -m tests.autotrack_keras.own_tests [folder or file below keras/src ...]      the list below by default
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import keras

SOURCE = Path(keras.__file__).parent / "src"

PARTS = ("callbacks", "trainers", "models", "optimizers", "saving", "wrappers")
"""What trains, and what is called in a training."""

SAMPLE = (
    "callbacks/early_stopping_test.py",
    "callbacks/callback_test.py",
    "callbacks/terminate_on_nan_test.py",
    "callbacks/csv_logger_test.py",
)
"""What runs in a few seconds; tests/autotrack_keras/test_keras_own_tests.py runs these."""

PLUGIN = """
import autotrack

autotrack.autolog(to="runs", log_every_n_steps=1)
"""


def outcomes(parts: Sequence[str], folder: Path, *, autolog: bool) -> list[str]:
    """Run tests of Keras in a process; return a line for each that says how it ended."""
    (folder / "with_autolog.py").write_text(PLUGIN, encoding="utf-8")
    tests = [str(SOURCE / part) for part in parts if (SOURCE / part).exists()]
    if not tests:
        return []
    command = [
        *(sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", "--continue-on-collection-errors"),
        *(f"--rootdir={folder}", "-c", os.devnull, "--override-ini=python_files=*_test.py"),
        *(("-p", "with_autolog") if autolog else ()),
        *tests,
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    lines = [line.split("[")[0].strip() for line in done.stdout.splitlines()]
    return sorted(line for line in lines if "::" in line and " " in line and not line.startswith("FAILED "))


def compare(part: str) -> set[str]:
    """Run a part without autolog and with it, and say how it went; return the outcomes that differ."""
    with tempfile.TemporaryDirectory(prefix="autotrack-own-tests-", ignore_cleanup_errors=True) as name:
        began, folder = perf_counter(), Path(name)
        without = outcomes([part], folder, autolog=False)
        tracked = outcomes([part], folder, autolog=True)
        runs = sum(1 for _ in (folder / "runs").glob("*/*/journal/main.jsonl"))
    passed = sum("PASSED" in line for line in tracked)
    differing = set(tracked) ^ set(without)
    print(
        f"{part}: {passed} of {len(tracked)} pass with autolog, {len(differing)} outcomes differ; "
        f"{perf_counter() - began:.0f} s, {runs} runs",
        flush=True,
    )
    return differing


def main(arguments: Sequence[str]) -> int:
    """Run the parts one after another; return the exit code."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    os.environ |= {"AUTOTRACK_QUIET": "1", "AUTOTRACK_SIDECAR": "off", "OMP_NUM_THREADS": "1"}
    differing = [line for part in arguments or PARTS for line in sorted(compare(part))]
    for line in differing:
        print(f"DIFFERS WITH AUTOLOG: {line}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
