"""Captures the machine: processors, memory, disk, graphics cards, container, system, environment variables."""

import os
import platform
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import time
from typing import Any

import psutil

from autotrack.journal.records import AnyRecord, Environment
from autotrack.redaction import is_secret_name
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.container import Pid, cgroup_limits, identity
from autotrack.sidecar.capture.training_process import training_pid, variables_at_start

_ARM_CORES = {  # by implementer and part; /proc/cpuinfo has no names. Of servers and boards that people train on
    "0x41 0xd08": "Cortex-A72",
    "0x41 0xd0b": "Cortex-A76",
    "0x41 0xd0c": "Neoverse-N1",
    "0x41 0xd40": "Neoverse-V1",
    "0x41 0xd42": "Cortex-A78AE",
    "0x41 0xd49": "Neoverse-N2",
    "0x41 0xd4f": "Neoverse-V2",
    "0x41 0xd83": "Neoverse-V3AE",
    "0x41 0xd84": "Neoverse-V3",
    "0xc0 0xac3": "Ampere-1",
}
_SIMD = frozenset(  # libraries choose their kernels by these, so that results differ in the last bits
    "sse4_2 avx avx2 fma avx512f avx512_vnni avx512_bf16 avx_vnni amx_bf16 amx_int8 neon asimd sve sve2 bf16".split()
)

# Environment variables that change what is computed, how fast, or from where it is loaded. Not everything with `TF_`
# or `HF_`: Terraform keeps secrets under harmless names (`TF_VAR_…`), and Hugging Face its tokens.
_VARIABLES = frozenset(
    "ACCELERATE_MIXED_PRECISION ACCELERATE_USE_DEEPSPEED ACCELERATE_USE_FSDP CONDA_DEFAULT_ENV CONDA_PREFIX "
    "CUBLASLT_WORKSPACE_SIZE CUBLAS_WORKSPACE_CONFIG CUDA_CACHE_DISABLE CUDA_DEVICE_MAX_CONNECTIONS "
    "CUDA_DEVICE_ORDER CUDA_HOME CUDA_LAUNCH_BLOCKING CUDA_MODULE_LOADING CUDA_VERSION CUDA_VISIBLE_DEVICES "
    "GOTO_NUM_THREADS GROUP_RANK HF_DATASETS_CACHE HF_DATASETS_OFFLINE HF_HOME HF_HUB_OFFLINE "
    "HIP_VISIBLE_DEVICES HSA_OVERRIDE_GFX_VERSION LANG LC_ALL LC_NUMERIC LD_LIBRARY_PATH LD_PRELOAD LOCAL_RANK "
    "LOCAL_WORLD_SIZE MALLOC_ARENA_MAX MASTER_ADDR MASTER_PORT MPLBACKEND NODE_RANK NVIDIA_DRIVER_CAPABILITIES "
    "NVIDIA_PYTORCH_VERSION NVIDIA_TF32_OVERRIDE NVIDIA_VISIBLE_DEVICES OMPI_COMM_WORLD_RANK "
    "OMPI_COMM_WORLD_SIZE PL_GLOBAL_SEED PL_SEED_WORKERS PL_TORCH_DISTRIBUTED_BACKEND PYTHONDEVMODE "
    "PYTHONHASHSEED PYTHONMALLOC PYTHONNOUSERSITE PYTHONOPTIMIZE PYTHONPATH PYTHONUTF8 PYTHONWARNINGS RANK "
    "ROCR_VISIBLE_DEVICES SCIPY_ARRAY_API SKLEARN_ASSUME_FINITE SKLEARN_WORKING_MEMORY TF_CONFIG "
    "TF_CPP_MIN_LOG_LEVEL TF_DETERMINISTIC_OPS TF_USE_LEGACY_KERAS TOKENIZERS_PARALLELISM TRANSFORMERS_CACHE "
    "TRANSFORMERS_OFFLINE TZ VECLIB_MAXIMUM_THREADS VIRTUAL_ENV WORLD_SIZE".split()
)
_VARIABLE_PREFIXES = tuple(
    "BLIS_ CUDNN_ FI_EFA_ FI_PROVIDER GLOO_ GOMP_ JAX_ KERAS_ KMP_ MIOPEN_ MKL_ NCCL_ NPY_ NUMBA_ NUMEXPR_ "
    "OMP_ ONEDNN_ OPENBLAS_ PYTORCH_ RCCL_ SLURM_CPUS_ SLURM_GPUS SLURM_LOCALID SLURM_MEM_ SLURM_NODEID "
    "SLURM_NTASKS_ SLURM_PROCID TF_CUDNN_ TF_DISABLE_ TF_ENABLE_ TF_FORCE_ TF_GPU_ TF_NUM_ TF_XLA_ TORCH_ "
    "TORCHDYNAMO_ TORCHELASTIC_ TORCHINDUCTOR_ TRITON_ UCX_ XLA_".split()
)


def capture(subject: Subject) -> list[AnyRecord]:
    """Capture the machine, and the environment variables that the training process was started with."""
    pid = training_pid(subject.started)
    facts = {
        **processors(pid=pid),
        **memory_and_disk(subject.folder),
        **container_limits(pid=pid),
        **system(),
        **identity(os.environ),
        "gpus": graphics_cards(),
        "environment_variables": relevant_variables(variables_at_start(pid)),
    }
    values, _ = subject.redactor.redact({name: value for name, value in facts.items() if value is not None})
    files = [subject.write_json("hardware.json", values)]
    return [Environment(time=time(), kind="hardware", values=values, files=files)]


