"""The load of the training process with its children, of the machine, and of the container against its limits."""

import os
import re
import time
import warnings
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from autotrack.sidecar.capture.container import Limits, cgroup_limits, cpu_usage_seconds, memory_used_bytes
from autotrack.sidecar.capture.gpu import GpuSampler

_Values = dict[str, float | int]
_Pairs = dict[str, tuple[int, int]]

_SHORTEST_SECONDS = 0.1
"""The kernel counts CPU time in ticks of 10 ms: what it counts in less time than this makes no rate."""

_UNREADABLE = (
    psutil.Error,  # the process ended, or is not ours to look at
    OSError,  # this system does not have the file, or does not show it
    AttributeError,  # psutil has the function on other systems only
    RuntimeError,  # psutil found a file empty; NotImplementedError is one as well
    LookupError,  # the same, or a field missing
    ValueError,  # or one that it does not know
    TypeError,  # or fewer of them than it expects
    AssertionError,  # or no name of an interface
)

_NOT_A_DISK = re.compile(r"(loop|ram|zram|dm-|md|bcache|drbd)\d")
"""Made of memory, of files or of other disks: the traffic is none of a disk, or is counted there."""

_PARTITION = re.compile(r"(?:(.*\d)p|(.*\D))\d+")
"""A partition, behind the name of its disk: `sda1`, `nvme0n1p1`."""

_NOT_A_NETWORK = re.compile(
    r"lo\d*$|Loopback|.+\.\d+$|bond|br[-\d]|bridge|cali|cilium|cni|docker|flannel|ifb|lxc|podman|team|u?tun|veth|virbr|wg"
)
"""The loopback, and interfaces whose traffic goes through another one as well, and is counted there."""


class LoadSampler:
    """Samples the load of the process `pid` with its descendants, of this machine, and of the disk of the `store`.

    Rates are since the sample before; those of the first sample since the sampler was made. The process that samples
    and its own children are no part of the training, wherever they are in the tree. Names carry their units; a CPU
    percent of the process is one of a single core, that of the host one of all cores.
    """

    def __init__(
        self,
        pid: int,
        store: Path,
        *,
        cgroup_root: Path = Path("/sys/fs/cgroup"),
        clock: Callable[[], float] = time.monotonic,
        gpus: GpuSampler | None = None,
    ) -> None:
        self._store = store.absolute()
        self._cgroup_root = cgroup_root
        self._clock = clock
        self._gpus = gpus or GpuSampler()
        self._pid = pid
        self._limits = Limits()
        with suppress(*_UNREADABLE):  # once: limits hardly ever change, and finding them takes longer than their use
            self._limits = cgroup_limits(cgroup_root, Path(psutil.PROCFS_PATH), pid=pid)
        self._tree = _ProcessTree(pid)
        self._disks, self._networks = _Growth(), _Growth()
        self._tree.look()
        self._before = self._count()

    def sample(self) -> dict[str, float | int]:
        """Return the load by name. What cannot be read is left out, as is all of a training process that is gone."""
        self._tree.look()
        now = self._count()
        values: _Values = {}
        for read in (self._tree.levels, _memory, _swap, _load_average, self._disk, self._container_memory):
            with suppress(*_UNREADABLE):
                values |= read()
        if now["seconds"] - self._before["seconds"] >= _SHORTEST_SECONDS:
            values |= _rates(self._before, now)
            self._before = now
        return values | self._gpus.sample([process.pid for process in self._tree.processes])

    def _count(self) -> dict[str, float]:
        """Read what only ever grows, by the name of its rate."""
        counts: dict[str, float] = {"seconds": self._clock()}
        for read in (self._tree.count, _cpu, self._disk_traffic, self._network_traffic, self._container_cpu):
            with suppress(*_UNREADABLE):
                counts |= read()
        return counts

    def _disk(self) -> _Values:
        folder = next(folder for folder in (self._store, *self._store.parents) if folder.exists())
        usage = psutil.disk_usage(str(folder))
        # As df counts: what is reserved for root is neither used nor free.
        percent = 100 * usage.used / (usage.used + usage.free) if usage.total else 0.0
        return {"disk_used_percent": round(percent, 2), "disk_free_bytes": usage.free}

    def _disk_traffic(self) -> _Values:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False)
        whole = {name: (io.read_bytes, io.write_bytes) for name, io in disks.items() if _is_whole_disk(name, disks)}
        return self._disks.add(whole, "host_disk_read_bytes_per_second", "host_disk_written_bytes_per_second")

    def _network_traffic(self) -> _Values:
        cards = psutil.net_io_counters(pernic=True, nowrap=False).items()
        real = {name: (io.bytes_sent, io.bytes_recv) for name, io in cards if not _NOT_A_NETWORK.match(name)}
        names = "host_network_sent_bytes_per_second", "host_network_received_bytes_per_second"
        return self._networks.add(real, *names)

    def _container_cpu(self) -> _Values:
        if not self._limits.cpu_cores or not self._tree.processes:
            return {}
        seconds = cpu_usage_seconds(self._cgroup_root, Path(psutil.PROCFS_PATH), pid=self._pid)
        return {} if seconds is None else {"container_cpu_percent_of_limit": 100 * seconds / self._limits.cpu_cores}

    def _container_memory(self) -> _Values:
        if not self._limits.memory_bytes or not self._tree.processes:
            return {}
        used = memory_used_bytes(self._cgroup_root, Path(psutil.PROCFS_PATH), pid=self._pid)
        if used is None:
            return {}
        percent = round(100 * used / self._limits.memory_bytes, 2)
        return {"container_memory_bytes": used, "container_memory_percent_of_limit": percent}


