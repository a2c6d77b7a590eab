"""A server that is given up when training ends: every run says what it has not taken, and why."""

from pathlib import Path

import pytest

import autotrack
from autotrack.sinks.owed import owed_by_server
from tests.support.canned_server import Answer, canned_server
from tests.support.processes import Script

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("everything")]


def test_without_time_for_a_busy_server_every_run_notes_why_it_has_not_arrived(tmp_path: Path) -> None:
    with canned_server(Answer(status=503)) as server:
        code = f"""
        import autotrack
        for number in range(8):
            autotrack.start_run(f"run {{number}}", to=["runs", "{server.url}"], experiment="exp").finish()
        """
        with Script(tmp_path, code, AUTOTRACK_EXIT_TIMEOUT="0") as script:
            script.wait().wait_for_sidecar()
    runs = autotrack.runs(tmp_path / "runs")
    owed = [owed_by_server(run.folder) for run in runs]
    assert len(owed) == 8
    assert all("503" in one[server.url].broken_off or "given up" in one[server.url].broken_off for one in owed)
