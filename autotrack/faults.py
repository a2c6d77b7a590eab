"""What becomes of a fault of ours or of the outside world: a `Notice` in the run and one warning."""

import warnings
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING

from autotrack.context import current_run
from autotrack.errors import AutotrackWarning

if TYPE_CHECKING:
    from autotrack.run import Run


class Meter:
    """Counts the seconds that autotrack itself takes in this process, other than in `Run.log` called by a person.

    Every entry point is a `with Meter():`; of nested ones the outermost counts.
    """

    seconds = 0.0
    _began: float | None = None

    __slots__ = ("_outermost",)

    def __enter__(self) -> None:
        self._outermost = Meter._began is None
        if self._outermost:
            Meter._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        began = Meter._began  # once: another thread may have ended its own meanwhile
        if self._outermost and began is not None:
            Meter.seconds += perf_counter() - began
            Meter._began = None

    @staticmethod
    def so_far() -> float:
        """Return the seconds until now, those of the entry that is under way included."""
        began = Meter._began
        return Meter.seconds + (0.0 if began is None else perf_counter() - began)


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
