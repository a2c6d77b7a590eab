"""Runs scikit-learn's own tests with autolog on: not one may fail that passes without.

What does not pass is run once more without autolog, and only what passes then counts.

python -m tests.autotrack_sklearn.own_tests [module ...]      all of the list below by default, in about an hour
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[2]

MODULES = (
    "sklearn.tests.test_base",
    "sklearn.tests.test_pipeline",
    "sklearn.tests.test_metaestimators",
    "sklearn.tests.test_metaestimators_metadata_routing",
    "sklearn.callback.tests",
    "sklearn.ensemble.tests.test_stacking",
    "sklearn.neural_network.tests.test_mlp",
    "sklearn.model_selection.tests.test_validation",
    "sklearn.model_selection.tests.test_search",
    "sklearn.tests.test_common",
)

QUIET = {
    "AUTOTRACK_QUIET": "1",
    "AUTOTRACK_SIDECAR": "off",
    "AUTOTRACK_ENVIRONMENT": "off",
    "AUTOTRACK_OUTPUT": "off",
    "AUTOTRACK_TENSORBOARD": "off",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "SKLEARN_SKIP_NETWORK_TESTS": "1",
}

Outcomes = dict[str, str]


def environment(folder: Path) -> dict[str, str]:
    """The environment for a process whose runs go below this folder."""
    return {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), "AUTOTRACK_TO": str(folder / "runs")}


def outcomes(module: str, folder: Path, *, autolog: bool, arguments: Sequence[str] = ()) -> Outcomes:
    """Run tests of scikit-learn in a process; return how each of them ended: `passed`, `failed` or `skipped`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / "outcomes.json"
    plugins = ["tests.autotrack_sklearn.outcomes_plugin"]
    if autolog:
        plugins.insert(0, "tests.autotrack_sklearn.autolog_plugin")
    command = [
        *(sys.executable, "-m", "pytest", *(part for name in plugins for part in ("-p", name))),
        *("-p", "no:cacheprovider", "-q", "--tb=short", f"--rootdir={folder}", f"--outcomes={found}"),
        *("--pyargs", module, *arguments),
    ]
    with (folder / "output.txt").open("w", encoding="utf-8") as output:
        subprocess.run(command, cwd=folder, env=environment(folder), stdout=output, stderr=output, check=False)
    if not found.exists():
        raise RuntimeError(f"pytest came to nothing:\n{_output(folder)[-4000:]}")
    ended: Outcomes = json.loads(found.read_text(encoding="utf-8"))
    return ended


def broken(module: str, folder: Path, tracked: Outcomes) -> list[str]:
    """Return the tests that did not pass with autolog, and do pass without it."""
    doubtful = [name for name, state in tracked.items() if state != "passed"]
    if not doubtful:
        return []
    only = folder / "only.txt"
    only.write_text("\n".join(doubtful), encoding="utf-8")
    without = outcomes(module, folder, autolog=False, arguments=[f"--only={only}"])
    return sorted(name for name, state in without.items() if state == "passed")


def compare(module: str, part: str = "1/1") -> list[str]:
    """Run a module, or a part of it, and say how it went; return the tests that only fail with autolog."""
    with tempfile.TemporaryDirectory(prefix="autotrack-own-tests-", ignore_cleanup_errors=True) as name:
        began, folder = perf_counter(), Path(name)
        tracked = outcomes(module, folder, autolog=True, arguments=[f"--part={part}"])
        output = _output(folder)
        runs = sum(1 for _ in (folder / "runs").glob("*/*/journal/main.jsonl"))
        found = broken(module, folder, tracked)
    passed = sum(state == "passed" for state in tracked.values())
    print(
        f"{module} {part}: {passed} of {len(tracked)} pass with autolog, {len(found)} only without; "
        f"{perf_counter() - began:.0f} s, {runs} runs",
        flush=True,
    )
    if found:
        print(output[-6000:])
    return found


def main(arguments: Sequence[str]) -> int:
    """Run the modules, each in as many parts at a time as there are cores; return the exit code."""
    modules = list(arguments) or MODULES
    cores = os.cpu_count() or 1
    parts = [(module, f"{part + 1}/{cores}") for module in modules for part in range(cores)]
    with ThreadPoolExecutor(cores) as pool:
        failing = [name for found in pool.map(lambda part: compare(*part), parts) for name in found]
    for name in failing:
        print(f"FAILS WITH AUTOLOG: {name}")
    return 1 if failing else 0


def _output(folder: Path) -> str:
    return (folder / "output.txt").read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
