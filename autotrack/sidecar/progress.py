"""What a sidecar tells a training process that has ended and waits for it."""

from collections.abc import Iterable

from autotrack.protocol import Progress, ShutdownDone
from autotrack.sidecar.run_stages import RunStages
from autotrack.sidecar.short_runs import ShortRuns
from autotrack.sidecar.upload_thread import Uploads


def progress_of(runs: Iterable[RunStages], short_runs: ShortRuns, uploads: Uploads) -> Progress | ShutdownDone:
    """Return what is left to do, the most urgent first. Training need not wait for what can go on without it."""
    stages = list(runs)
    if not all(run.is_captured and run.is_finalized and run.is_compared for run in stages):
        return Progress(urgent=True, doing="capturing the environment")
    if uploads.is_busy:
        return Progress(urgent=True, doing=uploads.describe())
    if not all(run.is_done for run in stages):
        return Progress(urgent=False, doing="computing checksums")
    if short_runs.is_busy:
        return Progress(urgent=False, doing="completing short runs")
    return ShutdownDone()
