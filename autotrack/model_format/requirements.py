"""Which packages a model needs to be loaded: those whose modules its file names, in the versions of the training.

A pickle is only read as a list of instructions; nothing in it is executed.
"""

import io
import json
import pickletools
import platform
import re
import sys
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from typing import BinaryIO

from autotrack.model_format.damaged_zip import DAMAGED
from autotrack.model_format.yaml_text import dump

_MOST_BYTES = 2**20
_MOST_INSTRUCTIONS = 50_000
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VALID_VERSION = re.compile(r"[0-9][0-9A-Za-z.!_-]*")
_NEVER = ("autotrack-ml",)
_FORMAT_READER = "mlflow>=2.9,<4"
_OF_PICKLES = ("numpy", "scipy", "pandas", "joblib")
"""What unpickled estimators import for themselves, where it is installed; pickles do not always name it."""


def modules_in(name: str, file: BinaryIO) -> set[str]:
    """Return the modules that the beginning of a file with a model names."""
    if name.endswith((".skops", ".pth", ".keras")):
        return _modules_of_archive(file)
    return _modules_of_pickle(file.read(_MOST_BYTES)) if name.endswith((".joblib", ".pkl")) else set()


def is_installed(module: str) -> bool:
    """Return whether a module comes with Python or belongs to an installed package."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in _distributions() or top == "__main__"


def requirements(modules: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    """Return the lines of a requirements.txt for modules.

    `versions` are those of the packages in the training, as far as they are known; others are those of this process.
    """
    tops = sorted({module.partition(".")[0] for module in modules})
    names = {name for top in tops for name in _distributions().get(top, ())}
    if any(top in ("sklearn", "numpy") for top in tops):
        names |= {name for name in _OF_PICKLES if name in versions or _version(name)}
    known = {_normal(name): version for name, version in versions.items()}
    lines = set()
    for name in names:
        version = (known.get(_normal(name)) or _version(name) or "").partition("+")[0]
        if _VALID.fullmatch(name) and _VALID_VERSION.fullmatch(version) and _normal(name) not in _NEVER:
            lines.add(f"{name}=={version}")
    return [_FORMAT_READER, *sorted(lines, key=str.lower)]


def environment_files(lines: list[str], python: str) -> dict[str, bytes]:
    """Return the files that say which environment a model needs, by name."""
    environment = {"python": python, "build_dependencies": ["pip", "setuptools", "wheel"],
                   "dependencies": ["-r requirements.txt"]}  # fmt: skip
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": lines}],
    }
    return {
        "requirements.txt": "".join(f"{line}\n" for line in lines).encode(),
        "python_env.yaml": dump(environment).encode(),
        "conda.yaml": dump(conda).encode(),
    }


def python_version() -> str:
    """Return the version of this Python, which is that of the training process beside it."""
    return platform.python_version()


def _modules_of_pickle(content: bytes) -> set[str]:
    modules: set[str] = set()
    texts: list[str | None] = [None, None]  # what was pushed last, if it is text
    memo: list[str | None] = []
    try:
        for count, (code, argument, _) in enumerate(pickletools.genops(io.BytesIO(content[:_MOST_BYTES]))):
            if count > _MOST_INSTRUCTIONS:
                break
            match code.name:
                case "GLOBAL":
                    modules.add(str(argument).partition(" ")[0])
                    texts.append(None)
                case "STACK_GLOBAL":
                    modules.add(texts[-2] or "")
                    texts.append(None)
                case "MEMOIZE":
                    memo.append(texts[-1])
                case "BINGET" | "LONG_BINGET":
                    texts.append(memo[argument] if isinstance(argument, int) and argument < len(memo) else None)
                case "FRAME" | "PROTO":
                    pass
                case _:
                    texts.append(argument if isinstance(argument, str) else None)
            del texts[:-2]
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError):  # the file goes on, or is no pickle
        pass
    return modules - {""}


def _modules_of_archive(file: BinaryIO) -> set[str]:
    """Return the modules that the pickle in a file of PyTorch, or the description in one of skops or Keras, names."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            pickles = [name for name in names if name.endswith("/data.pkl")]
            described = next((name for name in ("schema.json", "config.json") if name in names), "schema.json")
            with archive.open(pickles[0] if pickles else described) as part:
                content = part.read(_MOST_BYTES)
    except (*DAMAGED, KeyError, OSError):
        return set()
    if pickles:
        return _modules_of_pickle(content)
    found = re.findall(r'"(?:__)?module(?:__)?": ("[^"]+")', content.decode(errors="replace"))
    return {*(["skops"] if described == "schema.json" else []), *map(_text, found)} - {""}


def _text(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


@cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
