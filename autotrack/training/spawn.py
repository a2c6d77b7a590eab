"""Starts the process beside training: its own session, no descriptor of ours but those it needs, nobody's child."""

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autotrack.journal.files import above_standard_streams
from autotrack.protocol import MessageFile, Task, Wakeup
from autotrack.training.observe import signals

# The shell starts it in the background and ends at once. So the training process has no child that it does not know
# of: `os.wait` in the user's code never returns ours, and no zombie is left when it ends before the training does.
_IN_BACKGROUND = '"$@" </dev/null >/dev/null 2>&1 &'


@dataclass(frozen=True)
class Spawned:
    """Our ends of the conversation with a sidecar that has just been started."""

    to_sidecar: MessageFile
    from_sidecar: MessageFile
    wakeup: Wakeup
    pulse: int

    def is_alive(self) -> bool:
        """Whether it is there or starting. Unlike its number, this holds for one that nobody has buried as well."""
        try:
            return os.read(self.pulse, 1) != b""  # nobody writes; it ends with the last who could
        except BlockingIOError:
            return True


def spawn() -> Spawned:
    """Start a sidecar for this process. Raises `OSError` when no process can be started."""
    if not sys.executable or getattr(sys, "frozen", False) or not hasattr(os, "posix_spawn"):
        raise OSError("there is no Python interpreter that could be started")
    pulse, held = (above_standard_streams(fd) for fd in os.pipe())
    os.set_blocking(pulse, False)
    spawned = Spawned(MessageFile.create("to-sidecar"), MessageFile.create("from-sidecar"), Wakeup.create(), pulse)
    process = above_standard_streams(os.pidfd_open(os.getpid())) if hasattr(os, "pidfd_open") else None
    task = Task(
        pid=os.getpid(),
        to_sidecar=spawned.to_sidecar.fd,
        from_sidecar=spawned.from_sidecar.fd,
        wakeup=spawned.wakeup.fd,
        process=process,
        pulse=held,
        signals=signals.watch(),
    )
    try:
        shell = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _IN_BACKGROUND, "autotrack", sys.executable, "-P", "-W", "ignore", "-c", _code(task)],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, fd) for fd in task.descriptors()],  # makes them inherited
            setsigmask=[],
        )
    finally:
        for fd in (held, *([] if process is None else [process])):
            os.close(fd)
    with contextlib.suppress(ChildProcessError):  # the user's own handler of SIGCHLD was quicker
        os.waitpid(shell, 0)
    return spawned


def _code(task: Task) -> str:
    """What the sidecar runs. It finds modules where this process does, but never in place of Python's own."""
    home = str(Path(__file__).parents[2])
    paths = [path for path in dict.fromkeys([*sys.path, home]) if path]
    return (
        f"import sys; sys.path += [path for path in {paths!r} if path not in sys.path]; "
        f"from autotrack.sidecar.main import main; main({msgspec.json.encode(task).decode()!r})"
    )
