"""What a training process and its sidecar tell each other, in two files without a name that both hold open.

Files, not pipes: nobody ever waits for the other one to read, and writing to one whose reader has died is no error.
"""

import contextlib
import os

import msgspec

from autotrack.journal.files import above_standard_streams
from autotrack.settings import UploadLimits


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the sidecar is started with: whom it watches, and the descriptors it holds.

    `process` is one that becomes readable when the training process ends (Linux), `signals` are the files in which
    signals that end it are noted. `pulse` is only held: that it is open somewhere says that the sidecar lives.
    """

    pid: int
    to_sidecar: int
    from_sidecar: int
    wakeup: int | None = None
    process: int | None = None
    pulse: int | None = None
    signals: dict[str, int] = {}

    def descriptors(self) -> list[int]:
        """Return all descriptors that it is given."""
        given = [self.to_sidecar, self.from_sidecar, self.wakeup, self.process, self.pulse, *self.signals.values()]
        return [fd for fd in given if fd is not None]


FATAL = "fatal"
"""Among the files of signals, the one in which Python notes a crash: a segmentation fault, an abort, a bus error."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all messages have in common."""


class Follow(Message, frozen=True, kw_only=True):
    """To the sidecar: a run begins or goes on in `folder`; look after it.

    `secrets` are the secret variables in the environment of the training process as it is now, to be found in what is
    captured; `modules` the source files it has imported from below the folder of its entry script. `destinations` are
    those beside the folder, and may hold credentials; when training has ended, a server is given up `exit_timeout`
    seconds after it last took something. Plots of short runs are drawn where it `draws`. With `only_load`, another
    sidecar looks after the run, and this one adds the load of its own machine, as that of a rank.
    """

    folder: str
    destinations: list[str] = []
    exit_timeout: float = 30.0
    uploads: UploadLimits = UploadLimits()
    modules: list[str] = []
    secrets: dict[str, str] = {}
    draws: bool = False
    environment: bool = True
    untracked_bytes: int = 20 * 10**6
    system_seconds: float = 5.0
    quiet: bool = False
    only_load: bool = False
    rank: int = 0


class Finalize(Message, frozen=True, kw_only=True):
    """To the sidecar: nothing more is being written to the run in `folder`; make what is derived from it.

    `at_exit`: Python is exiting, and how the run ended was written without knowing the exit code.
    """

    folder: str
    at_exit: bool = False


class Shutdown(Message, frozen=True, kw_only=True):
    """To the sidecar: the training process is about to end, and waits for what must be done before."""


class Hello(Message, frozen=True, kw_only=True):
    """From the sidecar: it is there, as process `pid`."""

    pid: int


class Finalized(Message, frozen=True, kw_only=True):
    """From the sidecar: what is derived from the run in `folder` is up to date."""

    folder: str


class Say(Message, frozen=True, kw_only=True):
    """From the sidecar: a line for the terminal."""

    line: str


class Progress(Message, frozen=True, kw_only=True):
    """From the sidecar, when the training process waits for it: what it is still doing, and whether that is `urgent`.

    It is when something would be lost with the machine; the rest can go on without the training process.
    """

    urgent: bool
    doing: str


class ShutdownDone(Message, frozen=True, kw_only=True):
    """From the sidecar, after `Shutdown`: nothing is left to do."""


AnyMessage = Follow | Finalize | Shutdown | Hello | Finalized | Say | Progress | ShutdownDone

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyMessage).decode


class MessageFile:
    """One direction of the conversation: one process sends, the other receives, over the same descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._offset = 0

    @classmethod
    def create(cls, name: str) -> "MessageFile":
        """Make an empty one. Raises `OSError` when no file can be made."""
        return cls(nameless_file(name))

    def send(self, message: AnyMessage) -> None:
        """Append a message. Raises `OSError` when it cannot be written."""
        os.write(self.fd, _encode(message) + b"\n")

    def receive(self) -> list[AnyMessage]:
        """Return the messages that came since the last call."""
        waiting = os.fstat(self.fd).st_size - self._offset
        lines, newline, _ = os.pread(self.fd, waiting, self._offset).rpartition(b"\n")
        if not newline:
            return []
        self._offset += len(lines) + 1
        return [_decode(line) for line in lines.split(b"\n")]


class Wakeup:
    """Wakes the other process at once; where there is no such thing, that one looks by itself often enough."""

    def __init__(self, fd: int | None) -> None:
        self.fd = fd

    @classmethod
    def create(cls) -> "Wakeup":
        """Make one."""
        eventfd = getattr(os, "eventfd", None)  # Linux
        return cls(above_standard_streams(eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)) if eventfd else None)

    def wake(self) -> None:
        """Wake the other process."""
        if self.fd is not None:
            with contextlib.suppress(OSError):
                os.eventfd_write(self.fd, 1)

    def clear(self) -> None:
        """Be ready to be rung again."""
        if self.fd is not None:
            with contextlib.suppress(OSError):  # nobody rang
                os.eventfd_read(self.fd)


def nameless_file(name: str) -> int:
    """Return the descriptor of a new file that vanishes with the last process that holds it open."""
    if hasattr(os, "memfd_create"):
        return above_standard_streams(os.memfd_create(name))
    import tempfile  # elsewhere than on Linux

    with tempfile.TemporaryFile(buffering=0) as file:
        return above_standard_streams(os.dup(file.fileno()))