@dataclass(frozen=True, slots=True)
class _Usage:
    """What one process, and the children that it waited for, used since it started; and what it holds now."""

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


class _ProcessTree:
    """A process with its descendants."""

    def __init__(self, pid: int) -> None:
        self._root: psutil.Process | None = None
        with suppress(*_UNREADABLE):
            self._root = psutil.Process(pid)
        self.processes: dict[psutil.Process, _Usage] = {}
        self._strangers: set[int] = set()
        self._used = {name: _Used() for name in _PROCESS_RATES}

    def look(self) -> None:
        """Look at every process."""
        before, self.processes = self.processes, {}
        with suppress(*_UNREADABLE):
            self.processes = self._look(before)
        for name, used in self._used.items():
            used.add(_sum(name, self.processes.values()) or 0)

    def count(self) -> _Values:
        """Return what was used so far, by the name of its rate."""
        counts: _Values = {}
        for name, (rate, scale) in _PROCESS_RATES.items():
            if _sum(name, self.processes.values()) is not None:
                counts[rate] = scale * self._used[name].total
        return counts

    def levels(self) -> _Values:
        """Return what the processes hold now; a zombie holds nothing any more.

        Memory that several processes share counts for each of them. The kernel would tell the share of each
        (`smaps_rollup`), but looks at every page for that: about 12 ms for 1 GB, 3 ms for a process that did no more
        than import torch, while the process can map no memory, which makes training wait.
        """
        usages = [usage for usage in self.processes.values() if not usage.is_zombie]
        values: _Values = {"process_count": len(usages)} if usages else {}
        for name in ("threads", "memory_bytes", "open_files"):
            if (total := _sum(name, usages)) is not None:
                values[f"process_{name}"] = total
        return values

    def _look(self, known: Iterable[psutil.Process]) -> dict[psutil.Process, _Usage]:
        if self._root is None or not self._root.is_running() or (root := _usage(self._root)).is_zombie:
            return {}
        found, parents = {self._root: root}, [self._root.pid]
        children = self._children({process.pid: process for process in known})
        while parents:
            for process in children.pop(parents.pop(), []):
                self._strangers.discard(process.pid)
                if process.pid != os.getpid():
                    with suppress(*_UNREADABLE):  # it ended meanwhile
                        found[process] = _usage(process)
                        parents.append(process.pid)
        return found

    def _children(self, known: dict[int, psutil.Process]) -> dict[int, list[psutil.Process]]:
        """Return by their parent the processes that can be of the tree: those that were, and those that are new.

        Asking every process of the machine for its parent, as `psutil.Process.children` does, takes 20 µs for each.
        """
        pids, unclear = set(psutil.pids()), set()
        children: dict[int, list[psutil.Process]] = {}
        for pid in pids - self._strangers:
            try:
                process = known.get(pid) or psutil.Process(pid)
                children.setdefault(process.ppid(), []).append(process)
            except psutil.NoSuchProcess:  # it ended; its number may be that of another one already
                unclear.add(pid)
            except _UNREADABLE:
                continue
        # A parent that was started while the pids were listed may be of the tree.
        unclear |= {process.pid for parent in children.keys() - pids - {0} for process in children[parent]}
        self._strangers = pids - unclear
        return children


