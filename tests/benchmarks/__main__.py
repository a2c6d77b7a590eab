"""Run the benchmarks and print their tables as Markdown: `python -m tests.benchmarks [part ...] [--quick]`."""

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import peers, tables

PARTS = {
    "log": "log_calls",
    "lightning": "lightning_fit",
    "torch": "torch_loop",
    "start": "start_up",
    "printing": "printing",
    "sidecar": "sidecar",
    "keras": "keras_fit",
    "sklearn": "sklearn_fit",
    "models": "kept_models",
    "tensorboard": "event_files",
    "stores": "many_runs",
    "find": "finding",
    "growth": "growth",
    "remote": "remote",
    "repeating": "repeating",
    "page": "page_in_browser",
}
"""By part, the module whose `measure` returns its tables."""


def main() -> int:
    """Measure the parts that were asked for, all by default; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    arguments = parser.parse_args()
    parts = arguments.parts or list(PARTS)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}")
    if len(parts) == 1:
        _measure(parts[0], quick=arguments.quick)
        return 0
    # A process for each: what one part has imported and left running must not disturb the next.
    flags = ["--quick"] if arguments.quick else []
    commands = [[sys.executable, "-m", "tests.benchmarks", part, *flags] for part in parts]
    return max(subprocess.run(command, check=False).returncode != 0 for command in commands)


def _measure(part: str, *, quick: bool) -> None:
    """Measure one part in a temporary folder and without network."""
    module = importlib.import_module(f"tests.benchmarks.{PARTS[part]}")
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="autotrack-benchmarks-", ignore_cleanup_errors=True) as folder:
        os.environ.update(peers.environment(Path(folder)))  # before any of them is imported
        os.chdir(folder)
        try:
            print(f"{module.measure(Path(folder), quick=quick)}\n\n{tables.machine()}\n", flush=True)
        finally:
            os.chdir(home)


if __name__ == "__main__":
    sys.exit(main())
