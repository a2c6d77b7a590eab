"""The files of an exported project that say which environment it needs, for pip, conda, MLflow and Docker."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from autotrack.format import some
from autotrack.journal.summary import Summary
from autotrack.model_format.yaml_text import dump
from autotrack.reproduce.lock import Lock
from autotrack.reproduce.lock_hashes import Key, key_of

WHEELS = "wheels"

_LOCAL_WHEEL = re.compile(r"(?P<name>\S+) @ (?P<url>file:[^#\s]+\.whl)(?P<digest>#sha256=[0-9a-f]+)?")
_HAS_CHECKSUM = re.compile(r"#sha256=[0-9a-f]{64}$")
_MOST_NAMED = 5
_BUILD = re.compile(r"[\w.!]+\+(?P<label>cpu|cu\d+|rocm[\d.]+|xpu)", re.ASCII)
_PYTORCH = ("torch", "torchvision", "torchaudio")
_PYTORCH_INDEX = "https://download.pytorch.org/whl/"

_SYSTEM_PACKAGES = {
    "graphviz": ("graphviz",),
    "lightgbm": ("libgomp1",),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "psycopg2": ("libpq5",),
    "pydub": ("ffmpeg",),
    "soundfile": ("libsndfile1",),
    "torchcodec": ("ffmpeg",),
}
"""What packages need of the operating system that their wheels do not bring along."""

_PYTHON_IMAGES = {"CPython": "python:{python}-slim", "PyPy": "pypy:{minor}-slim"}


@dataclass(frozen=True)
class ProjectEnvironment:
    """Which Python and packages a project needs.

    Attributes:
        python: The version of Python.
        implementation: Which Python it is.
        lines: The lines of requirements.txt.
        system: Packages of the operating system, by Debian's names.
    """

    python: str
    implementation: str
    lines: tuple[str, ...]
    system: tuple[str, ...]

    @property
    def has_wheels(self) -> bool:
        """Whether packages were copied that no index has."""
        return any(line.startswith(f"./{WHEELS}/") for line in self.lines)

    def files(self, command: str) -> dict[str, str]:
        """Return the files by name. `command` is what the container runs, a text for a shell."""
        text = "".join(f"{line}\n" for line in self.lines)
        pip: list[Any] = ["-r requirements.txt"]
        python_env = {"python": self.python, "build_dependencies": ["pip", "setuptools", "wheel"], "dependencies": pip}
        python = "pypy" if self.implementation == "PyPy" else "python"
        conda = {
            "name": "project",
            "channels": ["conda-forge"],
            "dependencies": [f"{python}={self.python}", "pip", {"pip": pip}],
        }
        return {
            "requirements.txt": text,
            "python_env.yaml": dump(python_env),
            "conda.yaml": dump(conda),
            "Dockerfile": "\n".join(self._docker_lines(command)) + "\n",
            ".dockerignore": ".git\n**/__pycache__\n.venv\nmlruns\nruns\n",
        }

    def _docker_lines(self, command: str) -> Iterator[str]:
        minor = ".".join(self.python.split(".")[:2])
        image = _PYTHON_IMAGES.get(self.implementation, _PYTHON_IMAGES["CPython"])
        yield f"FROM {image.format(python=self.python, minor=minor)}"
        yield ""
        if self.system:
            yield "# hadolint ignore=DL3008"  # which versions there are is up to the image
            yield f"RUN apt-get update && apt-get install -y --no-install-recommends {' '.join(self.system)} \\"
            yield "    && rm -rf /var/lib/apt/lists/*"
        yield "WORKDIR /project"
        yield "COPY requirements.txt ./"
        if self.has_wheels:
            yield f"COPY {WHEELS} ./{WHEELS}"
        yield "RUN pip install --no-cache-dir --no-deps -r requirements.txt"
        yield "COPY . ."
        yield "ENV PYTHONUNBUFFERED=1"
        yield f"CMD {json.dumps(['sh', '-c', command])}"


def project_environment(lock: Lock | None, summary: Summary, folder: Path) -> ProjectEnvironment:
    """Return the environment of an exported project; wheels that only this machine has are copied into its folder."""
    lines = tuple(_lines(lock.requirements.splitlines(), summary, folder)) if lock is not None else ()
    names = {re.split(r"[ =@]", line)[0].lower() for line in (lock.requirements.splitlines() if lock else ())}
    system = {package for name in names for package in _SYSTEM_PACKAGES.get(name, ())}
    system |= {"git"} if any(" @ git+" in line for line in lines) else set()
    return ProjectEnvironment(
        python=lock.python.rstrip("+") if lock is not None else _plain_version(summary.python),
        implementation=lock.implementation if lock is not None else "CPython",
        lines=lines,
        system=tuple(sorted(system)),
    )


def _lines(locked: Iterable[str], summary: Summary, folder: Path) -> Iterator[str]:
    """Yield the lines of requirements.txt: builds of PyTorch with their index, wheels of this machine as copies."""
    versions = summary.environment.get("packages", {}).get("versions", {})
    labels = {name: match["label"] for name in _PYTORCH if (match := _BUILD.fullmatch(str(versions.get(name, ""))))}
    for label in sorted(set(labels.values())):
        yield f"--extra-index-url {_PYTORCH_INDEX}{label}"
    for line in locked:
        name = line.partition("==")[0].lower()
        if name in labels:
            yield f"{line}+{labels[name]}"
        elif (wheel := _LOCAL_WHEEL.fullmatch(line)) is not None:
            path = Path(unquote(urlsplit(wheel["url"]).path))
            (folder / WHEELS).mkdir(exist_ok=True)
            shutil.copyfile(path, folder / WHEELS / path.name)
            yield f"./{WHEELS}/{path.name}"
        else:
            yield line


def with_checksums(
    environment: ProjectEnvironment, hashes: Mapping[Key, Sequence[str]], folder: Path
) -> ProjectEnvironment:
    """Return the environment with checksums of all its packages; without any if some are unknown: so pip wants it.

    `hashes` are those of what an index has, and `folder` that of the project.
    """
    checked, unknown = [], []
    for line in environment.lines:
        name, sign, version = line.partition("==")
        if line.startswith("--") or _HAS_CHECKSUM.search(line):
            checked.append(line)
        elif line.startswith(f"./{WHEELS}/"):
            checked.append(_checked(line, [hashlib.sha256((folder / line).read_bytes()).hexdigest()]))
        elif sign and (known := hashes.get(key_of(name, version))):
            checked.append(_checked(line, known))
        else:
            unknown.append(re.split(r"[ =@]", line)[0])
    if not unknown:
        return replace(environment, lines=tuple(checked))
    if not hashes:
        return environment
    why = f"# without checksums, because that of some is not known: {some(unknown, _MOST_NAMED)}"
    return replace(environment, lines=(why, *environment.lines))


def _checked(line: str, hashes: Sequence[str]) -> str:
    return " \\\n    ".join([line, *(f"--hash=sha256:{one}" for one in hashes)])


def _plain_version(python: str) -> str:
    found = re.match(r"\d+\.\d+(\.\d+)?", python)
    return found[0] if found else "3.12"
