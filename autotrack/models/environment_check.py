"""Which packages are other ones than when a model was trained, and whether that matters for it."""

import platform
import re
from collections.abc import Iterable
from importlib import metadata
from typing import NamedTuple

from autotrack.models.entries import Origin


class Difference(NamedTuple):
    """A package that the model needs, in the version of the training and of now (None if it is missing)."""

    package: str
    trained: str
    now: str | None
    matters: bool

    def __str__(self) -> str:
        return f"{self.package} {self.trained}, now {self.now or 'not installed'}"


def differences(origin: Origin) -> list[Difference]:
    """Return what differs of the packages that a model needs, and of Python.

    It matters where a package is missing or differs in its first two numbers, as in 1.4 and 1.5; the third one counts
    bug fixes. Of Python, the first two matter because pickled code is bound to them.
    """
    found = [_difference(name, version, _installed(name)) for name, version in sorted(_needed(origin).items())]
    python = _difference("Python", origin.python, platform.python_version()) if origin.python else None
    return [one for one in (python, *found) if one is not None]


def that_matter(found: Iterable[Difference]) -> list[Difference]:
    """Return the differences that matter."""
    return [one for one in found if one.matters]


def _needed(origin: Origin) -> dict[str, str]:
    if origin.packages:
        return origin.packages
    return dict(origin.frameworks)  # a checkpoint alone does not say what it needs


def _difference(name: str, trained: str, now: str | None) -> Difference | None:
    before, after = (_numbers(version) for version in (trained, now or ""))
    if now is not None and trained.partition("+")[0] == now.partition("+")[0]:
        return None
    return Difference(name, trained, now, matters=now is None or before[:2] != after[:2])


def _numbers(version: str) -> list[str]:
    return re.findall(r"\d+", version.partition("+")[0])


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None
