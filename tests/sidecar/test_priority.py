"""The sidecar yields to training, and no longer when training has ended."""

import subprocess
import sys
from pathlib import Path

import pytest

GROUP = Path("/proc/self/autogroup")
SCRIPT = """
from pathlib import Path
from time import monotonic
from autotrack.sidecar.priority import Priority

def niceness():
    return Path("/proc/self/autogroup").read_text().split()[-1]

priority = Priority()
priority.lower()
lowered, end = niceness(), monotonic() + 60
while niceness() != "0" and monotonic() < end:
    priority.restore()  # the kernel refuses it for a tenth of a second
print(lowered, niceness())
"""


@pytest.mark.skipif(not (GROUP.exists() and GROUP.read_text()), reason="the kernel does not share between sessions")
def test_it_takes_an_ordinary_share_again_when_training_has_ended() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["10", "0"]
