"""Modules of the script that are called like one that autotrack has imported before the script began.

The folder of a script comes first on the path, but not yet when Python starts. So a `queue.py` of the script would
stay unseen, because that of the standard library has been imported already.
"""

import os
import sys
from pathlib import Path

from autotrack.training.main_target import main_target


def give_way(before: set[str]) -> None:
    """Forget those that were not there `before` and that the script would import from its own folder."""
    path, module = main_target()
    if sys.flags.safe_path or (path is None and module is None):
        return
    folder = Path.cwd() if path is None else Path(os.path.realpath(path))
    if path is not None and folder.is_file():
        folder = folder.parent
    try:
        own = {entry.name.partition(".")[0] for entry in os.scandir(folder) if _is_module(entry)}
    except OSError:
        return
    for name in set(sys.modules) - before:
        top = name.partition(".")[0]
        if top in own and not top.startswith("autotrack") and not _is_built_in(top):
            del sys.modules[name]


def _is_module(entry: "os.DirEntry[str]") -> bool:
    if entry.is_dir():
        return Path(entry.path, "__init__.py").exists()
    return entry.name.endswith((".py", ".so", ".pyc"))


def _is_built_in(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return spec is not None and spec.origin in ("built-in", "frozen")
