"""Samples the load of the training process, of the machine, and of the container compared to its limits."""

import re
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import psutil

from autotrack.sidecar.capture.container import Limits, cgroup_limits, cpu_usage_seconds, memory_used_bytes
from autotrack.sidecar.capture.gpu import GpuSampler
from autotrack.sidecar.capture.process_tree import UNREADABLE, ProcessTree, Values
from autotrack.silence import without_warnings

_Pairs = dict[str, tuple[int, int]]

_SHORTEST_SECONDS = 0.1
"""The kernel counts CPU time in ticks of 10 ms. Over a shorter time than this, a rate would be mostly chance."""

_NOT_A_DISK = re.compile(r"(loop|ram|zram|dm-|md|bcache|drbd)\d")
"""Devices made of memory, of files or of other disks. Their traffic is no disk traffic, or counts there already."""

_PARTITION = re.compile(r"(?:(.*\d)p|(.*\D))\d+")
"""A partition: its name is that of its disk with a number, as in `sda1` and `nvme0n1p1`."""

_NOT_A_NETWORK = re.compile(
    r"lo\d*$|Loopback|.+\.\d+$|bond|br[-\d]|bridge|cali|cilium|cni|docker|flannel|ifb|lxc|podman|team|u?tun|veth|virbr|wg"
)
"""The loopback, and interfaces whose traffic also passes through another one, where it is counted."""


class LoadSampler:
    """Samples the load of a process with its descendants, and of this machine.

    Rates are averages since the sample before, or since the sampler was made. The process that samples and its own
    children do not count as training, wherever they are in the tree. Names carry their units. A CPU percentage of the
    process is one of a single core, that of the host is one of all cores.

    Args:
        pid: The process.
        store: A folder on the disk whose fill level is sampled. It need not exist yet.
        cgroup_root: Where the control groups are mounted.
        clock: Returns seconds.
        gpus: Samples the GPUs.
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
        with suppress(*UNREADABLE):  # once: limits hardly ever change, and finding them takes longer than a sample
            self._limits = cgroup_limits(cgroup_root, Path(psutil.PROCFS_PATH), pid=pid)
        self._tree = ProcessTree(pid)
        self._disks, self._networks = _Growth(), _Growth()
        self._tree.update()
        self._before = self._count()

    @property
    def pids(self) -> list[int]:
        """The process with its descendants, as of the last sample."""
        return [process.pid for process in self._tree.processes]

    def sample(self) -> dict[str, float | int]:
        """Return the load by name, without what cannot be read. Nothing can be read of a process that is gone."""
        self._tree.update()
        now = self._count()
        values: Values = {}
        for read in (self._tree.levels, _memory, _swap, _load_average, self._disk, self._container_memory):
            with suppress(*UNREADABLE):
                values |= read()
        if now["seconds"] - self._before["seconds"] >= _SHORTEST_SECONDS:
            values |= _rates(self._before, now)
            self._before = now
        return values | self._gpus.sample(self.pids)

    def _count(self) -> dict[str, float]:
        """Read what only ever grows, by the name of its rate."""
        counts: dict[str, float] = {"seconds": self._clock()}
        for read in (self._tree.count, _cpu, self._disk_traffic, self._network_traffic, self._container_cpu):
            with suppress(*UNREADABLE):
                counts |= read()
        return counts

    def _disk(self) -> Values:
        folder = next(folder for folder in (self._store, *self._store.parents) if folder.exists())
        usage = psutil.disk_usage(str(folder))
        # As df counts: what is reserved for root is neither used nor free.
        percent = 100 * usage.used / (usage.used + usage.free) if usage.total else 0.0
        return {"disk_used_percent": round(percent, 2), "disk_free_bytes": usage.free}

    def _disk_traffic(self) -> Values:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False)
        whole = {name: (io.read_bytes, io.write_bytes) for name, io in disks.items() if _is_whole_disk(name, disks)}
        return self._disks.add(whole, "host_disk_read_bytes_per_second", "host_disk_written_bytes_per_second")

    def _network_traffic(self) -> Values:
        cards = psutil.net_io_counters(pernic=True, nowrap=False).items()
        real = {name: (io.bytes_sent, io.bytes_recv) for name, io in cards if not _NOT_A_NETWORK.match(name)}
        names = "host_network_sent_bytes_per_second", "host_network_received_bytes_per_second"
        return self._networks.add(real, *names)

    def _container_cpu(self) -> Values:
        if not self._limits.cpu_cores or not self._tree.processes:
            return {}
        seconds = cpu_usage_seconds(self._cgroup_root, Path(psutil.PROCFS_PATH), pid=self._pid)
        return {} if seconds is None else {"container_cpu_percent_of_limit": 100 * seconds / self._limits.cpu_cores}

    def _container_memory(self) -> Values:
        if not self._limits.memory_bytes or not self._tree.processes:
            return {}
        used = memory_used_bytes(self._cgroup_root, Path(psutil.PROCFS_PATH), pid=self._pid)
        if used is None:
            return {}
        percent = round(100 * used / self._limits.memory_bytes, 2)
        return {"container_memory_bytes": used, "container_memory_percent_of_limit": percent}


class _Growth:
    """Adds up by how much pairs of counters grow. A counter that is new, or starts again, adds nothing."""

    def __init__(self) -> None:
        self._earlier: _Pairs = {}
        self._totals = [0, 0]

    def add(self, counters: _Pairs, *names: str) -> Values:
        for key, pair in counters.items():
            for which, (count, earlier) in enumerate(zip(pair, self._earlier.get(key, pair), strict=True)):
                self._totals[which] += max(0, count - earlier)
        self._earlier = counters
        return dict(zip(names, self._totals, strict=True)) if counters else {}


def _cpu() -> Values:
    times = psutil.cpu_times()._asdict()
    # Linux counts the time of guests twice: here, and in the time of users.
    total = sum(times.values()) - times.get("guest", 0) - times.get("guest_nice", 0)
    return {"cpu_seconds": total, "busy_cpu_seconds": total - times["idle"] - times.get("iowait", 0)}


def _memory() -> Values:
    memory = psutil.virtual_memory()
    used = memory.total - memory.available  # psutil's own `used` differs between its versions
    return {"host_memory_used_bytes": used, "host_memory_percent": round(100 * used / memory.total, 2)}


def _swap() -> Values:
    with without_warnings():  # psutil warns if it does not find how much was swapped in and out
        return {"host_swap_used_bytes": psutil.swap_memory().used}


def _load_average() -> Values:
    return {"host_load_1min": round(psutil.getloadavg()[0], 2)}


def _is_whole_disk(name: str, disks: Collection[str]) -> bool:
    partition = _PARTITION.fullmatch(name)
    return not _NOT_A_DISK.match(name) and not (partition and (partition[1] or partition[2]) in disks)


def _rates(before: dict[str, float], now: dict[str, float]) -> Values:
    grown = {name: count - before[name] for name, count in now.items() if name in before}
    seconds = grown.pop("seconds")
    total, busy = grown.pop("cpu_seconds", 0.0), grown.pop("busy_cpu_seconds", 0.0)
    rates: Values = {name: round(count / seconds, 2) for name, count in grown.items()}
    if total > 0:  # the time spent waiting for the disk may shrink, as the kernel's documentation warns
        rates["host_cpu_percent"] = round(min(100.0, max(0.0, 100 * busy / total)), 2)
    return rates
