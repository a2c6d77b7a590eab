"""Waits until there is something for a sidecar to do, and tells when to give up."""

import select
from time import monotonic, sleep

from autotrack.protocol import Task

_POLL_SECONDS = 0.05
"""How often the sidecar polls on a system where nothing can wake it."""

_LONGEST_SECONDS = 1800.0
"""To compute the checksum of a terabyte takes as long."""


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


class Patience:
    """Tells when a sidecar should give up, because training is over and nothing has changed for very long."""

    def __init__(self) -> None:
        self._left: object = None
        self._since = monotonic()

    def is_over(self, left: object) -> bool:
        """Return whether the same has been left to do for longer than anything takes."""
        if left != self._left:
            self._left, self._since = left, monotonic()
        return monotonic() - self._since > _LONGEST_SECONDS
