"""Every distribution that the training's interpreter can import, and a requirements.txt that pip can install."""

import platform
import re
import sys
from collections.abc import Iterable, Sequence
from configparser import Error as ConfigParserError
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from autotrack.journal.records import AnyRecord, Environment, Notice
from autotrack.sidecar.capture.base import Subject

_NAME = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(  # PEP 440; pip refuses the whole file for a version that is none
    r"(?P<public>v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|alpha|b|beta|c|rc|pre|preview)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?P<dev>[-_.]?dev[-_.]?\d*)?)"
    r"(?:\+(?P<label>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE | re.ASCII,
)


class VcsInfo(msgspec.Struct, frozen=True):
    """The commit that pip checked out."""

    vcs: str
    commit_id: str
    requested_revision: str | None = None


class DirInfo(msgspec.Struct, frozen=True):
    """A folder that pip installed."""

    editable: bool = False


class DirectUrl(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an installer writes into direct_url.json where no index was asked (PEP 610)."""

    url: str
    vcs_info: VcsInfo | None = None
    dir_info: DirInfo | None = None
    archive_info: dict[str, Any] | None = None
    subdirectory: str | None = None


class Checkout(msgspec.Struct, frozen=True, omit_defaults=True):
    """The repository of a folder that is imported in place, as it is now; whether it has changes is not looked at."""

    commit: str
    remote: str | None = None


class Distribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """One installed distribution; `folder` is where the code of an editable one lies."""

    name: str
    version: str
    installer: str | None = None
    direct_url: DirectUrl | None = None
    folder: str | None = None
    checkout: Checkout | None = None

    @property
    def commit(self) -> str | None:
        """The commit that it was installed from, or that its folder is at."""
        if self.direct_url and self.direct_url.vcs_info:
            return self.direct_url.vcs_info.commit_id
        return self.checkout.commit if self.checkout else None


def capture(subject: Subject) -> list[AnyRecord]:
    """Capture the distributions on `sys.path`, which the sidecar has in common with the training process."""
    found, broken = find_distributions(sys.path)
    python, implementation = platform.python_version(), platform.python_implementation()
    lines = [f"{one.name}=={one.version}" + (f" {one.commit}" if one.commit else "") for one in found]
    content = {"python": python, "implementation": implementation, "distributions": msgspec.to_builtins(found)}
    requirements, _ = subject.redactor.redact_text(write_requirements(found))
    files = [
        subject.write_json("packages.json", content),
        subject.write("requirements.txt", requirements.encode(errors="replace")),
    ]
    values = {
        "python": python,
        "implementation": implementation,
        "count": len(found),
        "digest": sha256("\n".join(lines).encode(errors="replace")).hexdigest(),
        "versions": {one.name: one.version for one in found},
        "commits": {one.name: one.commit for one in found if one.commit},
    }
    records: list[AnyRecord] = [Environment(time=time(), kind="packages", values=values, files=files)]
    if broken:
        message = f"{len(broken)} distributions without a readable name and version are left out: {', '.join(broken)}"
        records.append(Notice(time=time(), about="packages", message=message))
    return records


def find_distributions(path: Sequence[str]) -> tuple[list[Distribution], list[str]]:
    """Return the distributions on a search path by name, and where metadata is broken.

    Of several by one name the first counts, as it does for an import.
    """
    found: dict[str, Distribution] = {}
    broken: list[str] = []
    for one in metadata.distributions(path=list(path)):
        place = _place(one)
        if place.name.startswith("~"):  # left behind by pip where it could not delete; Python cannot import it
            continue
        distribution = _read(one, place)
        if distribution is None:
            broken.append(str(place))
            continue
        key = re.sub(r"[-_.]+", "-", distribution.name).lower()
        found[key] = _first(found[key], distribution) if key in found else distribution
    return [found[key] for key in sorted(found)], broken


def write_requirements(found: Iterable[Distribution]) -> str:
    """Return the requirements.txt of distributions: it names no index, and pip can read every line."""
    head = (
        f"# What a run used with {platform.python_implementation()} {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}; written by autotrack.\n"
        "# To install it: pip install -r requirements.txt\n"
    )
    return head + "".join(f"{' '.join(_requirement(one).split())}\n" for one in found)


def _place(one: metadata.Distribution) -> Path:
    """The folder of a distribution's metadata. It has no public name; pip reads the same attribute."""
    return Path(str(getattr(one, "_path", None) or one.locate_file("")))


def _read(one: metadata.Distribution, place: Path) -> Distribution | None:
    try:
        headers = _headers(one.read_text("METADATA") or one.read_text("PKG-INFO") or one.read_text("") or "")
        installer, direct_url = one.read_text("INSTALLER"), _direct_url(one.read_text("direct_url.json"))
    except (OSError, UnicodeDecodeError):
        return None
    if not headers.get("name") or not headers.get("version"):
        return None
    folder = None
    if direct_url and direct_url.dir_info and direct_url.dir_info.editable:
        folder = unquote(urlsplit(direct_url.url).path)
    elif place.suffix == ".egg-info" and not place.parent.name.endswith("-packages"):
        folder = str(place.parent)  # what setuptools leaves beside code that is imported in place
    return Distribution(
        name=headers["name"],
        version=headers["version"],
        installer=(installer or "").strip() or None,
        direct_url=direct_url,
        folder=folder,
        checkout=_checkout(folder) if folder else None,
    )


def _headers(text: str) -> dict[str, str]:
    """The head of a METADATA file. To parse all of it as e-mail, description included, takes ten times as long."""
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and name == name.lstrip():  # else it continues the line before
            headers.setdefault(name.lower(), value.strip())
    return headers


def _direct_url(text: str | None) -> DirectUrl | None:
    try:
        found = msgspec.json.decode(text or "", type=DirectUrl)
        return msgspec.structs.replace(found, url=_without_credentials(found.url))
    except ValueError:  # no file, no JSON, not of this form, or no URL
        return None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    keep = parts.scheme.endswith("ssh") and ":" not in user  # "git@" is needed there, and no secret
    return url if keep else parts._replace(netloc=host).geturl()


def _first(first: Distribution, second: Distribution) -> Distribution:
    """The first, with where it was installed from: beside code imported in place there is metadata without that."""
    if first.direct_url or first.version != second.version or not second.direct_url:
        return first
    return second


def _checkout(folder: str) -> Checkout | None:
    """The commit of the repository that a folder lies in."""
    try:
        import git  # slow, and not needed by most
    except ImportError:  # its way to say that there is no git on this machine
        return None
    try:
        with git.Repo(folder, search_parent_directories=True) as repository:
            commit = git.SymbolicReference.dereference_recursive(repository, "HEAD")  # starts no process
            remote = next((str(remote.url) for remote in repository.remotes), None)
            return Checkout(commit, _without_credentials(remote) if remote else None)
    except (git.GitError, ConfigParserError, AttributeError, OSError, ValueError):
        return None  # no repository, none that can be read, one without a commit or with a remote without a URL


def _requirement(one: Distribution) -> str:
    exact, direct = f"{one.name}=={one.version}", one.direct_url
    version = _VERSION.fullmatch(one.version)
    if not version or not _NAME.fullmatch(one.name):
        return f"# {exact}: pip reads no such name or version"
    if one.folder:
        at = f", at commit {one.checkout.commit} of {one.checkout.remote or 'a local one'}" if one.checkout else ""
        return f"# {exact}: imported in place from {one.folder}{at}"
    if not direct or one.installer == "conda":  # it writes the folder of the machine that built the package
        return _from_index(one.name, version)
    url = _pip_url(direct)
    if re.fullmatch(r"(?!file:)[\w+.-]+://\S+", url):
        return f"{one.name} @ {url}"
    if direct.archive_info is None:  # a folder. Not by its name alone: in an index that may be somebody else's
        return f"# {exact}: installed from {url}"
    return f"{_from_index(one.name, version)}  # installed from {url}"


def _from_index(name: str, version: re.Match[str]) -> str:
    if not version["label"]:
        return f"{name}=={version[0]}"
    if version["dev"]:
        return f"# {name}=={version[0]}: a build of its own, which no index is sure to have"
    # "==2.13.0" is met by 2.13.0+cpu as well, and pip prefers that where it sees both; "==2.13.0+cpu" cannot be met
    # without the index that has such builds.
    return f"{name}=={version['public']}  # it was {version[0]}, which pip takes where the index has it"


def _pip_url(direct: DirectUrl) -> str:
    if not direct.vcs_info:
        return direct.url
    subdirectory = f"#subdirectory={direct.subdirectory}" if direct.subdirectory else ""
    return f"{direct.vcs_info.vcs}+{direct.url}@{direct.vcs_info.commit_id}{subdirectory}"
