"""The load of a training process, its machine and its container: exact numbers from a frozen /proc, at two moments."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from time import process_time
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.sidecar.capture.load import LoadSampler
from tests.sidecar.capture.frozen_load.machine import MB, PAGE, TRAINING, Machine

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="there is no /proc")

MIB = 2**20


def without_disk(values: dict[str, float | int]) -> dict[str, float | int]:
    """The store of a test is on a real disk; a test of its own looks at that."""
    return {name: value for name, value in values.items() if not name.startswith("disk_")}


def of_process(values: dict[str, float | int]) -> dict[str, float | int]:
    return {name: value for name, value in values.items() if name.startswith("process_")}


# Everything at once


def test_two_moments_of_a_machine_give_exact_numbers(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=100.0, read=10 * MB, written=20 * MB)
    machine.process(4101, parent=TRAINING, own=30.0, read=5 * MB)
    machine.busy(user=1000, idle=5000, iowait=100)
    machine.disks({"sda": (1000, 2000), "sda1": (1000, 2000)})
    machine.networks({"lo": (500, 500), "eth0": (1000, 2000)})
    machine.container(cpu_seconds=50.0, memory=400 * MB)
    sampler = machine.sampler()

    machine.seconds += 5
    machine.process(
        TRAINING, parent=1, own=104.0, read=15 * MB, written=30 * MB, memory=2000 * PAGE, threads=9, files=7
    )
    machine.process(4101, parent=TRAINING, own=33.0, read=5 * MB, memory=500 * PAGE, threads=2, files=4)
    machine.busy(user=1009, idle=5010, iowait=101)
    machine.memory(available=2000, swap_free=1500)
    machine.disks({"sda": (1000 + 2048, 2000 + 4096), "sda1": (1000 + 2048, 2000 + 4096)})
    machine.networks({"lo": (90_000, 90_000), "eth0": (1000 + 10_000, 2000 + 25_000)})
    machine.container(cpu_seconds=60.0, memory=450 * MB, inactive=50 * MB)

    assert without_disk(sampler.sample()) == {
        "process_cpu_percent": 140.0,
        "process_memory_bytes": 2500 * PAGE,
        "process_count": 2,
        "process_threads": 11,
        "process_open_files": 11,
        "process_read_bytes_per_second": 1.0 * MB,
        "process_written_bytes_per_second": 2.0 * MB,
        "host_cpu_percent": 45.0,
        "host_memory_used_bytes": 6000 * 1024,
        "host_memory_percent": 75.0,
        "host_swap_used_bytes": 500 * 1024,
        "host_load_1min": 1.26,
        "host_disk_read_bytes_per_second": 2048 * 512 / 5,
        "host_disk_written_bytes_per_second": 4096 * 512 / 5,
        "host_network_sent_bytes_per_second": 2000.0,
        "host_network_received_bytes_per_second": 5000.0,
        "container_cpu_percent_of_limit": 80.0,
        "container_memory_bytes": 400 * MB,
        "container_memory_percent_of_limit": 40.0,
        "gpu0_power_watts": 250.0,
    }
    assert machine.gpus.pids == [TRAINING, 4101]


def test_each_sample_has_the_rates_since_the_one_before(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    sampler = machine.sampler()
    for seconds, own, percent in [(5, 15.0, 100.0), (10, 15.0, 0.0), (2, 18.0, 150.0)]:
        machine.seconds += seconds
        machine.process(TRAINING, parent=1, own=own)
        assert sampler.sample()["process_cpu_percent"] == percent


def test_a_moment_too_short_for_ticks_gives_no_rates_and_loses_no_time(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    sampler = machine.sampler()
    machine.process(TRAINING, parent=1, own=10.02)
    machine.seconds += 0.01
    assert not [name for name in sampler.sample() if name.endswith(("cpu_percent", "per_second"))]
    machine.process(TRAINING, parent=1, own=11.0)
    machine.seconds += 1.99
    assert sampler.sample()["process_cpu_percent"] == 50.0


# The machine


def test_disks_made_of_other_disks_and_partitions_are_not_counted_twice(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    whole = ["sda", "nvme0n1", "nvme1n1", "mmcblk0", "xvdf1"]
    parts = ["sda1", "sda12", "nvme0n1p1", "mmcblk0p2", "dm-0", "md127", "loop3", "zram0", "ram1"]
    machine.disks(dict.fromkeys([*whole, *parts], (0, 0)))
    sampler = machine.sampler()
    machine.seconds += 1
    machine.disks({name: (2 << place, 0) for place, name in enumerate([*whole, *parts])})
    assert sampler.sample()["host_disk_read_bytes_per_second"] == (2 + 4 + 8 + 16 + 32) * 512


def test_networks_made_of_other_networks_and_the_loopback_are_not_counted(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    real = ["eth0", "enp5s0f1", "wlan0", "ib0"]
    virtual = ["lo", "docker0", "br-5f1c", "br0", "veth1@if4", "bond0", "tun0", "wg0", "eth0.100", "cni0"]
    machine.networks(dict.fromkeys([*real, *virtual], (0, 0)))
    sampler = machine.sampler()
    machine.seconds += 1
    machine.networks({name: (1 << place, 2 << place) for place, name in enumerate([*real, *virtual])})
    values = sampler.sample()
    assert values["host_network_sent_bytes_per_second"] == 0b1111
    assert values["host_network_received_bytes_per_second"] == 0b11110


def test_counters_that_begin_again_and_devices_that_come_and_go_add_nothing(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    machine.networks({"eth0": (5000, 5000), "eth1": (7000, 7000)})
    sampler = machine.sampler()
    machine.seconds += 1
    machine.networks({"eth0": (40, 5100), "eth2": (9000, 9000)})
    values = sampler.sample()
    assert values["host_network_sent_bytes_per_second"] == 0.0
    assert values["host_network_received_bytes_per_second"] == 100.0
    machine.seconds += 1
    machine.networks({"eth0": (50, 5100), "eth2": (9001, 9000)})
    assert sampler.sample()["host_network_sent_bytes_per_second"] == 11.0


def test_time_of_guests_is_not_counted_twice(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    sampler = machine.sampler()
    machine.seconds += 5
    machine.busy(user=10, idle=10, guest=10)
    assert sampler.sample()["host_cpu_percent"] == 50.0


def test_the_disk_of_the_store_is_told_before_the_store_is_made(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    machine.store /= "deep/below"
    values = machine.sampler().sample()
    disk = shutil.disk_usage(machine.proc)
    assert values["disk_free_bytes"] == pytest.approx(disk.free, rel=0.2)  # others write to it as well
    assert 0 < values["disk_used_percent"] <= 100


# The container


def test_without_limits_there_are_no_values_of_a_container(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    machine.container(cpu_seconds=1.0, memory=MB)
    machine.write("cgroup/job/cpu.max", "max 100000\n")
    machine.write("cgroup/job/memory.max", "max\n")
    sampler = machine.sampler()
    machine.seconds += 5
    assert not [name for name in sampler.sample() if name.startswith("container")]


def test_a_container_of_version_1_is_told_against_its_limits(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    machine.write(f"proc/{TRAINING}/cgroup", "4:memory:/docker/4f1d\n2:cpu,cpuacct:/docker/4f1d\n")
    machine.write("cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n")
    machine.write("cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    machine.write("cgroup/cpu,cpuacct/cpuacct.usage", "7000000000\n")
    machine.write("cgroup/memory/memory.limit_in_bytes", f"{512 * MIB}\n")
    machine.write("cgroup/memory/memory.usage_in_bytes", f"{300 * MIB}\n")
    machine.write("cgroup/memory/memory.stat", f"cache 7\ntotal_inactive_file {44 * MIB}\n")
    sampler = machine.sampler()
    machine.seconds += 5
    machine.write("cgroup/cpu,cpuacct/cpuacct.usage", "22000000000\n")
    values = sampler.sample()
    assert {name: value for name, value in values.items() if name.startswith("container")} == {
        "container_cpu_percent_of_limit": 75.0,
        "container_memory_bytes": 256 * MIB,
        "container_memory_percent_of_limit": 50.0,
    }


# What cannot be read


def test_traffic_of_processes_that_do_not_show_it_is_left_out(machine: Machine) -> None:
    machine.process(TRAINING, parent=1)
    machine.process(4101, parent=TRAINING)
    (machine.proc / "4101" / "io").unlink()
    sampler = machine.sampler()
    machine.seconds += 2
    machine.process(TRAINING, parent=1, read=MB)
    assert sampler.sample()["process_read_bytes_per_second"] == MB / 2
    (machine.proc / str(TRAINING) / "io").unlink()
    machine.seconds += 2
    left = sampler.sample()
    assert not left.keys() & {"process_read_bytes_per_second", "process_written_bytes_per_second"}
    assert left["process_cpu_percent"] == 0.0


def test_swap_is_told_where_the_kernel_does_not_say_what_was_swapped(machine: Machine) -> None:
    (machine.proc / "vmstat").unlink()  # psutil warns of that
    machine.memory(swap_free=1000)
    assert machine.sampler().sample()["host_swap_used_bytes"] == 1000 * 1024


def test_what_psutil_has_on_other_systems_only_is_left_out(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.process(TRAINING, parent=1)
    expected = machine.sampler().sample().keys()
    monkeypatch.delattr(psutil.Process, "num_fds")
    monkeypatch.delattr(psutil, "getloadavg")
    assert expected - machine.sampler().sample().keys() == {"process_open_files", "host_load_1min"}


FILES = ["stat", "meminfo", "vmstat", "diskstats", "net/dev", "net"]
FILES += [f"{pid}/{name}" for pid in (TRAINING, 4101) for name in ("stat", "statm", "status", "io", "fd", "cgroup")]


@st.composite
def damage(draw: st.DrawFn) -> tuple[str, str | None]:
    """A file of /proc, and what is in it instead; None when it is missing."""
    garbled = st.text(st.sampled_from("0123456789 \n:()-aZ."), max_size=60)
    return draw(st.sampled_from(FILES)), draw(st.none() | st.sampled_from(["", "1 2\n3 4\n5 6\n"]) | garbled)


@settings(max_examples=150)
@given(st.lists(damage(), max_size=6), st.lists(damage(), max_size=3))
def test_nothing_that_is_missing_or_garbled_raises(
    at_first: list[tuple[str, str | None]], later: list[tuple[str, str | None]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        machine = Machine(Path(folder))
        patch.setattr(psutil, "PROCFS_PATH", str(machine.proc))
        machine.process(TRAINING, parent=1, own=1.0)
        machine.process(4101, parent=TRAINING, own=1.0)
        machine.container(cpu_seconds=1.0, memory=MB)
        damaged(machine.proc, at_first)
        sampler = machine.sampler()
        for _ in range(2):
            machine.seconds += 5
            values = sampler.sample()
            assert all(isinstance(value, int | float) for value in values.values())
            rates = {name: value for name, value in values.items() if name.startswith("process_")}
            assert all(value >= 0 for value in rates.values())
            damaged(machine.proc, later)


def damaged(proc: Path, changes: list[tuple[str, str | None]]) -> None:
    for name, content in changes:
        path = proc / name
        if not path.parent.is_dir():  # it was damaged before
            continue
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)


# Real processes

WORK = """
import os, sys, time

