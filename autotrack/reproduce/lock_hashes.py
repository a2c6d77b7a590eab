"""Checksums of packages that an index gave to whatever locked them: lock files of uv, Poetry, PDM, Pipenv, pip.

Installers leave none beside what they have installed, so there is no other place to find them without asking an index.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autotrack.reproduce.places import is_file

Key = tuple[str, str]
"""The name of a package as indexes spell it, and its version."""

Locked = Iterator[tuple[Any, Any, Iterable[Any]]]
"""Names and versions of packages, with the checksums of their files."""

_LARGEST = 5 * 10**7
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PINNED = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)([^\n]*)", re.MULTILINE)


def locked_hashes(code: Path) -> dict[Key, list[str]]:
    """Return the SHA-256 of the files of packages, by name and version, as the lock files of a project have them."""
    files = (
        read(path.read_text(encoding="utf-8", errors="replace"))
        for path, read in _lock_files(code)
        if is_file(path) and not path.is_symlink() and path.stat().st_size <= _LARGEST
    )
    return by_package(one for locked in files for one in locked)


def by_package(locked: Locked) -> dict[Key, list[str]]:
    """Return checksums by package, without what is none."""
    found: dict[Key, set[str]] = {}
    for name, version, hashes in locked:
        known = (match[1] for one in hashes if (match := _HASH.fullmatch(str(one))))
        found.setdefault(key_of(str(name), str(version)), set()).update(known)
    return {key: sorted(hashes) for key, hashes in found.items() if hashes}


def key_of(name: str, version: str) -> Key:
    """Return what a package is looked up by.

    >>> key_of("Typing_Extensions", "v4.12")
    ('typing-extensions', '4.12')
    """
    return re.sub(r"[-_.]+", "-", name).lower(), version.lower().removeprefix("v")


def _lock_files(code: Path) -> Iterator[tuple[Path, Callable[[str], Locked]]]:
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"):
        yield code / name, _in_toml
    yield code / "Pipfile.lock", _in_pipfile
    for pattern in ("requirements*.txt", "requirements/*.txt"):
        yield from ((path, in_requirements) for path in sorted(code.glob(pattern)))


def _in_toml(text: str) -> Locked:
    """Yield the packages of uv, Poetry, PDM and of the standard, which differ in what they call the files of one."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    older = _mapping(_mapping(content.get("metadata")).get("files"))  # Poetry before 1.2 has the files apart
    for package in map(_mapping, [*_list(content.get("package")), *_list(content.get("packages"))]):
        files = [*_list(package.get("files")), *_list(package.get("wheels")), package.get("sdist")]
        files += _list(older.get(str(package.get("name"))))
        yield package.get("name"), package.get("version"), [_hash_of(_mapping(one)) for one in files]


def _hash_of(file: Mapping[str, Any]) -> Any:
    return file.get("hash") or _mapping(file.get("hashes")).get("sha256")


def _in_pipfile(text: str) -> Locked:
    try:
        content = _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return
    for group in (_mapping(content.get(name)) for name in ("default", "develop")):
        for name, about in group.items():
            version = str(_mapping(about).get("version", "")).removeprefix("==")
            yield name, version, _list(_mapping(about).get("hashes"))


def in_requirements(text: str) -> Locked:
    """Yield the packages of a `requirements.txt`."""
    for match in _PINNED.finditer(re.sub(r"\\\s*\n", " ", text)):
        yield match[1], match[2], re.findall(r"--hash[= ]sha256:([0-9a-f]{64})", match[3])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
