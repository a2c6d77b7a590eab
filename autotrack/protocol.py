"""The messages between a training process and its sidecar, in two nameless files that both processes hold open.

Files and not pipes: neither process ever waits for the other one to read, and a dead reader is no error for a writer.
"""

import contextlib
import mmap
import os
from collections.abc import Callable

import msgspec

from autotrack.journal.copies import Copy
from autotrack.journal.files import above_standard_streams
from autotrack.journal.standing import Comparison
from autotrack.settings import UploadLimits


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the sidecar is started with: the process that it watches, and the descriptors that it inherits.

    Attributes:
        pid: The training process.
        to_sidecar: The file of the messages to the sidecar.
        from_sidecar: The file of the messages from the sidecar.
        wakeup: Becomes readable when there are messages (Linux).
        output: The memory in which training leaves what it prints (Linux).
        process: Becomes readable when the training process ends (Linux).
        pulse: One end of a pipe. As long as it is open anywhere, the sidecar lives.
        signals: The files in which signals that end the training process are noted, by name.
    """

    pid: int
    to_sidecar: int
    from_sidecar: int
    wakeup: int | None = None
    output: int | None = None
    process: int | None = None
    pulse: int | None = None
    signals: dict[str, int] = {}

    def descriptors(self) -> list[int]:
        """Return all descriptors that the sidecar inherits."""
        files = [self.to_sidecar, self.from_sidecar, self.output, *self.signals.values()]
        return [fd for fd in [*files, self.wakeup, self.process, self.pulse] if fd is not None]


FATAL = "fatal"
"""The name, in `Task.signals`, of the file in which Python notes a crash, such as a segmentation fault or an abort."""


SHORT_SECONDS = 10.0
"""A run that has taken longer is not a short one."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The base of all messages."""


class Follow(Message, frozen=True, kw_only=True):
    """To the sidecar: a run begins or is resumed; follow it.

    Attributes:
        folder: The folder of the run.
        destinations: Where the run goes besides its folder. URLs may hold credentials.
        exit_timeout: For how many seconds a server may take nothing, after training has ended, before it is given up.
        uploads: Limits for artifacts sent to servers.
        modules: The source files that training has imported from below the folder of its entry script; None for the
            same ones as in the message before.
        packages: The importable names, besides the standard library's, training has imported; None as above.
        secrets: What training knows to be secret and the sidecar does not, by name, to be redacted.
        draws: Whether the plots of short runs are drawn.
        environment: Whether the environment is captured.
        untracked_bytes: How much is kept of files that git does not have.
        system_seconds: How often the load is sampled; 0 for never.
        quiet: Whether nothing is said on the terminal.
        only_load: Only sample the load, for this rank: another sidecar follows the run.
        rank: The rank of the training process.
        output: The number under which the output of the run arrives; 0 where none does.
        printed_metrics: Whether metrics are found in what it prints, and with which patterns besides our own.
        promote: The rule by which the registered model of the run may be promoted.
        on_promote: The command or URL that is told of that.
        is_one_of_many: Whether the process has begun some runs before. As long as such a run is short, only what is
            small is made for it.
    """

    folder: str
    destinations: list[str] = []
    exit_timeout: float = 30.0
    uploads: UploadLimits = UploadLimits()
    modules: list[str] | None = None
    packages: list[str] | None = None
    secrets: dict[str, str] = {}
    draws: bool = False
    environment: bool = True
    untracked_bytes: int = 20 * 10**6
    system_seconds: float = 5.0
    quiet: bool = False
    only_load: bool = False
    rank: int = 0
    output: int = 0
    printed_metrics: bool = True
    printed_patterns: list[str] = []
    promote: str = ""
    on_promote: str = ""
    is_one_of_many: bool = False


class Finalize(Message, frozen=True, kw_only=True):
    """To the sidecar: training writes nothing more to the run; bring everything derived from it up to date.

    Attributes:
        folder: The folder of the run.
        at_exit: Python is exiting, so that the end of the run was recorded without knowing the exit code.
        is_awaited: Whether training waits for `Finalized`.
    """

    folder: str
    at_exit: bool = False
    is_awaited: bool = True


class Flush(Message, frozen=True, kw_only=True):
    """To the sidecar: bring everything that is derived from runs up to date now, here and on servers.

    Attributes:
        number: What the answers are known by.
        folders: The folders of the runs; all if there are none.
        seconds: For how long training waits for it; None for as long as it takes.
    """

    number: int
    folders: list[str] = []
    seconds: float | None = 0.0


class MakeCopy(Message, frozen=True, kw_only=True):
    """To the sidecar: make a copy that takes longer than training should wait, for the run in `folder`."""

    folder: str
    copy: Copy


class Shutdown(Message, frozen=True, kw_only=True):
    """To the sidecar: the training process is about to end, and waits for work that cannot be done later."""


class Hello(Message, frozen=True, kw_only=True):
    """From the sidecar: it has started, as process `pid`."""

    pid: int


