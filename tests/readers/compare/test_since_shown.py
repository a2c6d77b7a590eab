"""The line that says what changed, as a person sees it: real trainings, one after the other."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

import autotrack
from autotrack.sidecar.output.screen import Screen
from tests.support.processes import wait_until

TRAINING = """
import sys
from pathlib import Path
from time import sleep
import autotrack
autotrack.autolog(experiment="digits")
with autotrack.start_run(params={"lr": float(sys.argv[1])}) as run:
    for step in range(10_000):
        run.log({"val_loss": 0.5}, step=step)
        if "--bar" in sys.argv:
            print(f"\\rstep {step:5} [{'#' * (step % 30):30}]", end="", file=sys.stderr, flush=True)
        if Path("stop").exists():
            break
        sleep(0.005)
    if "--bar" in sys.argv:
        print(file=sys.stderr)
"""


def train(*arguments: str, until: str = "", on_a_terminal: bool = False, **environ: str) -> str:
    """Run a real training until it has printed something, else for one step; return all that it printed."""
    Path("stop").unlink(missing_ok=True)
    if not until:
        Path("stop").touch()
    reader, writer = pty.openpty() if on_a_terminal else os.pipe()
    if on_a_terminal:
        termios.tcsetwinsize(writer, (24, 200))
    printed = b""
    with subprocess.Popen(
        [sys.executable, "train.py", *arguments],
        stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, env={**os.environ, "AUTOTRACK_QUIET": "0", **environ},
    ) as process:  # fmt: skip
        os.close(writer)
        while chunk := read_some(reader):
            printed += chunk
            if until and until.encode() in printed:
                Path("stop").touch()
    os.close(reader)
    assert process.returncode == 0, printed.decode()
    return printed.decode()


@pytest.fixture
def script(tmp_path: Path, everything: None) -> Path:
    path = tmp_path / "train.py"
    path.write_text(TRAINING)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("sidecar", ["on", "off"])
def test_the_second_run_of_a_script_says_once_what_changed_since_the_first(script: Path, sidecar: str) -> None:
    assert "since" not in train("0.1", AUTOTRACK_SIDECAR=sidecar)
    [first] = autotrack.runs("runs")
    script.write_text(TRAINING.replace("sleep(0.005)", "sleep(0.004)"))
    said = train("0.01", AUTOTRACK_SIDECAR=sidecar)
    expected = f"since {first.name} (last run and best val_loss 0.5): params (lr 0.1 → 0.01), code (train.py changed)"
    assert [line for line in said.splitlines() if "since" in line] == [f"  {expected}"]
    assert said.splitlines()[-1] == f"  val_loss 0.5, shared 1st of 2 (best before: {first.name} 0.5)"
    second = autotrack.runs("runs")[0]
    assert second.texts["changes"].endswith("- code: train.py\n- params: lr 0.1 → 0.01")
    command = [sys.executable, "-m", "autotrack", "show"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    as_written = f"Since {first.name} (last run and best val_loss 0.5):\n  code: train.py\n  params: lr 0.1 → 0.01"
    assert f"\nchanges\n{as_written}\n" in shown


@pytest.mark.slow
@pytest.mark.parametrize("sidecar", ["on", "off"])
def test_where_it_shall_be_quiet_the_changes_are_only_recorded(script: Path, sidecar: str) -> None:
    train("0.1", AUTOTRACK_SIDECAR=sidecar)
    assert train("0.01", AUTOTRACK_SIDECAR=sidecar, AUTOTRACK_QUIET="1") == ""
    changes = wait_until(lambda: autotrack.runs("runs")[0].texts.get("changes", ""))
    assert changes.endswith("- params: lr 0.1 → 0.01")


@pytest.mark.slow
def test_what_changed_is_said_below_the_progress_bar(script: Path) -> None:
    train("0.1")
    printed = train("0.01", "--bar", until="step   300", on_a_terminal=True)  # all is known of the run by then
    screen = Screen(str)
    rows = [*screen.feed(printed), *screen.rows]
    line = [row for row in rows if "since" in row][-1]  # a slow machine has time to say it at the start as well
    said = r"\(last run and best val_loss 0.5\): params \(lr 0.1 → 0.01\), arguments \(--bar added\)"
    assert re.fullmatch(rf"(autotrack: run [\w-]+:| ) since [\w-]+ {said}", line)  # by itself if known after the end
    [bar] = [row for row in rows if row.startswith("step")]
    assert re.fullmatch(r"step +\d+ \[#* *\]", bar)
    assert rows.index(bar) < rows.index(line)


DRAWING = {
    "tqdm": "from tqdm import tqdm as bar",
    "rich": "import rich.progress; bar = rich.progress.track; rich.progress.Progress.refresh",
}


@pytest.mark.slow
@pytest.mark.parametrize("drawn_by", ["", "tqdm", "rich"])
def test_a_run_that_goes_on_says_at_its_start_what_changed_beside_any_bar(script: Path, drawn_by: str) -> None:
    train("0.1")
    if drawn_by:
        bars = f"{DRAWING[drawn_by]}\nautotrack.autolog"
        script.write_text(
            TRAINING.replace("autotrack.autolog", bars).replace("in range(10_000)", "in bar(range(10_000))")
        )
    printed = train("0.01", until="since", on_a_terminal=True, COLUMNS="200")  # rich breaks what is longer
    screen = Screen(str)
    rows = [row.rstrip() for row in [*screen.feed(printed), *screen.rows]]
    place, line = next((place, row) for place, row in enumerate(rows) if "since" in row)
    code = r"(, code \(train.py changed\))?" if drawn_by else ""  # on a busy machine it is not known so soon
    name = autotrack.runs("runs")[0].name
    said = rf"autotrack: run {name}: since [\w-]+ \(last run and best val_loss 0.5\): params \(lr 0.1 → 0.01\)"
    assert re.fullmatch(said + code, line)
    assert rows[place - 1].startswith("autotrack: run"), "where it starts, and no bar between"
    ended = next(place for place, row in enumerate(rows) if " finished after " in row)
    below = [row for row in rows[place + 1 : ended] if row]
    assert len(below) == (1 if drawn_by else 0), below


@pytest.mark.slow
@pytest.mark.parametrize("drawn_by", ["tqdm", "rich"])
def test_while_somebody_draws_a_bar_the_end_of_a_run_waits(script: Path, drawn_by: str) -> None:
    script.write_text(
        f"""
import autotrack
{DRAWING[drawn_by]}
for index in bar(range(3)):
    with autotrack.start_run(f"run{{index}}"):
        pass
print("the bar is gone")
"""
    )
    printed = train(on_a_terminal=True)
    assert (
        printed.index("the bar is gone") < printed.index("run run0 finished after") < printed.index("run run2 finish")
    )


def read_some(descriptor: int) -> bytes:
    """Wait for more of what is printed; empty at the end."""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # on Linux, that is the end of a pseudo-terminal
        return b""
