"""What a run used of its project: the modules it imported, the files its code names, packages and variables."""

from collections.abc import Mapping
from typing import Any

from autotrack.journal.summary import Summary
from autotrack.readers.code.recorded_code import base_of

DIGESTS = ("sha256", "sampled", "listing")
"""What a checksum of data that was read is called: of a file, of the ends of a large one, of the names in a folder."""


class Usage:
    """What one run used, with paths from the folder of its project, as far as they are below it.

    Attributes:
        is_known: Whether it was recorded; older versions did not.
        root: What paths are from.
        modules: The checksums of the source files that were imported, by path.
        files: The checksums of the files that the code or the command line names, by path.
        packages: The names of the distributions that were imported.
        variables: The environment variables that the code reads.
        reads: The files that training was seen reading, the data that its code names, which is `named`, and what was
            `opened` in its folders while it went on, by whomever, by path: their `bytes`, when they were `modified`,
            and a `sha256`, or for a large one a `sampled` checksum. A folder has a `listing`: a checksum of the names
            and sizes of its `files`.
        draws: What random numbers are drawn with, such as `torch`; None where that was not recorded.
        seeds: The calls in the code that seed it, such as `torch.manual_seed`.
    """

    def __init__(self, summary: Summary) -> None:
        used = summary.environment.get("used", {})
        self.root = base_of(summary)
        root = f"{self.root}/".replace("//", "/")
        self.is_known = "modules" in used
        self.modules = {_below(name, root): checksum for name, checksum in _items(used, "modules")}
        self.files = {_below(name, root): checksum for name, checksum in _items(used, "files")}
        self.packages = set(_names(used, "packages"))
        self.variables: Mapping[str, Any] = dict(_items(used, "variables"))
        reads = _items(summary.environment.get("reads", {}), "files")
        self.reads = {_below(name, root): facts for name, facts in reads if isinstance(facts, dict)}
        self.draws = _names(used, "draws") if "draws" in used else None
        self.seeds = _names(used, "seeds")

    def is_listing(self, name: str) -> bool:
        """Whether something that was read is a folder, of which names and sizes are known."""
        return "listing" in self.reads[name]


def _items(used: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    values = used.get(name)
    return list(values.items()) if isinstance(values, dict) else []


def _names(used: Mapping[str, Any], name: str) -> list[str]:
    names = used.get(name)
    return [str(one) for one in names] if isinstance(names, list) else []


def _below(name: str, root: str) -> str:
    return name.removeprefix(root)  # by letters: an index does this for every file of ten thousand runs
