"""How much of the processor the sidecar takes while training needs it, and afterwards."""

import contextlib
import os
from pathlib import Path

_NICENESS = 10


class Priority:
    """The priority of this process, which leads a session of its own.

    Linux may share the processor between sessions, and then heeds niceness only within each: see sched(7). Anybody can
    take back the niceness of a session, only root that of a process.
    """

    def __init__(self) -> None:
        self._is_low = False

    def lower(self) -> None:
        """Yield the processor to training."""
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
        if os.getsid(0) == os.getpid():
            self._is_low = _set_session(_NICENESS)

    def restore(self) -> None:
        """Take an ordinary share, because training has ended or waits for this process.

        On a busy machine, what is left to do would take minutes otherwise. The kernel refuses a change that follows on
        another one too soon; so this may be called again, and does nothing once it has worked.
        """
        if self._is_low:
            self._is_low = not _set_session(0)


def _set_session(niceness: int) -> bool:
    try:
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")
    except OSError:
        return False
    return True
