"""Serves a version over HTTP: a thin start of `mlflow models serve`, where mlflow is installed."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from autotrack.errors import MissingLibraryError, ModelRegistryError, UntrustedModelError
from autotrack.model_format.verified import copy_verified, private_folder
from autotrack.model_names import Reference
from autotrack.models.entries import Registered
from autotrack.models.registry import Registry
from autotrack.models.version_loading import description_folder, run_if_own, verify

_GRACE_SECONDS = 5.0


def serve(
    registry: Registry,
    name: str,
    version: Registered,
    *,
    host: str,
    port: int,
    trusted: bool,
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Serve a version until it is stopped; return the exit code of mlflow.

    What is served is a copy whose checksums were verified. `say` is told where, once it is about to start.

    Raises `MissingLibraryError` without mlflow, `UntrustedModelError` for a model that this user has not certainly
    made, unless it is `trusted`, and `ModelRegistryError` for a bare checkpoint.
    """
    reference = Reference(name, version.version)
    if importlib.util.find_spec("mlflow") is None:
        raise MissingLibraryError(
            f"{reference} is served by mlflow, which is not installed here; `autotrack predict` needs no server\n"
            f"pip install mlflow"
        )
    folder = description_folder(version)
    if folder is None:
        raise ModelRegistryError(
            f"{reference} is a checkpoint ({version.path}), and mlflow serves whole models; register the last weights"
        )
    verify(registry, name, version)  # first: that somebody is trusted does not help a damaged model
    if not trusted and run_if_own(registry, name, version) is None:
        raise UntrustedModelError(
            f"{reference} is not served: to load it may run code that is in its files. If you trust whoever made it, "
            f"add --trusted"
        )
    with private_folder() as place:
        for file in version.files:
            if file.path.startswith(f"{folder}/"):
                target = place / "model" / Path(file.path).relative_to(folder).parent
                target.mkdir(parents=True, exist_ok=True)
                path = registry.path_in_store(name, version.version, file.path)
                copy_verified(registry.store, path, target, sha256=file.sha256)
        command = [
            sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(place / "model"),
            "--env-manager", "local", "--host", host, "--port", str(port),
        ]  # fmt: skip
        path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), os.environ.get("PATH")]))  # for uvicorn
        environment = {**os.environ, "PATH": path, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}  # it is trusted
        say(f"serving {reference} at http://{host}:{port}; Ctrl-C stops it")
        return _run_until_stopped(command, environment)


def _run_until_stopped(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command until it ends, or until Ctrl-C or SIGTERM stops it and all that it has started.

    mlflow starts the server as a process of its own, which would outlive it.
    """
    handled = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, handled)
        _end_group(process)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group, at once if they do not go by themselves."""
    until = monotonic() + _GRACE_SECONDS
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while monotonic() < until:
            process.poll()  # one that has ended is there until it is waited for
            os.killpg(process.pid, 0)
            sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
