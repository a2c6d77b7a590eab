"""Which packages are other ones than when a model was trained, and whether that matters for it."""

import platform
import re
import warnings
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import NamedTuple

from autotrack.errors import AutotrackWarning
from autotrack.models.entries import Origin


class Difference(NamedTuple):
    """A package that the model needs, in the version of the training and of now (None if it is missing)."""

    package: str
    trained: str
    now: str | None
    matters: bool

    def __str__(self) -> str:
        return f"{self.package} {self.trained}, now {self.now or 'not installed'}"


def warn_of_differences(name: str, python: str, packages: Mapping[str, str]) -> None:
    """Warn if a model was trained with other versions, as far as that matters, at the line that calls for it.

    That is two calls above whoever calls this.
    """
    if differing := that_matter(_differences(python, packages)):
        told = f"{name} was trained with other versions: {'; '.join(map(str, differing))}"
        warnings.warn(told, AutotrackWarning, stacklevel=4)


def differences(origin: Origin) -> list[Difference]:
    """Return what differs of the packages that a model needs, and of Python.

    It matters where a package is missing or differs in its first two numbers, as in 1.4 and 1.5; the third one counts
    bug fixes. Of Python, the first two matter because pickled code is bound to them.
    """
    return _differences(origin.python, packages_of(origin))


def packages_of(origin: Origin) -> dict[str, str]:
    """Return the packages that a model needs, with the versions of its training."""
    return origin.packages or dict(origin.frameworks)  # a checkpoint alone does not say what it needs


def that_matter(found: Iterable[Difference]) -> list[Difference]:
    """Return the differences that matter."""
    return [one for one in found if one.matters]


def _differences(python: str, packages: Mapping[str, str]) -> list[Difference]:
    found = [_difference(name, version, _installed(name)) for name, version in sorted(packages.items())]
    of_python = _difference("Python", python, platform.python_version()) if python else None
    return [one for one in (of_python, *found) if one is not None]


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