def work(seconds):
    while sum(os.times()[:2]) < seconds:
        pass

ready, stop = os.pipe(), os.pipe()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        os.write(ready[1], b".")
        os.close(stop[1])
        os.read(stop[0], 1)
        os._exit(0)
    children.append(child)
os.read(ready[0], 1), os.read(ready[0], 1), os.read(ready[0], 1)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()  # is gone again before the next sample
    if child == 0:
        work(sum(os.times()[:2]) + 0.15)
        os._exit(0)
    os.waitpid(child, 0)
    work(sum(os.times()[:2]) + 0.15)
    with open("written", "wb") as file:
        file.write(bytes(2**20))
        os.fsync(file.fileno())
    print("done", flush=True)
"""


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Popen[str]]:
    """A real process with three children, that works for 0.15 s and has a child do the same whenever it is told."""
    (tmp_path / "work.py").write_text(WORK)
    with Popen([sys.executable, "work.py"], stdin=PIPE, stdout=PIPE, text=True) as process:
        told(process)
        yield process
        process.kill()


def told(process: Popen[str], line: str = "") -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(line)
    process.stdin.flush()
    assert process.stdout.readline()


def test_real_processes_are_sampled_with_children_that_are_gone(training: Popen[str], tmp_path: Path) -> None:
    seconds = [0.0]
    sampler = LoadSampler(training.pid, tmp_path / "runs", clock=lambda: seconds[0])
    told(training, "work\n")
    seconds[0] += 1.0
    values = sampler.sample()
    assert values["process_count"] == 4
    assert values["process_cpu_percent"] == pytest.approx(30, abs=10)
    assert values["process_memory_bytes"] > 4 * MIB
    assert values["process_open_files"] >= 4 * 3
    assert 0 < values["host_memory_percent"] < 100
    assert not [name for name, value in values.items() if value < 0]

    training.kill()
    seconds[0] += 1.0
    training.wait()
    assert not of_process(sampler.sample())


@pytest.mark.alone
def test_a_sample_is_cheap(training: Popen[str], tmp_path: Path) -> None:
    sampler = LoadSampler(training.pid, tmp_path / "runs")
    costs: list[Any] = []
    for _ in range(20):
        before = process_time()
        sampler.sample()
        costs.append(process_time() - before)
    assert sorted(costs)[10] < 0.02, "a few milliseconds is normal, on a slow machine too"
