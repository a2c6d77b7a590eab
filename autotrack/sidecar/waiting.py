"""Waits until there is something for a sidecar to do."""

import select
from time import sleep

from autotrack.protocol import Task

_POLL_SECONDS = 0.05
"""How often the sidecar polls on a system where nothing can wake it."""


def wait(task: Task, seconds: float, *, is_alive: bool) -> None:
    """Wait for a message, or for the end of the training process if that `is_alive`, for so many seconds at most."""
    fds = [fd for fd in (task.wakeup, task.process if is_alive else None) if fd is not None]
    if task.wakeup is None or task.process is None:
        seconds = min(seconds, _POLL_SECONDS)
    if not fds:
        sleep(seconds)
        return
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    poll.poll(seconds * 1000)