class _Used:
    """What the processes of a tree used in all, which only grows, though the sum over those that are there may not.

    A process that ends takes what it used out of the sum, and its parent that waits for it puts it in again: mostly
    before the next look, at the look after it when the parent was looked at too early, or never, when there is no
    parent or none that waits. So what is missing is awaited for one look.
    """

    def __init__(self) -> None:
        self.total = self._sum = self._missing = 0.0

    def add(self, used: float) -> None:
        grown, self._sum = used - self._sum, used
        self.total += max(0, grown - self._missing)
        self._missing = max(0, -grown)


class _Growth:
    """Adds up by how much pairs of counters grow; one that is new, or begins again, adds nothing."""

    def __init__(self) -> None:
        self._known: _Pairs = {}
        self._totals = [0, 0]

    def add(self, counters: _Pairs, *names: str) -> _Values:
        for key, pair in counters.items():
            for which, (count, known) in enumerate(zip(pair, self._known.get(key, pair), strict=True)):
                self._totals[which] += max(0, count - known)
        self._known = counters
        return dict(zip(names, self._totals, strict=True)) if counters else {}


def _usage(process: psutil.Process) -> _Usage:
    with process.oneshot():
        cpu = process.cpu_times()
        traffic = _ask(process, "io_counters")
        memory = _ask(process, "memory_info")
        return _Usage(
            cpu_seconds=cpu.user + cpu.system + cpu.children_user + cpu.children_system,
            read_bytes=traffic.read_bytes if traffic else None,
            written_bytes=traffic.write_bytes if traffic else None,
            memory_bytes=memory.rss if memory else None,
            threads=_ask(process, "num_threads"),
            open_files=_ask(process, "num_fds"),
            is_zombie=process.status() == psutil.STATUS_ZOMBIE,
        )


def _ask(process: psutil.Process, question: str) -> Any:
    """Call a method of a process; None where it cannot be answered."""
    try:
        return getattr(process, question)()
    except _UNREADABLE:
        return None


def _sum(name: str, usages: Iterable[_Usage]) -> Any:
    """Add up what is known; None when nothing is."""
    known = [value for usage in usages if (value := getattr(usage, name)) is not None]
    return sum(known) if known else None


def _cpu() -> _Values:
    times = psutil.cpu_times()._asdict()
    # Linux counts the time of guests twice: in these, and as that of users.
    every = sum(times.values()) - times.get("guest", 0) - times.get("guest_nice", 0)
    return {"cpu_seconds": every, "busy_cpu_seconds": every - times["idle"] - times.get("iowait", 0)}


def _memory() -> _Values:
    memory = psutil.virtual_memory()
    used = memory.total - memory.available  # psutil's own `used` is another one in each version
    return {"host_memory_used_bytes": used, "host_memory_percent": round(100 * used / memory.total, 2)}


def _swap() -> _Values:
    with warnings.catch_warnings():  # it warns when it does not find how much was swapped in and out
        warnings.simplefilter("ignore", RuntimeWarning)
        return {"host_swap_used_bytes": psutil.swap_memory().used}


def _load_average() -> _Values:
    return {"host_load_1min": round(psutil.getloadavg()[0], 2)}


def _is_whole_disk(name: str, disks: Collection[str]) -> bool:
    partition = _PARTITION.fullmatch(name)
    return not _NOT_A_DISK.match(name) and not (partition and (partition[1] or partition[2]) in disks)


def _rates(before: dict[str, float], now: dict[str, float]) -> _Values:
    grown = {name: count - before[name] for name, count in now.items() if name in before}
    seconds = grown.pop("seconds")
    every, busy = grown.pop("cpu_seconds", 0.0), grown.pop("busy_cpu_seconds", 0.0)
    rates: _Values = {name: round(count / seconds, 2) for name, count in grown.items()}
    if every > 0:  # a time that waits for the disk may shrink, as the kernel's documentation warns
        rates["host_cpu_percent"] = round(min(100.0, max(0.0, 100 * busy / every)), 2)
    return rates
