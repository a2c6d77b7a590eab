"""How the training process ended, read from what it left behind, for runs whose end it did not record itself."""

import os
import signal
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

from autotrack.journal.records import Status
from autotrack.protocol import FATAL, Task
from autotrack.sidecar.capture import container

_CRASHES = {
    "SIGSEGV": "segmentation fault",
    "SIGABRT": "abort",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction",
}
# How the kernel tells the exit status through a pidfd, from Linux 6.15 on: PIDFD_GET_INFO, include/uapi/linux/pidfd.h.
_GET_INFO, _INFO_EXIT, _INFO_BYTES, _EXIT_CODE_AT = 0xC040FF0B, 1 << 3, 64, 60
_PATIENCE_SECONDS = 0.3


@dataclass(frozen=True)
class ExitStatus:
    """How a run ended because its process did.

    Attributes:
        status: The status of the run.
        error: Why it ended, in one sentence.
        traceback: Where in the code the process was, if that is known.
        is_certain: Whether this was read from the exit code of the process.
    """

    status: Status
    error: str | None = None
    traceback: str | None = None
    is_certain: bool = False


class TrainingProcess:
    """The training process, watched from outside: whether it lives, and how it ended.

    Attributes:
        memory_bytes: The memory that it used last, if somebody has measured that.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._stat = _open(Path(f"/proc/{task.pid}/stat"))  # readable until its parent collects its exit status
        self._process = None if task.process is not None else _process(task.pid)
        self._oom_kills = _oom_kills()
        self.memory_bytes = 0

    def is_alive(self) -> bool:
        """Whether it still runs. Forked children that outlive it do not count."""
        if self._task.process is not None:
            return not _is_readable(self._task.process)
        try:
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def exit_status(self, environ: Mapping[str, str]) -> ExitStatus:
        """Return how it ended, once it has. The variables in `environ` tell which scheduler may have ended it."""
        wait_status = self._wait_status()
        if wait_status is not None and os.WIFEXITED(wait_status):
            return _by_exit_code(os.WEXITSTATUS(wait_status))
        noted = {name: text for name, fd in self._task.signals.items() if (text := _read(fd))}
        if wait_status is not None:
            return self._by_signal(_signal_name(os.WTERMSIG(wait_status)), noted, environ)
        return self._by_signal(next((name for name in noted if name != FATAL), None), noted, environ)

    def _by_signal(self, name: str | None, noted: Mapping[str, str], environ: Mapping[str, str]) -> ExitStatus:
        """Return the exit status after a signal; `noted` is what the process itself wrote when signals arrived."""
        if name in _CRASHES or (name is None and FATAL in noted):
            return _crash(name, noted.get(FATAL))
        if name == "SIGINT":
            return ExitStatus("interrupted", "ended by SIGINT")
        if name in (None, "SIGKILL"):
            return ExitStatus("killed", self._killed(name))
        return ExitStatus("killed", f"terminated by {name}{_sender(name, environ)}", noted.get(name or ""))

    def _wait_status(self) -> int | None:
        """Return its wait status, from the kernel or from a zombie that its parent has not yet collected."""
        deadline = monotonic() + _PATIENCE_SECONDS
        while monotonic() < deadline:
            for status in (_status_of_zombie(self._stat), _status_by_pidfd(self._task.process)):
                if status is not None:
                    return status
            sleep(0.005)
        return None

    def _killed(self, name: str | None) -> str:
        error = "killed by SIGKILL" if name else "the process ended without a word, as after kill -9"
        for where, count in _oom_kills().items():
            if count > self._oom_kills.get(where, count):
                used = f"; it last used {self.memory_bytes / 1e9:.1f} GB" if self.memory_bytes else ""
                return (
                    f"{error}: probably out of memory, because the kernel has just counted such a kill {where}{used}"
                )
        return error


def _by_exit_code(code: int) -> ExitStatus:
    if code == 0:
        return ExitStatus("finished", is_certain=True)
    return ExitStatus("failed", f"the process ended with exit code {code}", is_certain=True)


def _crash(name: str | None, noted: str | None) -> ExitStatus:
    headline = (noted or "").partition("\n")[0].removeprefix("Fatal Python error: ")
    return ExitStatus(
        "failed", f"crashed: {_CRASHES.get(name or '', headline)}" + (f" ({name})" if name else ""), noted
    )


def _sender(name: str | None, environ: Mapping[str, str]) -> str:
    if name == "SIGHUP":
        return ": its terminal was closed"
    if job := environ.get("SLURM_JOB_ID"):
        return f": SLURM, job {job}, sends it before a preemption, at the time limit and when the job is cancelled"
    if "KUBERNETES_SERVICE_HOST" in environ:
        return ": Kubernetes sends it before it removes a pod, as for a preemption or an eviction"
    return ""


def _status_of_zombie(stat: int | None) -> int | None:
    try:
        text = os.pread(stat, 4096, 0) if stat is not None else b""
    except OSError:  # its parent has collected its exit status
        return None
    fields = text.rpartition(b")")[2].split()
    return int(fields[-1]) if fields and fields[0] == b"Z" else None  # proc(5): the exit status is the last field


def _status_by_pidfd(process: int | None) -> int | None:
    if process is None:
        return None
    import fcntl  # Linux only

    info = bytearray(struct.pack("Q", _INFO_EXIT).ljust(_INFO_BYTES, b"\0"))
    try:
        fcntl.ioctl(process, _GET_INFO, info)
    except OSError:  # an older kernel
        return None
    (mask,) = struct.unpack_from("Q", info)
    return int(struct.unpack_from("i", info, _EXIT_CODE_AT)[0]) if mask & _INFO_EXIT else None


def _oom_kills() -> dict[str, int]:
    """Return how many processes the kernel has killed because memory ran out, by where it counts them."""
    counts = {}
    if (inside := container.oom_kills()) is not None:
        counts["in this container"] = inside
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("oom_kill "):
            counts["on this host"] = int(line.split()[1])
    return counts


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _is_readable(fd: int) -> bool:
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:  # no /proc, or the process has ended already
        return None


def _read(fd: int) -> str:
    return os.pread(fd, 2**16, 0).decode(errors="replace").strip()
