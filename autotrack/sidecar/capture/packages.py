"""Captures every distribution that training can import, and writes a requirements.txt that pip can install."""

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
from autotrack.sidecar.capture.repository import without_credentials

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(  # PEP 440; pip refuses a whole file for one invalid version
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
    """What an installer writes into direct_url.json if a package does not come from an index (PEP 610)."""

    url: str
    vcs_info: VcsInfo | None = None
    dir_info: DirInfo | None = None
    archive_info: dict[str, Any] | None = None
    subdirectory: str | None = None


class Checkout(msgspec.Struct, frozen=True, omit_defaults=True):
    """The repository of a folder that is imported in place. Whether it has uncommitted changes is not recorded."""

    commit: str
    remote: str | None = None


class Distribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """One installed distribution. `folder` is where the code of an editable one lies."""

    name: str
    version: str
    installer: str | None = None
    direct_url: DirectUrl | None = None
    folder: str | None = None
    checkout: Checkout | None = None

    @property
    def commit(self) -> str | None:
        """The commit that it was installed from, or that its folder has checked out."""
        if self.direct_url and self.direct_url.vcs_info:
            return self.direct_url.vcs_info.commit_id
        return self.checkout.commit if self.checkout else None


def capture(subject: Subject) -> list[AnyRecord]:
    """Capture the distributions on `sys.path`, which is the same in the sidecar as in the training process."""
    distributions, broken = find_distributions(sys.path)
    python, implementation = platform.python_version(), platform.python_implementation()
    lines = [f"{each.name}=={each.version}" + (f" {each.commit}" if each.commit else "") for each in distributions]
    content = {
        "python": python,
        "implementation": implementation,
        "distributions": msgspec.to_builtins(distributions),
    }
    requirements, _ = subject.redactor.redact_text(write_requirements(distributions))
    files = [
        subject.write_json("packages.json", content),
        subject.write("requirements.txt", requirements.encode(errors="replace")),
    ]
    values = {
        "python": python,
        "implementation": implementation,
        "count": len(distributions),
        "digest": sha256("\n".join(lines).encode(errors="replace")).hexdigest(),
        "versions": {each.name: each.version for each in distributions},
        "commits": {each.name: each.commit for each in distributions if each.commit},
    }
    records: list[AnyRecord] = [Environment(time=time(), kind="packages", values=values, files=files)]
    if broken:
        message = f"{len(broken)} distributions without a readable name and version are left out: {', '.join(broken)}"
        records.append(Notice(time=time(), about="packages", message=message))
    return records


def find_distributions(path: Sequence[str]) -> tuple[list[Distribution], list[str]]:
    """Return the distributions on a search path, sorted by name, and the paths of broken metadata.

    If several have the same name, the first one counts, as for an import.
    """
    by_name: dict[str, Distribution] = {}
    broken: list[str] = []
    for installed in metadata.distributions(path=list(path)):
        folder = _metadata_folder(installed)
        if folder.name.startswith("~"):  # left behind by pip where it could not delete; Python cannot import it
            continue
        distribution = _read(installed, folder)
        if distribution is None:
            broken.append(str(folder))
            continue
        key = re.sub(r"[-_.]+", "-", distribution.name).lower()
        by_name[key] = _first(by_name[key], distribution) if key in by_name else distribution
    return [by_name[key] for key in sorted(by_name)], broken


def write_requirements(distributions: Iterable[Distribution]) -> str:
    """Return a requirements.txt for distributions. It names no index, and pip can read every line."""
    head = (
        f"# What a run used with {platform.python_implementation()} {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}; written by autotrack.\n"
        "# To install it: pip install -r requirements.txt\n"
    )
    return head + "".join(f"{' '.join(_requirement(each).split())}\n" for each in distributions)


def _metadata_folder(installed: metadata.Distribution) -> Path:
    """Return the folder of the metadata. It has no public name; pip reads the same attribute."""
    return Path(str(getattr(installed, "_path", None) or installed.locate_file("")))


def _read(installed: metadata.Distribution, metadata_folder: Path) -> Distribution | None:
    read_text = installed.read_text
    try:
        headers = _headers(read_text("METADATA") or read_text("PKG-INFO") or read_text("") or "")
        installer, direct_url = read_text("INSTALLER"), _direct_url(read_text("direct_url.json"))
    except (OSError, UnicodeDecodeError):
        return None
    if not headers.get("name") or not headers.get("version"):
        return None
    folder = None
    if direct_url and direct_url.dir_info and direct_url.dir_info.editable:
        folder = unquote(urlsplit(direct_url.url).path)
    elif metadata_folder.suffix == ".egg-info" and not metadata_folder.parent.name.endswith("-packages"):
        folder = str(metadata_folder.parent)  # setuptools leaves it beside code that is imported in place
    return Distribution(
        name=headers["name"],
        version=headers["version"],
        installer=(installer or "").strip() or None,
        direct_url=direct_url,
        folder=folder,
        checkout=_checkout(folder) if folder else None,
    )


def _headers(text: str) -> dict[str, str]:
    """Parse the head of a METADATA file. Parsing all of it as e-mail takes ten times as long."""
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and name == name.lstrip():  # otherwise it continues the line before
            headers.setdefault(name.lower(), value.strip())
    return headers


def _direct_url(text: str | None) -> DirectUrl | None:
    try:
        direct_url = msgspec.json.decode(text or "", type=DirectUrl)
        urlsplit(direct_url.url)  # which refuses what is not a URL
        return msgspec.structs.replace(direct_url, url=without_credentials(direct_url.url))
    except ValueError:  # no file, not JSON, not of this form, or not a URL
        return None


def _first(first: Distribution, second: Distribution) -> Distribution:
    """Return the first, or the second if only that tells where it came from.

    Metadata that lies beside code imported in place does not tell it.
    """
    if first.direct_url or first.version != second.version or not second.direct_url:
        return first
    return second


def _checkout(folder: str) -> Checkout | None:
    """Return the commit of the repository that a folder lies in."""
    try:
        import git  # slow to import, and rarely needed
    except ImportError:  # GitPython raises it too if there is no git on this machine
        return None
    try:
        with git.Repo(folder, search_parent_directories=True) as repository:
            commit = git.SymbolicReference.dereference_recursive(repository, "HEAD")  # starts no process
            remote = next((str(remote.url) for remote in repository.remotes), None)
            return Checkout(commit, without_credentials(remote) if remote else None)
    except (git.GitError, ConfigParserError, AttributeError, OSError, ValueError):
        return None  # no repository, an unreadable one, one without a commit, or a remote without a URL


def _requirement(distribution: Distribution) -> str:
    name, direct, checkout = distribution.name, distribution.direct_url, distribution.checkout
    exact = f"{name}=={distribution.version}"
    version = _VERSION.fullmatch(distribution.version)
    if not version or not _NAME.fullmatch(name):
        return f"# {exact}: pip does not accept this name or version"
    if distribution.folder:
        at = f", at commit {checkout.commit} of {checkout.remote or 'a local one'}" if checkout else ""
        return f"# {exact}: imported in place from {distribution.folder}{at}"
    if (
        not direct or distribution.installer == "conda"
    ):  # conda writes the folder of the machine that built the package
        return _from_index(name, version)
    url = _pip_url(direct)
    if re.fullmatch(r"(?!file:)[\w+.-]+://\S+", url):
        return f"{name} @ {url}"
    if direct.archive_info is None:  # a folder. In an index, its name may belong to somebody else
        return f"# {exact}: installed from {url}"
    return f"{_from_index(name, version)}  # installed from {url}"


def _from_index(name: str, version: re.Match[str]) -> str:
    if not version["label"]:
        return f"{name}=={version[0]}"
    if version["dev"]:
        return f"# {name}=={version[0]}: a development build that no index may have"
    # 2.13.0+cpu satisfies "==2.13.0" too, and pip prefers it if it sees both. "==2.13.0+cpu" needs an index that
    # has such builds.
    return f"{name}=={version['public']}  # it was {version[0]}, which pip installs if the index has it"


def _pip_url(direct: DirectUrl) -> str:
    if not direct.vcs_info:
        hashes = (direct.archive_info or {}).get("hashes")
        digest = hashes.get("sha256") if isinstance(hashes, dict) else None
        is_known = isinstance(digest, str) and _SHA256.fullmatch(digest) is not None and "#" not in direct.url
        return f"{direct.url}#sha256={digest}" if is_known else direct.url
    subdirectory = f"#subdirectory={direct.subdirectory}" if direct.subdirectory else ""
    return f"{direct.vcs_info.vcs}+{direct.url}@{direct.vcs_info.commit_id}{subdirectory}"
