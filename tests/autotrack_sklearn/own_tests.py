"""Runs scikit-learn's own tests with autolog and without: not one may fail that passes without.

python -m tests.autotrack_sklearn.own_tests [module ...]      all of the list below by default, in about half an hour
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree

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
    "SKLEARN_SKIP_NETWORK_TESTS": "1",
}

Outcomes = dict[str, str]


def environment(folder: Path) -> dict[str, str]:
    """The environment for a process whose runs go below this folder."""
    return {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), "AUTOTRACK_TO": str(folder / "runs")}


def outcomes(modules: Sequence[str], folder: Path, *, autolog: bool, arguments: Sequence[str] = ()) -> Outcomes:
    """Run tests of scikit-learn in a process; return how each of them ended."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.xml"
    plugin = ["-p", "tests.autotrack_sklearn.autolog_plugin"] if autolog else []
    command = [
        *(sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider"),
        *("-q", "--tb=short", f"--junitxml={report}", "--pyargs", *modules, *arguments),
    ]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=3600, check=False
    )
    (folder / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if not report.exists():
        raise RuntimeError(f"pytest came to nothing:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: Outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        states = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"{case.get('classname')}::{case.get('name')}"] = states[0] if states else "passed"
    return found


def broken(without: Outcomes, tracked: Outcomes) -> list[str]:
    """Return the tests that pass without autolog, and not with it."""
    return sorted(name for name, state in without.items() if state == "passed" and tracked.get(name) != "passed")


def main(arguments: Sequence[str]) -> int:
    """Run and compare one module after the other; return the exit code."""
    modules = [one for one in arguments if not one.startswith("-")] or MODULES
    failing: list[str] = []
    for module in modules:
        with tempfile.TemporaryDirectory(prefix="autotrack-own-tests-", ignore_cleanup_errors=True) as folder:
            began = perf_counter()
            without = outcomes([module], Path(folder) / "without", autolog=False)
            middle = perf_counter()
            tracked = outcomes([module], Path(folder) / "with", autolog=True)
            runs = sum(1 for _ in (Path(folder) / "with" / "runs").glob("*/*/journal/main.jsonl"))
            found = broken(without, tracked)
            passed = sum(state == "passed" for state in tracked.values())
            times = f"{middle - began:.0f} s without, {perf_counter() - middle:.0f} s with"
            compared = f"{passed} of {len(without)} pass with autolog, {len(found)} fail that pass without"
            print(f"{module}: {compared}; {times}, {runs} runs", flush=True)
            if found:
                print((Path(folder) / "with" / "output.txt").read_text(encoding="utf-8")[-6000:])
            failing += found
    for name in failing:
        print(f"FAILS WITH AUTOLOG: {name}")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
