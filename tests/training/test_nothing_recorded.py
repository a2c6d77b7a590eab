"""A script that records nothing says so at its end, and only then."""

import os
import subprocess
import sys

import pytest

SAID = "autotrack: nothing was recorded: nothing was trained or written with keras or lightning"

SWITCH_ON = "import autotrack; autotrack.autolog(frameworks=['lightning', 'keras'])\n"
RUN = "with autotrack.start_run(): pass\n"
REPORTED = "from autotrack.training.hooks.faults import report_fault; report_fault('store', 'full')"
CHILD = f"""
import multiprocessing
def work():
    {RUN}
if __name__ == "__main__":
    process = multiprocessing.get_context(METHOD).Process(target=work)
    process.start()
    process.join()
"""


@pytest.mark.parametrize(
    ("script", "arguments", "is_said"),
    [
        ("", (), True),
        ("", ("--help",), False),
        (RUN, (), False),
        ("raise SystemExit(0)", (), True),
        ("raise ValueError", (), False),
        (REPORTED, (), False),
        ("autotrack.autolog(disable=True)", (), False),
        (CHILD.replace("METHOD", "'fork'"), (), False),
        (CHILD.replace("METHOD", "'spawn'"), (), False),
    ],
    ids=["nothing", "help", "a run", "exit", "error", "a fault", "switched off", "forked child", "spawned child"],
)
def test_a_script_that_records_nothing_says_so(
    script: str, arguments: tuple[str, ...], is_said: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("script") / "train.py"
    path.write_text(SWITCH_ON + script)
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        env={**os.environ, "AUTOTRACK_QUIET": "0"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (SAID in done.stderr, done.stdout) == (is_said, "")


def test_a_script_under_autotrack_run_says_so_as_well(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("script") / "train.py"
    path.write_text("print('done')")
    done = subprocess.run(
        [sys.executable, "-m", "autotrack", "run", str(path)],
        env={**os.environ, "AUTOTRACK_QUIET": "0"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ("autotrack: nothing was recorded: nothing was trained" in done.stderr, done.stdout) == (True, "done\n")
