"""Starts the process beside training: its own session, no descriptor of ours but those it needs, nobody's child."""

import contextlib
import os
from dataclasses import dataclass

import msgspec

from autotrack import interpreter, launch
from autotrack.journal.files import above_standard_streams
from autotrack.output_channel import OutputWriter, is_supported
from autotrack.protocol import MessageFile, Task, Wakeup, nameless_file
from autotrack.training.observe import signals

# The shell starts the sidecar in the background and ends at once. So the training process has no child that it does
# not know of: `os.wait` in the user's code never returns ours, and no zombie is left when ours ends before training.
# Until it has handlers of its own, signals that are meant for training do not end it.
_IN_BACKGROUND = 'trap "" INT TERM HUP; "$@" </dev/null >/dev/null 2>&1 &'


@dataclass(frozen=True)
class Spawned:
    """Our ends of the conversation with a sidecar that has just been started."""

    to_sidecar: MessageFile
    from_sidecar: MessageFile
    wakeup: Wakeup
    pulse: int
    output: OutputWriter | None

    def is_alive(self) -> bool:
        """Whether it is there or starting. Unlike a process id, this also tells of a process that became a zombie."""
        try:
            return os.read(self.pulse, 1) != b""  # nobody writes: the pipe ends when the last one who could is gone
        except BlockingIOError:
            return True


def spawn() -> Spawned:
    """Start a sidecar for this process. Raises `OSError` when no process can be started."""
    if not interpreter.is_available() or not hasattr(os, "posix_spawn"):
        raise OSError("there is no Python interpreter that could be started")
    pulse, held = (above_standard_streams(fd) for fd in os.pipe())
    os.set_blocking(pulse, False)
    wakeup = Wakeup.create()
    to_sidecar, from_sidecar = MessageFile.create("to-sidecar"), MessageFile.create("from-sidecar")
    spawned = Spawned(to_sidecar, from_sidecar, wakeup, pulse, _create_output(wakeup))
    process = above_standard_streams(os.pidfd_open(os.getpid())) if hasattr(os, "pidfd_open") else None
    task = Task(
        pid=os.getpid(),
        to_sidecar=to_sidecar.fd,
        from_sidecar=from_sidecar.fd,
        wakeup=wakeup.fd,
        output=spawned.output.fd if spawned.output else None,
        process=process,
        pulse=held,
        signals=signals.watch(),
    )
    command = interpreter.command("autotrack.sidecar.main", msgspec.json.encode(task).decode())
    try:
        shell = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _IN_BACKGROUND, "autotrack", *command],
            {name: value for name, value in os.environ.items() if name != launch.VARIABLE},
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, fd) for fd in task.descriptors()],  # makes them inherited
            setsigmask=[],
        )
    finally:
        for fd in (held, *([] if process is None else [process])):
            os.close(fd)
    with contextlib.suppress(ChildProcessError):  # the user's own handler of SIGCHLD was quicker
        os.waitpid(shell, 0)
    return spawned


def _create_output(wakeup: Wakeup) -> OutputWriter | None:
    """Return what hands the output to the sidecar. None where the text would be on a disk, or no memory is left."""
    if is_supported():
        with contextlib.suppress(OSError):
            return OutputWriter(nameless_file("output"), wakeup.wake)
    return None
