"""Runs that are no longer certainly those of the user who runs the tests, as after copying them from somebody else."""

from autotrack.readers.recorded_run import RecordedRun


def made_foreign(run: RecordedRun) -> RecordedRun:
    """Return a run, after letting others write to its journal: it is no evidence of who recorded it any more."""
    (run.folder / "journal" / "main.jsonl").chmod(0o666)
    return run
