"""Which attributes of scripted modules are weights: the code beside them says so. That code is only read."""

import re
import zipfile
from collections.abc import Mapping

_CLASS = re.compile(r"^class (\w+)\(Module\):\n  __parameters__ = \[(.*)\]\n  __buffers__ = \[(.*)\]$", re.MULTILINE)
_NAME = re.compile(r'"([^"]*)"')
_MOST_BYTES = 2**24


def code_in(archive: zipfile.ZipFile, prefix: str) -> dict[str, bytes]:
    """Return the source files of a scripted module, by their paths. Raises `ValueError` where they are too large."""
    entries = [one for one in archive.infolist() if one.filename.startswith(f"{prefix}code/")]
    files = [one for one in entries if one.filename.endswith(".py")]
    if sum(one.file_size for one in files) > _MOST_BYTES:
        raise ValueError("it holds too much besides weights")
    return {one.filename.removeprefix(f"{prefix}code/"): archive.read(one) for one in files}


def weights_by_class(code: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the names of the parameters and buffers of each class of modules, by its full name."""
    found = {}
    for path, content in code.items():
        module = path.removesuffix(".py").replace("/", ".")
        for name, parameters, buffers in _CLASS.findall(content.decode(errors="replace")):
            found[f"{module}.{name}"] = (*_NAME.findall(parameters), *_NAME.findall(buffers))
    return found
