"""What the process beside training runs: it detaches itself from the training process, and then works for it."""

import contextlib
import os
import signal
from typing import TYPE_CHECKING

import msgspec

from autotrack.protocol import Hello, MessageFile, Task
from autotrack.sidecar.open_files import ReadFiles
from autotrack.sidecar.priority import Priority

if TYPE_CHECKING:
    from autotrack.sidecar.loop import Sidecar

_LAST_SECONDS = 2.0
"""How long it has after SIGTERM to record how training ended. It may be in the middle of drawing plots."""


def main(task_json: str) -> None:
    """Be the sidecar of the process that wrote this task."""
    task = msgspec.json.decode(task_json, type=Task)
    MessageFile(task.from_sidecar).send(Hello(pid=os.getpid()))  # first: one that dies later has started nevertheless
    _detach(task)
    reads = ReadFiles(task.pid)  # training may be reading by now
    from autotrack.sidecar.loop import Sidecar  # it takes longer to import than all the rest

    priority = Priority()
    priority.lower()
    sidecar = Sidecar(task, priority, reads)
    signal.signal(signal.SIGTERM, lambda *_: _break_off(sidecar, priority))
    if not sidecar.run():
        sidecar.record_exits()
        os._exit(0)  # no thread is waited for: what it is doing is as safe as with kill -9


def _break_off(sidecar: "Sidecar", priority: Priority) -> None:
    if sidecar.break_off():
        priority.restore()
        signal.setitimer(signal.ITIMER_REAL, _LAST_SECONDS)  # SIGALRM, which nobody handles, ends it wherever it is


def _detach(task: Task) -> None:
    """Leave the session, the terminal and the descriptors of the training process."""
    with contextlib.suppress(OSError):  # it leads a session already
        os.setsid()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # meant for the training process, whose end is then to be recorded
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    kept = {0, 1, 2, *task.descriptors()}
    for fd in _open_descriptors():
        if fd not in kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def _open_descriptors() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return [int(name) for name in os.listdir(folder)]  # noqa: PTH208  names, not paths
    return list(range(3, 256))
