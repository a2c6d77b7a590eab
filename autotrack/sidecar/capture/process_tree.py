"""A training process with its descendants: what they hold now, and what they have used since they started."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

Values = dict[str, float | int]

UNREADABLE = (
    psutil.Error,  # the process ended, or is not ours to look at
    OSError,  # this system does not have the file, or does not show it
    AttributeError,  # psutil has the function on other systems only
    RuntimeError,  # psutil found a file empty; NotImplementedError is one as well
    LookupError,  # the same, or a field missing
    ValueError,  # or one that it does not know
    TypeError,  # or fewer of them than it expects
    AssertionError,  # or no name of an interface
)


@dataclass(frozen=True, slots=True)
class _Usage:
    """What a process and the children that it waited for have used since it started, and what it holds now."""

    cpu_seconds: float
    read_bytes: int | None
    written_bytes: int | None
    memory_bytes: int | None
    threads: int | None
    open_files: int | None
    is_zombie: bool


_PROCESS_RATES = {
    "cpu_seconds": ("process_cpu_percent", 100),
    "read_bytes": ("process_read_bytes_per_second", 1),
    "written_bytes": ("process_written_bytes_per_second", 1),
}


class ProcessTree:
    """The process `pid` with its descendants, without this process and its own children.

    Attributes:
        processes: The processes, with what each of them uses, as of the last `update`.
    """

    def __init__(self, pid: int) -> None:
        self._root: psutil.Process | None = None
        with suppress(*UNREADABLE):
            self._root = psutil.Process(pid)
        self.processes: dict[psutil.Process, _Usage] = {}
        self._strangers: set[int] = set()
        self._used = {name: _Used() for name in _PROCESS_RATES}

    def update(self) -> None:
        """Look for new processes, and read what every process uses."""
        before, self.processes = self.processes, {}
        with suppress(*UNREADABLE):
            self.processes = self._read_usages(before)
        for name, used in self._used.items():
            used.add(_sum(name, self.processes.values()) or 0)

    def count(self) -> Values:
        """Return what has been used so far, by the name of its rate."""
        counts: Values = {}
        for name, (rate, scale) in _PROCESS_RATES.items():
            if _sum(name, self.processes.values()) is not None:
                counts[rate] = scale * self._used[name].total
        return counts

    def levels(self) -> Values:
        """Return what the processes hold now. A zombie holds nothing any more.

        Memory that several processes share counts for each of them. The kernel would tell the share of each
        (`smaps_rollup`), but looks at every page for that: about 12 ms for 1 GB, 3 ms for a process that did no more
        than import torch, while the process can map no memory, which makes training wait.
        """
        usages = [usage for usage in self.processes.values() if not usage.is_zombie]
        values: Values = {"process_count": len(usages)} if usages else {}
        for name in ("threads", "memory_bytes", "open_files"):
            if (total := _sum(name, usages)) is not None:
                values[f"process_{name}"] = total
        return values

    def _read_usages(self, earlier: Iterable[psutil.Process]) -> dict[psutil.Process, _Usage]:
        if self._root is None or not self._root.is_running() or (root := _usage(self._root)).is_zombie:
            return {}
        usages, parents = {self._root: root}, [self._root.pid]
        children = self._children({process.pid: process for process in earlier})
        while parents:
            for process in children.pop(parents.pop(), []):
                self._strangers.discard(process.pid)
                if process.pid != os.getpid():
                    with suppress(*UNREADABLE):  # it ended meanwhile
                        usages[process] = _usage(process)
                        parents.append(process.pid)
        return usages

    def _children(self, earlier: dict[int, psutil.Process]) -> dict[int, list[psutil.Process]]:
        """Return, by their parents, the processes that may belong to the tree: those that did before, and new ones.

        Asking every process of the machine for its parent, as `psutil.Process.children` does, takes 20 µs for each.
        """
        pids, unclear = set(psutil.pids()), set()
        children: dict[int, list[psutil.Process]] = {}
        for pid in pids - self._strangers:
            try:
                process = earlier.get(pid) or psutil.Process(pid)
                children.setdefault(process.ppid(), []).append(process)
            except psutil.NoSuchProcess:  # it ended; its id may already belong to another process
                unclear.add(pid)
            except UNREADABLE:
                continue
        # A parent that was started while the ids were listed may belong to the tree.
        unclear |= {process.pid for parent in children.keys() - pids - {0} for process in children[parent]}
        self._strangers = pids - unclear
        return children


class _Used:
    """The total of what the processes of a tree have used. It only grows; the sum over living ones may shrink.

    A process that ends takes what it used out of the sum. When its parent waits for it, that is added to what the
    parent used, and so comes back: usually before the next update, one update later if the parent was read too early,
    or never if no parent waits. So a loss may be made up for within one update before it counts.
    """

    def __init__(self) -> None:
        self.total = self._sum = self._missing = 0.0

    def add(self, used: float) -> None:
        grown, self._sum = used - self._sum, used
        self.total += max(0, grown - self._missing)
        self._missing = max(0, -grown)


def _usage(process: psutil.Process) -> _Usage:
    with process.oneshot():
        cpu = process.cpu_times()
        traffic = _read(process, "io_counters")
        memory = _read(process, "memory_info")
        return _Usage(
            cpu_seconds=cpu.user + cpu.system + cpu.children_user + cpu.children_system,
            read_bytes=traffic.read_bytes if traffic else None,
            written_bytes=traffic.write_bytes if traffic else None,
            memory_bytes=memory.rss if memory else None,
            threads=_read(process, "num_threads"),
            open_files=_read(process, "num_fds"),
            is_zombie=process.status() == psutil.STATUS_ZOMBIE,
        )


def _read(process: psutil.Process, method: str) -> Any:
    """Return what a method of a process returns; None where that cannot be read."""
    try:
        return getattr(process, method)()
    except UNREADABLE:
        return None


def _sum(name: str, usages: Iterable[_Usage]) -> Any:
    """Add up the values that could be read; None if none could."""
    values = [value for usage in usages if (value := getattr(usage, name)) is not None]
    return sum(values) if values else None
