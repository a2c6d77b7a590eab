"""How the packages of now differ from those of a run."""

import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from autotrack.journal.summary import Summary
from autotrack.readers.reproducibility.missing import Missing
from autotrack.sidecar.capture.packages import find_distributions
from autotrack.version import DISTRIBUTION


def installed_here() -> dict[str, str]:
    """Return the versions of what is installed beside this Python, by name."""
    folder = str(Path.cwd())  # what lies in the working folder is not installed
    distributions, _ = find_distributions([path for path in sys.path if path not in ("", folder)])
    return {each.name: each.version for each in distributions}


def differing(summary: Summary, *, python: str, versions: Mapping[str, str]) -> Iterator[Missing]:
    """Yield what differs from the packages of a run; what is installed in addition does no harm."""
    recorded = summary.environment.get("packages")
    if not recorded:
        yield Missing("the packages", "they were not captured", "leave AUTOTRACK_ENVIRONMENT on", kind="packages")
        return
    if recorded.get("python") != python:
        yield Missing(f"Python {recorded.get('python')}", f"this is {python}", "", kind="packages")
    here = {_key(name): version for name, version in versions.items()}
    for name, version in recorded.get("versions", {}).items():
        now = here.get(_key(name))
        if now != version and _key(name) != DISTRIBUTION:
            why = "it is not installed here" if now is None else f"this is {now}"
            yield Missing(f"{name} {version}", why, f"pip install '{name}=={version}'", kind="packages")


def differing_here(summary: Summary) -> list[Missing]:
    """Return how the present environment differs from that of a run."""
    return list(differing(summary, python=platform.python_version(), versions=installed_here()))


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
