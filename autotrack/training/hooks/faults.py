"""What becomes of a fault of ours or of the outside world: a `Notice` in the run and one warning."""

import warnings
from collections import deque
from typing import TYPE_CHECKING

from autotrack.errors import AutotrackWarning
from autotrack.training.hooks.current_run import current_run

if TYPE_CHECKING:
    from autotrack.training.run import Run


unplaced_faults: deque[tuple[str, str]] = deque(maxlen=20)
"""Faults that happened outside any run; the next run takes them."""


def report_fault(about: str, fault: BaseException | str, *, run: "Run | None" = None) -> None:
    """Turn a fault of ours into a `Notice` and one warning; never raises."""
    message = fault if isinstance(fault, str) else f"{type(fault).__name__}: {fault}"
    try:
        run = run or current_run()
        if run is None:
            unplaced_faults.append((about, message))
        else:
            run.notice(about, message)
    except Exception as second:  # noqa: BLE001  the journal may be what is broken; the warning below still says so
        message = f"{message} ({second})"
    try:
        warnings.warn(f"{about}: {message}; training is not affected", AutotrackWarning, stacklevel=3)
    except AutotrackWarning:  # warnings are errors here: still not a reason to stop a training
        return