def processors(proc: Path = Path("/proc"), *, pid: Pid = "self") -> dict[str, Any]:
    """Return the model of the processor, how many cores there are, and how many of them a process may run on."""
    info = _fields(proc / "cpuinfo")
    usable = psutil.cpu_count()
    with suppress(AttributeError, ProcessLookupError):  # macOS, or the process has ended
        usable = len(os.sched_getaffinity(0 if pid == "self" else pid))
    return {
        "cpu_model": _cpu_model(info),
        "cpu_cores_physical": psutil.cpu_count(logical=False),
        "cpu_cores_logical": psutil.cpu_count(),
        "cpu_cores_usable": usable,
        "cpu_simd": sorted(_SIMD & set(f"{info.get('flags', '')} {info.get('Features', '')}".split())) or None,
        "machine": platform.machine(),
    }


def memory_and_disk(folder: Path) -> dict[str, int]:
    """Return the size of memory and swap, and of the disk that holds a folder, which need not exist yet."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    disk = shutil.disk_usage(existing)
    facts = {
        "memory_bytes": psutil.virtual_memory().total,
        "disk_total_bytes": disk.total,
        "disk_free_bytes": disk.free,
    }
    with suppress(OSError, RuntimeWarning):  # sandboxes such as gVisor have no statistics about swap
        facts["swap_bytes"] = psutil.swap_memory().total
    return facts


def container_limits(*, pid: Pid = "self") -> dict[str, float | int | None]:
    """Return the limits that the cgroups of a process set; None for no limit."""
    limits = cgroup_limits(pid=pid)
    return {"container_cpu_cores": limits.cpu_cores, "container_memory_bytes": limits.memory_bytes}


def system() -> dict[str, str | None]:
    """Return the operating system, and how this Python was built."""
    name, version = platform.system(), platform.mac_ver()[0] or platform.version()
    with suppress(OSError):  # there is no such file outside of Linux
        release = platform.freedesktop_os_release()
        name, version = release["NAME"], release.get("VERSION_ID", "")
    return {
        "os_name": name,
        "os_version": version or None,  # a rolling release has none
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "hostname": socket.gethostname(),
        "python": platform.python_version(),
        "python_build": " ".join(platform.python_build()),
        "python_compiler": platform.python_compiler(),
    }


def graphics_cards(proc: Path = Path("/proc"), *, nvml: Any = None) -> list[dict[str, Any]]:
    """Return the NVIDIA cards of the machine, as their driver reports them. `nvml` is `pynvml` by default."""
    nvml = _nvml() if nvml is None else nvml
    if nvml is None:
        return list(_cards_of_kernel_module(proc / "driver/nvidia"))
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:  # no driver, or one that does not fit the library
        return list(_cards_of_kernel_module(proc / "driver/nvidia"))
    try:
        return [_card(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return list(_cards_of_kernel_module(proc / "driver/nvidia"))
    finally:
        nvml.nvmlShutdown()  # NVML counts its users: others in this process keep it


def relevant_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return only those environment variables that change what is computed, and no secrets."""
    names = (name for name in environ if name in _VARIABLES or name.startswith(_VARIABLE_PREFIXES))
    return {name: environ[name] for name in sorted(names) if not is_secret_name(name)}


def _cpu_model(info: Mapping[str, str]) -> str | None:
    for field in ("model name", "cpu", "uarch"):  # x86, POWER, RISC-V
        if info.get(field):
            return " ".join(info[field].split())
    if part := info.get("CPU part"):
        key = f"{info.get('CPU implementer', '')} {part}"
        return _ARM_CORES.get(key, f"ARM {key}")
    if sysctl := shutil.which("sysctl"):  # macOS
        command = [sysctl, "-n", "machdep.cpu.brand_string"]
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
            if name := done.stdout.strip():
                return name
    return platform.processor() or None


def _nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _card(nvml: Any, index: int) -> dict[str, Any]:
    card: dict[str, Any] = {}
    with suppress(nvml.NVMLError):  # a card that fell off the bus must not hide the others
        device = nvml.nvmlDeviceGetHandleByIndex(index)
        reads: dict[str, Callable[[], Any]] = {
            "name": lambda: nvml.nvmlDeviceGetName(device),
            "memory_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(device).total,
            "uuid": lambda: nvml.nvmlDeviceGetUUID(device),
            "compute_capability": lambda: "{}.{}".format(*nvml.nvmlDeviceGetCudaComputeCapability(device)),
            "power_limit_watts": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(device) / 1000,
            "driver": nvml.nvmlSystemGetDriverVersion,
            "cuda_driver_version": lambda: _cuda_version(nvml.nvmlSystemGetCudaDriverVersion()),
        }
        for name, read in reads.items():
            with suppress(nvml.NVMLError):  # not every card reports everything
                card[name] = read()
    return card


def _cuda_version(number: int) -> str:
    """Return the version of CUDA for the number that NVML gives it: 12.4 for 12040."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _cards_of_kernel_module(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the cards that the kernel module lists, for want of the library. Their memory is unknown then."""
    version = re.search(r"NVRM version:.*?\s(\d{3,}\.\d[\d.]*)\s", _text(folder / "version"))
    for path in sorted(folder.glob("gpus/*/information")):
        info = _fields(path)
        card = {
            "name": info.get("Model"),
            "uuid": info.get("GPU UUID"),
            "driver": version[1] if version else None,
        }
        yield {name: value for name, value in card.items() if value}


def _fields(path: Path) -> dict[str, str]:
    """Return the first value of each name in a file of `name : value` lines: in /proc/cpuinfo, the first processor."""
    fields: dict[str, str] = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not on this system
        return ""
