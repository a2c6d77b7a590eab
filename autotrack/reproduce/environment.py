"""A virtual environment with the Python and the packages of a run, kept for the next run that has the same ones.

~/.cache/autotrack/environments/<digest>/     an environment; `complete` in it says that all of it was installed
~/.cache/autotrack/environments/<digest>/autotrack-here-…/   links to the present autotrack, which records in it
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from time import sleep

from autotrack.errors import ReproduceError
from autotrack.journal import locks
from autotrack.journal.files import write_atomically
from autotrack.journal.own_folders import cache_folders, home, is_private
from autotrack.reproduce.lock import Lock
from autotrack.reproduce.places import is_file
from autotrack.version import DISTRIBUTION

_SECONDS = 3600.0
_COMPLETE = "complete"
_HERE = "autotrack-here"
_HELP = "install it, or use the present environment with --here, or that of the run with --no-env"


def environment_for(lock: Lock, *, also: Iterable[str] = (), say: Callable[[str], None] = lambda _: None) -> Path:
    """Return the interpreter of an environment with what was installed for a run, which is made if need be.

    `also` is what the present autotrack needs and the run did not have.

    Raises `ReproduceError` for a version of Python or a package that cannot be had; nothing half-made is kept.
    """
    added = sorted(also)
    folder = _place() / _digest(lock, added)
    with _alone(folder.with_suffix(".lock")):
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            say(f"making an environment of {lock.count} packages with {lock.named_python} in {folder}")
            try:
                _make(lock, folder, added)
                (folder / _COMPLETE).write_text(lock.requirements, encoding="utf-8")
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        _add_own(folder)
    return _interpreter(folder)


def _digest(lock: Lock, also: Sequence[str]) -> str:
    """Return what an environment is kept under: autotrack may come to need other packages than when it was made."""
    return lock.digest if not also else sha256(f"{lock.digest}\n{also}".encode()).hexdigest()[: len(lock.digest)]


def version_of(python: str) -> str | None:
    """Return the version of an interpreter; None if it cannot be started."""
    return _implementation_and_version(python)[1]


def _implementation_and_version(python: str) -> tuple[str | None, str | None]:
    code = "import platform; print(platform.python_implementation(), platform.python_version())"
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    implementation, _, version = done.stdout.strip().partition(" ")
    return (implementation, version) if done.returncode == 0 and version else (None, None)


def _place() -> Path:
    for place in map(Path, cache_folders("environments")):
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_private(place) and os.access(place, os.W_OK):
            return place
    raise ReproduceError(f"there is no folder to keep environments in that only you can write to; {_HELP}")


def _interpreter(folder: Path) -> Path:
    return folder / "bin" / "python"


def _make(lock: Lock, folder: Path, also: list[str]) -> None:
    if (uv := shutil.which("uv")) is not None:
        wanted = lock.python if lock.is_cpython else f"{lock.implementation.lower()}@{lock.python}"
        run_installer([uv, "venv", "--quiet", "--python", wanted, str(folder)], "the environment")
        install = [uv, "pip", "install", "--quiet", "--python", str(_interpreter(folder))]
    else:
        python = _find_python(lock)
        run_installer([python, "-m", "venv", "--without-pip", str(folder)], "the environment")
        install = [sys.executable, "-m", "pip", "--python", str(_interpreter(folder)), "install", "--quiet"]
        if importlib.util.find_spec("pip") is None:
            raise ReproduceError(f"there is neither uv nor pip to make the environment of the run with; {_HELP}")
    requirements = folder / "requirements.txt"
    requirements.write_text(lock.requirements, encoding="utf-8")
    if lock.requirements:
        run_installer([*install, "--no-deps", "-r", str(requirements)], "the packages of the run")
    if also:
        run_installer([*install, "-c", str(requirements), *also], "what autotrack needs")


def _find_python(lock: Lock) -> str:
    """Return an interpreter of this kind and version, or else of another patch of it. Raises `ReproduceError`."""
    version, minor = lock.python, ".".join(lock.python.split(".")[:2])
    base = getattr(sys, "_base_executable", sys.executable)
    name = "python" if lock.is_cpython else lock.implementation.lower()
    pyenv = Path(os.environ.get("PYENV_ROOT") or (home() or Path()) / ".pyenv", "versions", version, "bin", "python")
    paths = [str(pyenv), base, shutil.which(f"{name}{minor}"), shutil.which(f"{name}3")]
    kinds = {path: _implementation_and_version(path) for path in paths if path and is_file(path)}
    versions = {path: found for path, (kind, found) in kinds.items() if kind == lock.implementation}
    exact = next((path for path, found in versions.items() if found == version), None)
    alike = next((path for path, found in versions.items() if found and found.startswith(f"{minor}.")), None)
    if exact or alike:
        return str(exact or alike)
    named = "Python" if lock.is_cpython else lock.implementation
    raise ReproduceError(f"the run used {lock.named_python}, and there is no {named} {minor} here; {_HELP}")


def run_installer(command: list[str], what: str, *, verb: str = "installed", fix: str = _HELP) -> str:
    """Run uv or pip, and return what it printed. Raises `ReproduceError`, that `what` cannot be had, and the `fix`."""
    # Where Python looks for modules here, or what it is told to load, is not for the new environment.
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    try:
        done = subprocess.run(
            command,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ReproduceError(f"{what} cannot be {verb}: it took longer than an hour; {fix}") from error
    if done.returncode:
        reason = _reason(done.stderr)
        fix = fix.replace("install it", "make room") if "No space left" in reason else fix
        raise ReproduceError(f"{what} cannot be {verb}: {reason}; {fix}")
    return done.stdout


def _reason(said: str) -> str:
    """Return the line that says why an installation failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
    named = [
        line
        for line in lines
        if re.search(r"no matching distribution|was not found|no version of", line, re.IGNORECASE)
    ]
    return (named or [line for line in lines if "error" in line.lower()] or lines or ["no reason was given"])[-1]


