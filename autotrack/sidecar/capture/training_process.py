"""The process that records a run, as captures see it from outside."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

import psutil

from autotrack.journal.records import RunStarted
from autotrack.sidecar.capture.container import Pid


def training_pid(started: RunStarted) -> Pid:
    """Return the process that records the run, if it still lives on this machine."""
    here = started.host == socket.gethostname() and started.pid > 0
    return started.pid if here and psutil.pid_exists(started.pid) else "self"


def variables_at_start(pid: Pid) -> Mapping[str, str]:
    """Return the environment variables that a process was started with, those that a user has set.

    A process sets more of them later: PyTorch and Lightning do, and scripts. A repetition would set these again by
    itself. Where the system does not tell, it is the variables of this process, which has inherited them.
    """
    if pid == "self":
        return os.environ
    with suppress(psutil.Error, OSError):
        found = psutil.Process(pid).environ()
        # A program that shows another title in the list of processes writes it over them.
        if 2 * len(found.keys() & os.environ.keys()) >= len(os.environ):
            return found
    return os.environ
