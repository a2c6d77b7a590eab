"""A machine in a folder: its /proc, its cgroups and its clock, which stand still until a test moves them."""

import os
import resource
import shutil
from collections.abc import Collection
from pathlib import Path

from autotrack.sidecar.capture.gpu import GpuSampler
from autotrack.sidecar.capture.load import LoadSampler

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = resource.getpagesize()
MB = 10**6
TRAINING = 4100


class NoGpus(GpuSampler):
    """A sampler of cards that keeps whose memory it was asked for."""

    pids: Collection[int] = ()

    def sample(self, pids: Collection[int]) -> dict[str, float | int]:
        self.pids = sorted(pids)
        return {"gpu0_power_watts": 250.0}


class Machine:
    """A frozen machine in a folder: its /proc, its cgroups and its clock, which move when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.cgroups, self.store = folder / "proc", folder / "cgroup", folder / "runs"
        self.seconds = 1000.0
        self.gpus = NoGpus(environ={})
        self.cgroups.mkdir()
        self.busy(user=0, idle=0)
        self.memory()
        self.disks({})
        self.networks({})
        self.write("proc/vmstat", "nr_free_pages 1\npswpin 0\npswpout 0\n")
        self.process(1, parent=0, started=1)

    def sampler(self, pid: int = TRAINING) -> LoadSampler:
        return LoadSampler(pid, self.store, cgroup_root=self.cgroups, clock=lambda: self.seconds, gpus=self.gpus)

    def write(self, name: str, content: str) -> None:
        path = self.proc.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def process(
        self,
        pid: int,
        *,
        parent: int,
        started: int = 500,
        own: float = 0.0,
        waited_for: float = 0.0,
        read: int = 0,
        written: int = 0,
        memory: int = 40 * PAGE,
        threads: int = 1,
        files: int = 3,
        state: str = "S",
    ) -> None:
        """Write a process as it is now; times in seconds, a third of each spent in the kernel."""
        user, system = round(own * TICKS * 2 / 3), round(own * TICKS) - round(own * TICKS * 2 / 3)
        fields = [state, parent, pid, pid, 0, -1, 4194304, 900, 0, 3, 0, user, system, round(waited_for * TICKS), 0]
        fields += [20, 0, threads, 0, started * TICKS, 9 * MB, memory // PAGE, *[0] * 28]
        self.write(f"proc/{pid}/stat", f"{pid} (python (x) 3) {' '.join(map(str, fields))}\n")
        self.write(f"proc/{pid}/statm", f"9000 {memory // PAGE} 20 1 0 60 0\n")
        self.write(f"proc/{pid}/status", f"Name:\tpython\nTgid:\t{pid}\nThreads:\t{threads}\nSigQ:\t0/95\n")
        self.write(
            f"proc/{pid}/io",
            f"rchar: 77\nwchar: 88\nsyscr: 7\nsyscw: 8\nread_bytes: {read}\nwrite_bytes: {written}\n"
            "cancelled_write_bytes: 0\n",
        )
        for number in range(files):
            self.write(f"proc/{pid}/fd/{number}", "")

    def ends(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))

    def busy(self, *, user: float, idle: float, iowait: float = 0.0, guest: float = 0.0) -> None:
        """Write the CPU seconds of the whole machine; those of guests are counted under `user` as well."""
        times = " ".join(str(round(value * TICKS)) for value in (user, 0, 0, idle, iowait, 0, 0, 0, guest, 0))
        self.write("proc/stat", f"cpu  {times}\ncpu0 {times}\nintr 5 0 5\nctxt 9\nbtime 1700000000\nprocesses 9\n")

    def memory(self, *, available: int = 6000, swap_free: int = 2000) -> None:
        """Write the memory of the machine, of 8000 kB with 2000 kB of swap."""
        self.write(
            "proc/meminfo",
            f"MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable: {available} kB\nBuffers: 10 kB\nCached: 4000 kB\n"
            f"Active: 1 kB\nInactive: 1 kB\nShmem: 5 kB\nSlab: 3 kB\nSwapTotal: 2000 kB\nSwapFree: {swap_free} kB\n",
        )

    def disks(self, sectors: dict[str, tuple[int, int]]) -> None:
        lines = [
            f" 8 0 {name} 5 0 {read} 9 6 0 {written} 9 0 9 9 0 0 0 0" for name, (read, written) in sectors.items()
        ]
        self.write("proc/diskstats", "\n".join(lines))

    def networks(self, traffic: dict[str, tuple[int, int]]) -> None:
        lines = [f"{name:>6}: {got} 5 0 0 0 0 0 0 {sent} 6 0 0 0 0 0 0" for name, (sent, got) in traffic.items()]
        self.write("proc/net/dev", "\n".join(["Inter-|   Receive", " face |bytes", *lines]))

    def container(self, *, cpu_seconds: float, memory: int, inactive: int = 0) -> None:
        """Write a cgroup of version 2 that allows two and a half cores and 1000 MB to the training process."""
        self.write(f"proc/{TRAINING}/cgroup", "0::/job\n")
        self.write("cgroup/job/cpu.max", "250000 100000\n")
        self.write("cgroup/job/cpu.stat", f"usage_usec {round(cpu_seconds * 1e6)}\nuser_usec 0\nsystem_usec 0\n")
        self.write("cgroup/job/memory.max", f"{1000 * MB}\n")
        self.write("cgroup/job/memory.current", f"{memory}\n")
        self.write("cgroup/job/memory.stat", f"anon 5\ninactive_file {inactive}\n")
