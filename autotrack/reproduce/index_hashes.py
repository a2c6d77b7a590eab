"""Asks an index for the checksums of packages, by uv where it is there, which has those of all files, else by pip."""

import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from autotrack.errors import ReproduceError
from autotrack.reproduce.environment import run_installer
from autotrack.reproduce.lock_hashes import Key, by_package, in_requirements

_WHAT = "the checksums of the packages"


class _Archive(msgspec.Struct, frozen=True):
    hashes: dict[str, str] = {}


class _Download(msgspec.Struct, frozen=True):
    archive_info: _Archive = _Archive()


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    version: str


class _Installed(msgspec.Struct, frozen=True):
    metadata: _Metadata
    download_info: _Download


class _Report(msgspec.Struct, frozen=True):
    install: list[_Installed]


def asked_hashes(lines: Iterable[str], python: str) -> dict[Key, list[str]]:
    """Return the SHA-256 of the files of packages, by name and version.

    Args:
        lines: Those of a requirements.txt; what is no version on an index is not asked for.
        python: The version of Python that the packages are for.

    Raises `ReproduceError` if there is no answer.
    """
    asked = [line for line in lines if "==" in line or line.startswith("--")]
    if not any("==" in line for line in asked):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("".join(f"{line}\n" for line in asked), encoding="utf-8")
        if (uv := shutil.which("uv")) is not None:
            options = ["--generate-hashes", "--no-deps", "--no-header", "--no-annotate", "--quiet"]
            options += ["--python-version", python, "--index-strategy", "unsafe-best-match"]
            return by_package(in_requirements(_answer([uv, "pip", "compile", *options, str(requirements)])))
        return _of_pip(requirements)


def _answer(command: list[str]) -> str:
    return run_installer(command, _WHAT, verb="had", fix="export without --hashes")


def _of_pip(requirements: Path) -> dict[Key, list[str]]:
    """Return what pip would install here: of each package, the one file that fits to this machine."""
    options = ["--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", "-", "-r", str(requirements)]
    said = _answer([sys.executable, "-m", "pip", "install", *options])
    try:
        report = msgspec.json.decode(said, type=_Report)
    except msgspec.DecodeError as error:
        raise ReproduceError(f"{_WHAT} cannot be had: pip answered something else ({error})") from error
    return by_package(
        (one.metadata.name, one.metadata.version, one.download_info.archive_info.hashes.values())
        for one in report.install
    )
