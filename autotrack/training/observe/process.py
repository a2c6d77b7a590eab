"""Facts that only the training process itself can read: the command that runs it again, settings of its libraries."""

import os
import re
import shlex
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from autotrack import launch
from autotrack.interactive import interactive_session
from autotrack.redaction import Redactor
from autotrack.training.entry_point import entry_point
from autotrack.training.values import as_plain

_MOST_MODULES = 2000


def describe_process(redactor: Redactor) -> dict[str, Any]:
    """Return the facts about this process: the command that runs it again, interpreter, user, seeds, switches.

    Only what can be read without changing anything, and only from libraries that are already imported.
    """
    command, _ = redactor.redact_argv(sys.orig_argv)
    launched, _ = redactor.redact_argv(launch.choices().command)
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    facts = {
        "command": shlex.join([sys.executable or command[0], *command[1:]]),
        "launched_by": shlex.join(launched) or None,
        "module": spec.name if spec else None,
        "interpreter": sys.executable,
        "implementation": sys.implementation.name,
        "prefix": sys.prefix,
        "user": _user(),
        "interactive": interactive_session(),
        "hash_seed": os.environ.get("PYTHONHASHSEED"),
        **_torch_facts(),
        **_numpy_facts(),
        **_keras_facts(),
    }
    return {name: value for name, value in facts.items() if value is not None}


def imported_modules() -> list[str]:
    """Return the source files of modules that were imported from below the folder of the entry script."""
    entry = entry_point()
    return _modules_below(str(Path(entry).parent if entry else Path.cwd()), len(sys.modules))


def imported_packages() -> list[str]:
    """Return the importable names, besides those of the standard library, that this process has imported."""
    return _packages_among(len(sys.modules))


@lru_cache(maxsize=1)
def _packages_among(_count: int) -> list[str]:
    names = {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names
    return sorted(name for name in names if not name.startswith("_"))[:_MOST_MODULES]


@lru_cache(maxsize=1)  # short fits import nothing in between, and there are thousands of modules
def _modules_below(folder: str, _count: int) -> list[str]:
    below = folder.rstrip(os.sep) + os.sep
    # Not `getattr(module, "__file__")`: lazy modules would import what they are asked for.
    files = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    files_below = [file for file in files if file.__class__ is str and file.startswith(below)]
    installed = (sys.prefix + os.sep, sys.base_prefix + os.sep)
    own_files = [file for file in files_below if "-packages" + os.sep not in file and not file.startswith(installed)]
    return sorted({file for file in own_files if file.endswith(".py")})[:_MOST_MODULES]


def _module(name: str, attribute: str) -> Any:
    """Return a module if it has been imported completely."""
    module = sys.modules.get(name)
    return module if module is not None and hasattr(module, attribute) else None


@cache
def _user() -> str | None:
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # a container may run as a user without a name
        return os.environ.get("USER") or os.environ.get("USERNAME")


def _torch_facts() -> dict[str, Any]:
    torch = _module("torch", "are_deterministic_algorithms_enabled")
    if torch is None:
        return {}
    reads: dict[str, Callable[[], Any]] = {
        "version": lambda: str(torch.__version__),
        "cuda": lambda: torch.version.cuda,
        "hip": lambda: torch.version.hip,
        "seed": torch.initial_seed,
        "threads": torch.get_num_threads,
        "default_dtype": lambda: str(torch.get_default_dtype()),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled,
        "cudnn_deterministic": lambda: torch.backends.cudnn.deterministic,
        "cudnn_benchmark": lambda: torch.backends.cudnn.benchmark,
        "float32_matmul_precision": torch.get_float32_matmul_precision,
        "blas": lambda: _blas_of_torch(torch),
    }
    if torch.cuda.is_initialized():  # asking earlier would start CUDA
        reads["cudnn"] = torch.backends.cudnn.version
        reads["cuda_devices"] = lambda: [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {f"torch_{name}": value for name, read in reads.items() if (value := _read(read)) is not None}


@cache
def _blas_of_torch(torch: Any) -> str | None:
    match = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    return match[1] if match else None


def _numpy_facts() -> dict[str, Any]:
    numpy = _module("numpy", "__config__")
    if numpy is None:
        return {}
    config = getattr(numpy.__config__, "CONFIG", {})
    blas = config.get("Build Dependencies", {}).get("blas", {})
    return {"numpy_blas": " ".join(str(blas[key]) for key in ("name", "version") if blas.get(key)) or None}


def _keras_facts() -> dict[str, Any]:
    keras = _module("keras", "config")
    return {} if keras is None else {"keras_backend": _read(keras.config.backend)}


def _read(read: Callable[[], Any]) -> Any:
    """Return one fact, or None; other versions of the library may not have it."""
    try:
        return as_plain(read())
    except (AttributeError, RuntimeError, TypeError, ImportError):
        return None
