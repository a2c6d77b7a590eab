"""Runs a script with autologging on, and returns what its runs have recorded of its arguments."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from autotrack.journal.summary import Summary
from autotrack.readers import recorded_run

HEAD = """
import autotrack
autotrack.autolog(to={store!r})
def train(*_, **__):
    autotrack.start_run().finish()
"""


class Recorded(NamedTuple):
    """What the script printed, and what its runs have recorded, the first one first."""

    printed: list[str]
    runs: list[Summary]

    def of(self, source: str) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
        """Return the values of a source in the last run, those that were given, and defaults of those that differ."""
        run = self.runs[-1]
        return run.params_by_source[source], run.params_given[source], run.params_defaults.get(source, {})


def run_recorded(folder: Path, code: str, *words: str, **environ: str) -> Recorded:
    """Run code as a script with these words on its command line; `train()` in it is a training."""
    (folder / "script.py").write_text(HEAD.format(store=str(folder / "runs")) + textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, "script.py", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )
    assert done.returncode == 0, done.stderr
    runs = [recorded_run.summarise(path.parent) for path in (folder / "runs").glob("*/*/journal")]
    return Recorded(done.stdout.splitlines(), sorted(runs, key=lambda run: run.started))
