"""Every test is alone: a working folder of its own, no setting of the machine, no run left open."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

import autotrack
from autotrack.journal.reader import JournalReader
from autotrack.journal.records import AnyRecord
from autotrack.training import defaults
from autotrack.training.hooks import faults

hypothesis.settings.register_profile("autotrack", deadline=None, database=None)  # the disk may be slow at times
hypothesis.settings.load_profile("autotrack")

QUICK = {
    "AUTOTRACK_QUIET": "1",
    "AUTOTRACK_SIDECAR": "off",
    "AUTOTRACK_ENVIRONMENT": "off",
    "AUTOTRACK_OUTPUT": "off",
    "AUTOTRACK_TENSORBOARD": "off",
}
"""A few tests are about these, and switch them on; hundreds are quicker without."""

os.environ.update(QUICK)  # for fixtures that live longer than a test
os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # nets are tiny; threads that wait for each other slow a busy machine down


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs that way. The processes that tests press Ctrl-C in would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what is remembered for later in a folder of these tests, which all workers share."""
    base = tmp_path_factory.getbasetemp()
    os.environ["XDG_CACHE_HOME"] = str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("AUTOTRACK_") or name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    yield
    while run := autotrack.current_run():
        run.finish()
    faults.unplaced_faults.clear()
    faults.kinds_warned_of.clear()
    if "autotrack.training.autolog" in sys.modules:
        autotrack.autolog(disable=True)
    defaults.forget_defaults()


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record as users do: with a sidecar, the environment and what is printed."""
    for name in set(QUICK) - {"AUTOTRACK_QUIET"}:
        monkeypatch.delenv(name)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder for runs that does not exist yet."""
    return tmp_path / "runs"


@pytest.fixture
def read_journal() -> Callable[..., list[AnyRecord]]:
    """Read all records of one journal of a run, given its folder."""

    def read(folder: Path, journal: str = "main") -> list[AnyRecord]:
        reader, found = JournalReader(folder / "journal" / f"{journal}.jsonl"), list[AnyRecord]()
        while batch := reader.read():
            found += batch
        return found

    return read


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., str]:
    """Run Python code as a script in the test's folder, check its exit code and return what it printed."""

    def run(code: str, *arguments: str | bytes, exit_code: int = 0) -> str:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(code))
        done = subprocess.run(
            [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == exit_code, done.stderr
        return done.stdout.strip()

    return run
