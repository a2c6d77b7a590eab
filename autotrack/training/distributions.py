"""Tells whether a module is that of a framework, or a module of the script that has the same name, and its version.

Beside a script lies a `torch.py` or a folder `keras` more often than one would think.
"""

import os
import re
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType


def distribution_of(module: ModuleType, candidates: str) -> tuple[str, str] | None:
    """Return the distribution that a module comes from, and its version; None if the module is another one.

    It is that of the distribution if it lies where that is installed. A package that lies elsewhere, as one that is
    installed to be edited does, or one that was copied into a project, is taken for it if it tells its version.

    Args:
        module: Has just been imported, or was earlier.
        candidates: The names of the distributions that have such a module, separated by `|`.
    """
    file = getattr(module, "__file__", None)
    known = None
    names = candidates.split("|")
    for name in names:
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if file and _lies_in(file, str(found.locate_file(""))):
            return name, found.version
        known = known or (name, found.version)
    package = sys.modules.get(module.__name__.partition(".")[0])
    version = getattr(package, "__version__", None)
    if not hasattr(package, "__path__") or not isinstance(version, str):
        return None
    return known or (names[-1], str(version))


def _lies_in(file: str, folder: str) -> bool:
    """Whether a file is in a folder, by the paths as they are written, which may be relative, or as links lead."""
    return any(Path(to(file)).is_relative_to(to(folder)) for to in (os.path.abspath, os.path.realpath))


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version. `packaging` would do it too, but takes 2 ms or more to import."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
