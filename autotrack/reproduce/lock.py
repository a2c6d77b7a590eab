"""What was installed for a run, as something that can be installed again."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

import msgspec

from autotrack.errors import ReproduceError
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.readers.reproducibility.checks import PACKAGES
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.places import is_file
from autotrack.sidecar.capture.packages import Distribution, write_requirements
from autotrack.version import DISTRIBUTION

_MOST_BYTES = 2**26
_VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?\+?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class _Packages(msgspec.Struct, frozen=True):
    python: str
    implementation: str = "CPython"
    distributions: list[Distribution] = []


@dataclass(frozen=True)
class Lock:
    """What was installed.

    Attributes:
        python: The version of Python, such as `3.11.7`.
        implementation: Which Python it is, such as `CPython`.
        requirements: What pip and uv read: one exact version a line.
        in_place: The folders of packages that were imported in place, by the name of the package.
        missing: What cannot be installed from an index.
    """

    python: str
    requirements: str
    in_place: dict[str, PurePath]
    missing: tuple[Missing, ...]
    implementation: str = "CPython"

    @property
    def is_cpython(self) -> bool:
        """Whether it is the usual Python."""
        return self.implementation == "CPython"

    @property
    def named_python(self) -> str:
        """The Python in words, such as `Python 3.11.7` or `PyPy 3.10.14`."""
        return f"{'Python' if self.is_cpython else self.implementation} {self.python}"

    @property
    def count(self) -> int:
        """How many packages are installed."""
        return sum(not line.startswith("#") for line in self.requirements.splitlines())

    @property
    def digest(self) -> str:
        """What environments with the same content are kept under."""
        python = self.python if self.is_cpython else self.named_python
        return hashlib.sha256(f"{python}\n{self.requirements}".encode(errors="replace")).hexdigest()[:20]


def read_lock(run: Path, summary: Summary) -> Lock:
    """Return what was installed for a run. Raises `ReproduceError` if that was not captured, or cannot be read."""
    name = next((name for name in summary.environment_files if own_name(name) == PACKAGES), None)
    if name is None:
        raise ReproduceError(
            "the packages of the run were not captured, so its environment cannot be made again; add --here to use "
            "the present one"
        )
    try:
        content = msgspec.json.decode(read_bytes(run, name, limit_bytes=_MOST_BYTES), type=_Packages)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReproduceError(f"the packages of the run cannot be read: {error}; add --here") from error
    if not _VERSION.fullmatch(content.python):
        raise ReproduceError(f"the run names {content.python!r:.40} as its version of Python; add --here")
    if not _NAME.fullmatch(content.implementation):
        raise ReproduceError(f"the run names {content.implementation!r:.40} as its Python; add --here")
    named = [each for each in content.distributions if _NAME.fullmatch(each.name)]
    others = [each for each in named if each.name.lower().replace("_", "-") != DISTRIBUTION]
    in_place = {each.name: PurePath(os.path.normpath(each.folder)) for each in others if each.folder}
    wheels = {each.name: wheel for each in others if (wheel := _local_wheel(each)) is not None}
    rest = [each for each in others if each.name not in in_place and each.name not in wheels]
    # The text is made again from checked names and versions: a requirements.txt of somebody else may have any option.
    lines = write_requirements(rest).splitlines()
    lines = [line.partition(" #")[0] for line in lines if not line.startswith("# ") or "==" in line]
    kept = [line for line in lines if not line.startswith("#")]
    kept += [f"{name} @ {wheel}" for name, wheel in wheels.items()]
    return Lock(
        python=content.python,
        requirements="".join(f"{line}\n" for line in sorted(kept, key=str.lower)),
        in_place=in_place,
        missing=tuple(_not_installable(line) for line in lines if line.startswith("#")),
        implementation=content.implementation,
    )


def _local_wheel(distribution: Distribution) -> str | None:
    """Return the URL of the file that a package was installed from, if it is still there."""
    direct = distribution.direct_url
    if direct is None or direct.archive_info is None or not direct.url.startswith("file://"):
        return None
    try:
        path = Path(unquote(urlsplit(direct.url).path))
    except ValueError:  # a host in brackets that is none
        return None
    if path.suffix != ".whl" or not is_file(path) or re.search(r"\s", direct.url):
        return None
    hashes = direct.archive_info.get("hashes") or {}
    wanted = hashes.get("sha256") if isinstance(hashes, dict) else None
    return direct.url + (f"#sha256={wanted}" if isinstance(wanted, str) and wanted.isalnum() else "")


def _not_installable(line: str) -> Missing:
    name, _, why = line.removeprefix("# ").partition(": ")
    return Missing(name.replace("==", " "), why, "install it from an index, or commit its code", kind="packages")
