"""What the process beside training runs: it detaches itself from the training process, and then works for it."""

import contextlib
import os
import signal

import msgspec

from autotrack.protocol import Hello, MessageFile, Task
from autotrack.sidecar.loop import Sidecar

_NICENESS = 10


def main(task_json: str) -> None:
    """Be the sidecar of the process that wrote this task."""
    task = msgspec.json.decode(task_json, type=Task)
    MessageFile(task.from_sidecar).send(Hello(pid=os.getpid()))  # first: one that dies later has started nevertheless
    _detach(task)
    Sidecar(task).run()


def _detach(task: Task) -> None:
    """Leave the session, the terminal and the descriptors of the training process, and yield the processor to it."""
    with contextlib.suppress(OSError):  # it leads a session already
        os.setsid()
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
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