class Finalized(Message, frozen=True, kw_only=True):
    """From the sidecar: everything derived from the run in `folder` is up to date."""

    folder: str


class Flushed(Message, frozen=True, kw_only=True):
    """From the sidecar, after `Flush`, whenever it has changed: what is not up to date yet, a sentence each.

    Attributes:
        number: That of the `Flush`.
        lacking: What is not up to date.
        is_final: Whether waiting longer changes nothing.
    """

    number: int
    lacking: list[str]
    is_final: bool


class Compared(Message, frozen=True, kw_only=True):
    """From the sidecar: how the run in `folder` compares with earlier ones, for the terminal.

    `is_preliminary` says that the run has just begun, and that another comparison follows when more is known of it.
    """

    folder: str
    comparison: Comparison
    is_preliminary: bool = False


class Say(Message, frozen=True, kw_only=True):
    """From the sidecar: a line for the terminal that must not wait."""

    line: str


class Progress(Message, frozen=True, kw_only=True):
    """From the sidecar, after `Shutdown`: what it is still doing.

    Attributes:
        urgent: Whether something would be lost with the machine. The rest can go on without the training process.
        doing: What it is doing, as in "computing checksums".
    """

    urgent: bool
    doing: str


class ShutdownDone(Message, frozen=True, kw_only=True):
    """From the sidecar, after `Shutdown`: nothing is left to do."""


AnyMessage = (
    Follow | MakeCopy | Finalize | Flush | Shutdown
    | Hello | Finalized | Flushed | Compared | Say | Progress | ShutdownDone
)  # fmt: skip

_FREED_BYTES = 2**20
"""Of messages that were read, so many bytes are given back at once: a process may start ten thousand runs."""

_to_json = msgspec.json.Encoder().encode
_from_json: Callable[[bytes], AnyMessage] = msgspec.json.Decoder(AnyMessage).decode


def _encode(message: AnyMessage) -> bytes:
    try:
        return _to_json(message)
    except UnicodeEncodeError:  # a folder whose name is not UTF-8; json writes and reads lone surrogates
        import json  # here, because few need it

        return json.dumps(msgspec.to_builtins(message)).encode()


def _decode(line: bytes) -> AnyMessage | None:
    """Return a message; None for what is none, which must end neither process."""
    try:
        return _from_json(line)
    except msgspec.DecodeError:
        import json  # as above

        try:
            message: AnyMessage = msgspec.convert(json.loads(line), AnyMessage)
        except (ValueError, msgspec.ValidationError, RecursionError):
            return None
        return message


class MessageFile:
    """One direction of the conversation: one process appends messages to a nameless file, the other reads them."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._offset = self._freed = 0

    @classmethod
    def create(cls, name: str) -> "MessageFile":
        """Create an empty file. Raises `OSError` when that is not possible."""
        return cls(nameless_file(name))

    def send(self, message: AnyMessage) -> None:
        """Append a message. Raises `OSError` when it cannot be written."""
        os.write(self.fd, _encode(message) + b"\n")

    def receive(self) -> list[AnyMessage]:
        """Return the messages that were sent since the last call, without what cannot be read."""
        unread = os.fstat(self.fd).st_size - self._offset
        lines, newline, _ = os.pread(self.fd, unread, self._offset).rpartition(b"\n")
        if not newline:
            return []
        self._offset += len(lines) + 1
        return [message for line in lines.split(b"\n") if (message := _decode(line)) is not None]

    def free_read(self) -> None:
        """Give back the memory of messages that have been read, where that is possible (Linux)."""
        while self._offset - self._freed > _FREED_BYTES and hasattr(mmap, "MADV_REMOVE"):
            with mmap.mmap(self.fd, _FREED_BYTES, offset=self._freed) as read:
                read.madvise(mmap.MADV_REMOVE)
            self._freed += _FREED_BYTES


class Wakeup:
    """Wakes the other process at once. Where the system has no event descriptors, that process polls instead."""

    def __init__(self, fd: int | None) -> None:
        self.fd = fd

    @classmethod
    def create(cls) -> "Wakeup":
        """Create one that nobody has used yet."""
        eventfd = getattr(os, "eventfd", None)  # Linux
        return cls(above_standard_streams(eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)) if eventfd else None)

    def wake(self) -> None:
        """Wake the other process."""
        if self.fd is not None:
            with contextlib.suppress(OSError):
                os.eventfd_write(self.fd, 1)

    def clear(self) -> None:
        """Be ready for the next call of `wake`."""
        if self.fd is not None:
            with contextlib.suppress(OSError):  # nobody called `wake`
                os.eventfd_read(self.fd)


def nameless_file(name: str) -> int:
    """Return the descriptor of a new file. The file vanishes with the last process that holds it open."""
    if hasattr(os, "memfd_create"):
        return above_standard_streams(os.memfd_create(name))
    import tempfile  # elsewhere than on Linux

    with tempfile.TemporaryFile(buffering=0) as file:
        return above_standard_streams(os.dup(file.fileno()))
