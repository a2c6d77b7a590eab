"""How two runs differ in what pip does not know: the operating system and its packages, drivers, numeric libraries."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.readers.compare.difference import Difference, differing_values

PACKAGES = "packages of the operating system"

_FILE = "environment/system_packages.json"
_MOST_BYTES = 2**24
_LIBC = "C library"
_OF_THE_PROCESS = {
    "torch_cuda": "CUDA of torch",
    "torch_hip": "ROCm of torch",
    "torch_cudnn": "cuDNN",
    "torch_blas": "BLAS of torch",
    "numpy_blas": "BLAS of numpy",
}
_OF_THE_CARD = {"driver": "GPU driver", "cuda_driver_version": "CUDA of the GPU driver"}
_COMPUTES = re.compile(
    r"^(lib)?(open)?(blas|lapack|atlas|blis|mkl|intel-mkl|gomp|iomp|omp\d|libc6|glibc|libm|stdc\+\+|cublas|cudnn|cuda|"
    r"nvidia|nccl|rocm|rocblas|miopen|fftw|onednn|dnnl|tbb|gfortran|quadmath)",
    re.IGNORECASE,
)


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str


class _Packages(msgspec.Struct, frozen=True):
    packages: list[_Package]


def system_facts(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the system by what it is called: its release, drivers, libraries, number of packages."""
    facts = _facts(environment)
    packages = environment.get("system_packages", {})
    if packages.get("count") is not None:
        facts[PACKAGES] = f"{packages['count']} ({packages.get('manager')}, {str(packages.get('digest'))[:8]})"
    return facts


def system_differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what differs by the facts of the environments of two runs; of packages, only that some do."""
    new, old = _facts(now), _facts(before)
    known = [name for name in new if name in old]
    yield from differing_values({name: new[name] for name in known}, {name: old[name] for name in known})
    digests = [one.get("system_packages", {}).get("digest") for one in (now, before)]
    if None not in digests and digests[0] != digests[1]:
        yield Difference(PACKAGES, "differ")


def named_packages(folders: Sequence[Path], summaries: Sequence[Summary]) -> list[Difference]:
    """Return the packages of the operating system that differ from the first run to the second.

    Those that compute come first. There are none where those of one run are not known.
    """
    old, new = (_versions(folder, summary) for folder, summary in zip(folders, summaries, strict=True))
    found = list(differing_values(new, old)) if old and new else []
    return sorted(found, key=lambda one: not computes(one))


def computes(one: Difference) -> bool:
    """Whether a result may depend on it: it is a library for numbers or a driver."""
    known = (*_OF_THE_PROCESS.values(), *_OF_THE_CARD.values(), _LIBC)
    return one.name in known or _COMPUTES.match(one.name) is not None


def _facts(environment: Mapping[str, Any]) -> dict[str, Any]:
    hardware, process = environment.get("hardware", {}), environment.get("process", {})
    release = " ".join(str(hardware[key]) for key in ("os_name", "os_version") if hardware.get(key))
    facts = {_LIBC: hardware.get("libc"), "operating system": release or None}
    facts |= {name: process.get(key) for key, name in _OF_THE_PROCESS.items()}
    facts |= {name: _card(hardware).get(key) for key, name in _OF_THE_CARD.items()}
    return {name: value for name, value in facts.items() if value is not None}


def _card(hardware: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is known of the first card; all of a machine have one driver."""
    cards = hardware.get("gpus") or []
    return next((card for card in cards if isinstance(card, dict)), {})


def _versions(folder: Path, summary: Summary) -> dict[str, str]:
    name = next((name for name in summary.environment_files if own_name(name) == _FILE), None)
    if name is not None:
        with suppress(OSError, AutotrackError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            content = msgspec.json.decode(read_bytes(folder, name, limit_bytes=_MOST_BYTES), type=_Packages)
            return {one.name: one.version for one in content.packages}
    return {}
