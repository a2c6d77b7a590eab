"""Compares what two runs have printed, where there is nothing else to compare."""

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import read_bytes
from autotrack.readers.recorded_run import RecordedRun

_MOST_BYTES = 2**25


def is_output_same(original: RecordedRun, repeated: RecordedRun) -> bool | None:
    """Whether two runs have printed the same, apart from where they ran; None if that of one is not known."""
    printed = [_output(run) for run in (original, repeated)]
    return None if None in printed else printed[0] == printed[1]


def _output(run: RecordedRun) -> bytes | None:
    """Return what a run printed, with paths from where it was started."""
    try:
        text = read_bytes(run.folder, "output.log", limit_bytes=_MOST_BYTES)
    except (OSError, AutotrackError):
        return None
    cwd = run.summary.cwd or "/"
    return text if cwd == "/" else text.replace(f"{cwd}/".encode(errors="surrogateescape"), b"")
