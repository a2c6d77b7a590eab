"""The scripts of scikit-learn's gallery: they come with its source, and most need nothing but that."""

import hashlib
import json
import re
import tarfile
import urllib.request
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

INDEX = "https://pypi.org/simple/scikit-learn/"

_DOWNLOADS = re.compile(r"\bfetch_(?!.*def )\w+|urlopen|urlretrieve|requests\.get|load_sample_images")
_IMPORTS = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


def unpacked(folder: Path) -> Path:
    """Fetch the source of the installed scikit-learn into a folder, once; return its folder of examples."""
    name = f"scikit_learn-{version('scikit-learn')}"
    examples = folder / name / "examples"
    if examples.exists():
        return examples
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{name}.tar.gz"
    archive.write_bytes(_source(archive.name))
    with tarfile.open(archive) as source:
        members = [member for member in source.getmembers() if member.name.startswith(f"{name}/examples/")]
        source.extractall(folder, members, filter="data")
    return examples


def scripts(examples: Path) -> list[Path]:
    """Return the scripts that download nothing and import nothing that is not installed, in order."""
    return [path for path in sorted(examples.glob("*/*.py")) if _runs_alone(path.read_text(encoding="utf-8"))]


def _runs_alone(text: str) -> bool:
    if _DOWNLOADS.search(text):
        return False
    return all(find_spec(name) is not None for name in set(_IMPORTS.findall(text)) - {"of", "the", "a", "this"})


def _source(name: str) -> bytes:
    """Return the archive of this name from the package index, if it is what the index says it is."""
    request = urllib.request.Request(INDEX, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        listed = next(file for file in json.load(answer)["files"] if file["filename"] == name)
    with urllib.request.urlopen(listed["url"], timeout=300) as answer:
        content: bytes = answer.read()
    if hashlib.sha256(content).hexdigest() != listed["hashes"]["sha256"]:
        raise RuntimeError(f"{name} is not what the package index says it is")
    return content