def own_requirements(lock: Lock) -> Iterator[str]:
    """Yield what the present autotrack needs and the run did not have."""
    names = {re.split(r"[ =@]", line)[0].lower().replace("_", "-") for line in lock.requirements.splitlines()}
    with suppress(PackageNotFoundError):
        for requirement in distribution(DISTRIBUTION).requires or ():
            name = re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")
            if "extra ==" not in requirement and name not in names:
                yield requirement


def _add_own(folder: Path) -> None:
    """Let the environment find the present autotrack and its integrations, after everything that it has itself.

    Another repetition may be running in it, perhaps with another autotrack, so no links are taken away.
    """
    paths = list(_own_packages())
    here = folder / f"{_HERE}-{sha256(repr(paths).encode(errors='replace')).hexdigest()[:12]}"
    here.mkdir(exist_ok=True)
    for path in paths:
        with suppress(FileExistsError):
            (here / path.name).symlink_to(path, target_is_directory=True)
    for site in folder.glob("lib/python*/site-packages"):
        write_atomically(site / f"{_HERE}.pth", os.fsencode(f"{here}\n"))


def _own_packages() -> Iterator[Path]:
    """Yield the folders of autotrack, of its integrations, and of the metadata that names these."""
    modules = {"autotrack"}
    with suppress(PackageNotFoundError):
        installed = distribution(DISTRIBUTION)
        metadata = Path(str(getattr(installed, "_path", "")))
        if metadata.is_dir():
            yield metadata
        modules |= {entry.module.partition(".")[0] for entry in installed.entry_points}
    for module in sorted(modules):
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            yield Path(next(iter(spec.submodule_search_locations)))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time make an environment; others wait for it."""
    with path.open("w") as file:
        while not locks.lock(file.fileno()):
            sleep(0.2)
        try:
            yield
        finally:
            locks.unlock(file.fileno())
