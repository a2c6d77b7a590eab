"""The machine, told from frozen files of /proc, from a stand-in for NVML, and from the one that the tests run on."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from autotrack.journal.records import Environment, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import hardware
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.container import cgroup_limits
from autotrack.sidecar.capture.hardware import graphics_cards, memory_and_disk, processors, relevant_variables, system

XEON = """\
processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 143
model name\t: Intel(R) Xeon(R)   Platinum 8480C
cpu MHz\t\t: 2000.000
flags\t\t: fpu vme sse sse2 sse4_2 avx f16c fma avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8
bugs\t\t: spectre_v1 spectre_v2

processor\t: 1
model name\t: another one
"""
GRACE = """\
processor\t: 0
BogoMIPS\t: 2000.00
Features\t: fp asimd evtstrm aes sve sve2 bf16 svebf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd4f
"""
OF_NO_ONE_WE_KNOW = "processor : 0\nCPU implementer : 0x99\nCPU part : 0x123\n"
POWER = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nplatform\t: PowerNV\nmodel\t: 8335-GTX\n"
RISC_V = "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nuarch\t\t: sifive,u74-mc\n"

MEMINFO = """\
MemTotal:       528214680 kB
MemFree:        100000000 kB
MemAvailable:   400000000 kB
Buffers:          1000000 kB
Cached:          20000000 kB
Active:           9000000 kB
Inactive:         8000000 kB
Shmem:            1000000 kB
SwapTotal:        8388604 kB
SwapFree:         8388604 kB
"""

DRIVER = {
    "version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n"
    "GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)\n",
    "gpus/0000:01:00.0/information": "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ:   \t\t 187\n"
    "GPU UUID: \t GPU-5b1c7a2e-0000-1111-2222-333344445555\nVideo BIOS: \t 92.00.45.00.03\nBus Type: \t PCIe\n",
    "gpus/0000:41:00.0/information": "Model: \t\t NVIDIA A100-SXM4-40GB\nGPU UUID: \t GPU-????????-????-????\n",
}


class NVMLError(Exception):
    """What the library raises."""


class Nvml:
    """A machine with two cards, of which the second tells little; a stand-in for the module `pynvml`."""

    NVMLError = NVMLError

    def __init__(self, *, works: bool = True) -> None:
        self.works, self.open = works, 0

    def nvmlInit(self) -> None:
        if not self.works:
            raise NVMLError("driver/library version mismatch")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, device: int) -> str:
        return "NVIDIA H100 80GB HBM3"

    def nvmlDeviceGetMemoryInfo(self, device: int) -> Any:
        return self.told_by_the_first(device, SimpleNamespace(total=85520809984))

    def nvmlDeviceGetUUID(self, device: int) -> str:
        return f"GPU-{device}"

    def nvmlDeviceGetCudaComputeCapability(self, device: int) -> Any:
        return self.told_by_the_first(device, (9, 0))

    def nvmlDeviceGetEnforcedPowerLimit(self, device: int) -> Any:
        return self.told_by_the_first(device, 700000)

    def nvmlSystemGetDriverVersion(self) -> str:
        return "550.54.15"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 12040

    def told_by_the_first(self, device: int, value: Any) -> Any:
        if device:
            raise NVMLError("not supported")
        return value


def frozen(folder: Path, files: dict[str, str]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def captured(folder: Path, *, host: str = "", pid: int = 0, redactor: Redactor | None = None) -> Environment:
    started = RunStarted(time=0.0, id="1", name="r", experiment="e", host=host, pid=pid)
    folder.mkdir(exist_ok=True)
    [record] = hardware.capture(Subject(folder, started, redactor or Redactor({})))
    assert isinstance(record, Environment)
    assert (record.kind, record.files) == ("hardware", ["environment/hardware.json"])
    return record


# Processors, memory, disk


@pytest.mark.parametrize(
    ("cpuinfo", "model", "simd"),
    [
        (XEON, "Intel(R) Xeon(R) Platinum 8480C", "amx_bf16 amx_int8 avx avx2 avx512_bf16 avx512f fma sse4_2"),
        (GRACE, "Neoverse-V2", "asimd bf16 sve sve2"),
        (OF_NO_ONE_WE_KNOW, "ARM 0x99 0x123", None),
        (POWER, "POWER9, altivec supported", None),
        (RISC_V, "sifive,u74-mc", None),
    ],
    ids=["x86", "ARM", "unknown ARM", "POWER", "RISC-V"],
)
def test_the_processor_is_told_by_the_name_that_people_know(
    tmp_path: Path, cpuinfo: str, model: str, simd: str | None
) -> None:
    found = processors(frozen(tmp_path, {"cpuinfo": cpuinfo}))
    assert found["cpu_model"] == model
    assert found["cpu_simd"] == (simd.split() if simd else None)


def test_without_proc_the_system_is_asked_for_the_name_of_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(tmp_path, {"bin/sysctl": '#!/bin/sh\n[ "$*" = "-n machdep.cpu.brand_string" ] && echo Apple M3 Max\n'})
    (tmp_path / "bin/sysctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert processors(tmp_path)["cpu_model"] == "Apple M3 Max"
    monkeypatch.setenv("PATH", "")
    assert processors(tmp_path)["cpu_model"] == (platform.processor() or None)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_usable_cores_are_those_that_the_training_process_may_run_on() -> None:
    core = min(os.sched_getaffinity(0))
    code = f"import os, sys; os.sched_setaffinity(0, [{core}]); print('bound', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bound:
        assert bound.stdout is not None
        assert bound.stdout.readline() == b"bound\n"
        assert processors(pid=bound.pid)["cpu_cores_usable"] == 1
        bound.communicate()
    assert processors()["cpu_cores_usable"] == len(os.sched_getaffinity(0))
    assert processors(pid=bound.pid)["cpu_cores_usable"] == psutil.cpu_count(), "the process has ended"


@pytest.mark.skipif(not psutil.LINUX, reason="there is no /proc")
def test_memory_and_swap_are_told_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = {"meminfo": MEMINFO, "vmstat": "pswpin 0\npswpout 0\n", "zoneinfo": ""}
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(frozen(tmp_path / "proc", stat)))
    found = memory_and_disk(tmp_path)
    assert found["memory_bytes"] == 528214680 * 1024
    assert found["swap_bytes"] == 8388604 * 1024


@pytest.mark.skipif(not psutil.LINUX, reason="there is no /proc")
def test_a_sandbox_without_statistics_of_swap_has_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(frozen(tmp_path / "proc", {"meminfo": MEMINFO, "zoneinfo": ""})))
    found = memory_and_disk(tmp_path)
    assert found["memory_bytes"] == 528214680 * 1024
    assert "swap_bytes" not in found


def test_the_disk_is_that_of_the_store_even_before_the_store_is_there(tmp_path: Path) -> None:
    found = memory_and_disk(tmp_path / "runs/not/there/yet")
    assert found["disk_total_bytes"] == shutil.disk_usage(tmp_path).total
    assert 0 < found["disk_free_bytes"] <= found["disk_total_bytes"]


# Graphics cards


def test_cards_tell_what_they_can() -> None:
    nvml = Nvml()
    first, second = graphics_cards(nvml=nvml)
    assert first == {
        "name": "NVIDIA H100 80GB HBM3",
        "memory_bytes": 85520809984,
        "uuid": "GPU-0",
        "compute_capability": "9.0",
        "power_limit_watts": 700.0,
        "driver": "550.54.15",
        "cuda_driver_version": "12.4",
    }
    assert second == {
        "name": "NVIDIA H100 80GB HBM3",
        "uuid": "GPU-1",
        "driver": "550.54.15",
        "cuda_driver_version": "12.4",
    }
    assert nvml.open == 0, "the library is let go of as often as it was asked for"


@pytest.mark.parametrize("reason", ["no library", "no driver for it"])
def test_the_kernel_tells_of_cards_that_the_library_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    frozen(tmp_path / "driver/nvidia", DRIVER)
    if reason == "no library":
        monkeypatch.setitem(sys.modules, "pynvml", None)
    found = graphics_cards(tmp_path, nvml=None if reason == "no library" else Nvml(works=False))
    name, driver = "NVIDIA A100-SXM4-40GB", "535.129.03"
    assert found == [
        {"name": name, "uuid": "GPU-5b1c7a2e-0000-1111-2222-333344445555", "driver": driver},
        {"name": name, "uuid": "GPU-????????-????-????", "driver": driver},
    ]


def test_the_version_of_the_open_kernel_module_is_read_as_well(tmp_path: Path) -> None:
    version = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (user@host)\n"
    frozen(tmp_path / "driver/nvidia", {**DRIVER, "version": version})
    assert {card["driver"] for card in graphics_cards(tmp_path, nvml=Nvml(works=False))} == {"580.65.06"}


def test_a_machine_without_cards_has_none(tmp_path: Path) -> None:
    assert graphics_cards(tmp_path, nvml=Nvml(works=False)) == []


@pytest.mark.gpu
def test_real_cards_are_told_as_nvidia_smi_does() -> None:
    pytest.importorskip("pynvml")
    smi = shutil.which("nvidia-smi")
    if not smi:
        pytest.skip("no NVIDIA driver on this machine")
    command = [smi, "--query-gpu=name,uuid,driver_version", "--format=csv,noheader"]
    rows = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()
    assert [", ".join((card["name"], card["uuid"], card["driver"])) for card in graphics_cards()] == rows


# Variables


def test_variables_that_change_what_is_computed_are_kept() -> None:
    environ = dict.fromkeys(
        "CUDA_VISIBLE_DEVICES OMP_NUM_THREADS MKL_NUM_THREADS NCCL_DEBUG PYTHONHASHSEED CUBLAS_WORKSPACE_CONFIG "
        "TOKENIZERS_PARALLELISM KERAS_BACKEND XLA_FLAGS TF_DETERMINISTIC_OPS TF_ENABLE_ONEDNN_OPTS TORCH_LOGS "
        "PYTORCH_CUDA_ALLOC_CONF JAX_ENABLE_X64 LD_LIBRARY_PATH CONDA_DEFAULT_ENV VIRTUAL_ENV SLURM_PROCID".split(),
        "1",
    )
    assert relevant_variables(environ) == environ


@pytest.mark.parametrize(
    "name",
    "DATABASE_URL AWS_PROFILE AWS_SECRET_ACCESS_KEY HF_TOKEN HOME PATH USER HTTP_PROXY SSH_AUTH_SOCK TF_VAR_db "
    "TF_TOKEN_app_terraform_io TF_CLI_ARGS JAX_API_KEY TORCH_HUB_TOKEN SLURM_JWT SLURM_SUBMIT_DIR WANDB_API_KEY "
    "PYTORCH_DB_PASSWORD KERAS_SECRET MY_OMP_NUM_THREADS omp_num_threads GITHUB_ENV KUBERNETES_SERVICE_HOST".split(),
)
def test_other_variables_and_all_with_secret_names_are_left_alone(name: str) -> None:
    assert relevant_variables({name: "1"}) == {}


def test_variables_count_that_the_process_was_started_with_and_not_those_it_sets_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KMP_INIT_AT_FORK", "FALSE")  # inherited from what training had set by then
    code = "import os; os.environ.update(OMP_NUM_THREADS='2', KMP_BLOCKTIME='0'); print(flush=True); input()"
    given = {name: value for name, value in os.environ.items() if not name.startswith("KMP_")}
    environ = {**given, "OMP_NUM_THREADS": "3"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as training:
        assert training.stdout is not None
        training.stdout.readline()
        values = captured(tmp_path / "run", host=socket.gethostname(), pid=training.pid).values
        training.communicate(b"\n")
    found = values["environment_variables"]
    assert found["OMP_NUM_THREADS"] == "3"
    assert not any(name.startswith("KMP_") for name in found)


# All of it


def test_the_machine_of_the_test_is_told(tmp_path: Path) -> None:
    values = captured(tmp_path).values
    assert values["hostname"] == socket.gethostname()
    assert values["machine"] == platform.machine()
    assert values["python"] == platform.python_version()
    assert values["memory_bytes"] == psutil.virtual_memory().total
    assert 1 <= values["cpu_cores_usable"] <= values["cpu_cores_logical"] == psutil.cpu_count()
    assert values.get("container_memory_bytes") == cgroup_limits().memory_bytes
    assert values["os_name"]
    assert values["kernel"].endswith(platform.release())
    assert None not in values.values()
    assert json.loads((tmp_path / "environment/hardware.json").read_text()) == values


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds no process to cores")
def test_a_training_process_that_has_ended_or_ran_elsewhere_is_not_looked_for(tmp_path: Path) -> None:
    own = len(os.sched_getaffinity(0))
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    assert captured(tmp_path, host=socket.gethostname(), pid=ended.pid).values["cpu_cores_usable"] == own
    assert captured(tmp_path, host="another", pid=os.getppid()).values["cpu_cores_usable"] == own
    assert captured(tmp_path, host=socket.gethostname(), pid=os.getpid()).values["cpu_cores_usable"] == own


def test_secrets_in_what_is_kept_are_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--upload_to=https://me:hunter2secret@example.org/x --xla_gpu_x=true")
    monkeypatch.setenv("PYTHONPATH", "/opt/planted-value-7/lib")
    record = captured(tmp_path, redactor=Redactor({"SOME_SECRET": "planted-value-7"}))
    written = (tmp_path / "environment/hardware.json").read_text()
    for text in (str(record), written):
        assert "hunter2" not in text
        assert "planted" not in text
        assert "xla_gpu_x=true" in text


def test_the_system_has_a_name_where_there_is_no_file_that_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> dict[str, str]:
        raise FileNotFoundError("os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", missing)
    assert system()["os_name"] == platform.system()
