"""Decides what is kept of the user's files: no large files, none whose names tell of secrets, no secrets in texts."""

import codecs
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import Any

from autotrack.format import some as first_of
from autotrack.journal.kept_code import HOLDS_SECRET, REDACTED, SUSPICIOUS
from autotrack.redaction import Redactor
from autotrack.sidecar.capture.notebooks import clean_notebook

LARGEST_FILE_BYTES = 10**6

LARGE = f"over {LARGEST_FILE_BYTES // 10**6} MB"
BEYOND_BUDGET = "beyond the limit for a run"
OUT_OF_TIME = "there was no time left for it"

_SECRET_FILES = (
    *".env .env.* *.env .envrc .netrc _netrc .pgpass .my.cnf .npmrc .pypirc .dockercfg .s3cfg .boto".split(),
    *"*.pem *.key *.p8 *.p12 *.pfx *.jks *.keystore *.keytab *.kdb *.kdbx *.ppk *.ovpn *.tfvars *.tfstate".split(),
    *"id_rsa* id_dsa* id_ecdsa* id_ed25519* *htpasswd .git-credentials .vault-token token stored_tokens".split(),
    *"credentials* .credentials* *credentials.json client_secret* *service?account*.json".split(),
    *"*serviceaccount*.json *firebase-adminsdk* kaggle.json token.pickle token.pkl".split(),
    *"secrets.json secrets.toml secrets.yaml secrets.yml".split(),
)
_SECRET_FOLDERS = frozenset(".aws .azure .docker .gcloud .gnupg .kube .password-store .ssh".split())
_HARMLESS = frozenset("example sample template dist".split())
_WIDE = {  # how texts begin that are not in UTF-8; the longest first
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def is_secret_file(name: str) -> bool:
    """Whether the path of a file suggests a secret: `.env` does, `.env.example` and `keys.py` do not."""
    *folders, file = PurePosixPath(name.lower()).parts
    if _HARMLESS.intersection(file.split(".")):
        return False
    return not _SECRET_FOLDERS.isdisjoint(folders) or _secret_files().match(file) is not None


@cache
def _secret_files() -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in _SECRET_FILES))


def is_text(content: bytes) -> bool:
    """Whether this is text, by the same rule as in git."""
    return b"\0" not in content[:8000]


def content_of(path: Path) -> bytes:
    """Return the content of a file. Of a symbolic link, which is never followed, return the target path.

    Raises `OSError`, also for what is neither.
    """
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return os.fsencode(path.readlink())
    if not stat.S_ISREG(mode):  # reading a pipe would wait for a writer
        raise OSError(0, "not a regular file")
    return path.read_bytes()


def modified(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; 0 if it does not exist."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def is_code(name: str, content: bytes) -> bool:
    """Whether this is Python or a notebook. In code, the text around a secret gives it away."""
    first = content[:100].partition(b"\n")[0]
    return name.lower().endswith((".py", ".pyi", ".pyw", ".ipynb")) or (first.startswith(b"#!") and b"python" in first)


def without_secrets(content: bytes, redactor: Redactor, name: str) -> bytes | None:
    """Return the content of a file without its secrets; None if it is not text, so that they cannot be taken out."""
    mark, encoding = _encoding_of(content)
    if not encoding:
        return None if redactor.finds_in_bytes(content) else content
    text = content[len(mark) :].decode(encoding, errors="surrogateescape")
    if name.lower().endswith(".ipynb"):
        clean = clean_notebook(text, redactor)
    elif is_code(name, content):
        clean, _ = redactor.redact_code(text)
    else:
        clean, _ = redactor.redact_text(text)
    return content if clean == text else mark + clean.encode(encoding, errors="surrogateescape")


def _encoding_of(content: bytes) -> tuple[bytes, str]:
    """Return the byte order mark and the encoding of a text, or two empty values for what is not text."""
    for mark, encoding in _WIDE.items():
        if content.startswith(mark):
            try:
                content[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                continue
            return mark, encoding
    return b"", "utf-8" if is_text(content) else ""


def readable(name: str) -> str:
    """Return the name of a file as a record can hold it: bytes that are not UTF-8 become `\\xe9`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def redact_facts(facts: Any, redactor: Redactor) -> Any:
    """Return plain data without the secrets in its texts. Unlike `Redactor.redact`, this ignores the names of values.

    Here, names are those of files, such as "secrets.yaml". What is said about such a file is not a secret.
    """
    if isinstance(facts, str):
        return redactor.redact_text(readable(facts))[0]
    if isinstance(facts, dict):
        return {redact_facts(key, redactor): redact_facts(value, redactor) for key, value in facts.items()}
    return [redact_facts(value, redactor) for value in facts] if isinstance(facts, list) else facts


def some(names: Iterable[str], most: int = 10) -> str:
    """Return the first names as text, and how many more there are."""
    return first_of([readable(name) for name in names], most)


@dataclass
class Keeper:
    """Decides what is kept, and remembers the rest.

    Attributes:
        redactor: Takes secrets out of what is kept.
        room: How many bytes may still be kept.
        until: When to stop, by `time.monotonic`.
        left_out: The names of files that were left out, with the reasons.
        redacted: The names of files in which secrets were replaced.
    """

    redactor: Redactor
    room: int
    until: float
    left_out: dict[str, str] = field(default_factory=dict)
    redacted: list[str] = field(default_factory=list)

    def take(self, path: Path, name: str) -> bytes | None:
        """Return the content of a file to be kept under this name, without secrets; None if it is left out or gone."""
        try:
            content = self._content_of(path, name)
        except FileNotFoundError:  # it has just been removed, as a checkpoint is for a better one
            return None
        except OSError as error:
            self.left_out[name] = f"cannot be read: {error.strerror}"
            return None
        if content is None:
            return None
        clean = without_secrets(content, self.redactor, name)
        if clean is None:
            self.left_out[name] = HOLDS_SECRET
            return None
        if clean != content:
            self.redacted.append(name)
        return clean if self.fits(clean, name) else None

    def is_suspicious(self, name: str) -> bool:
        """Whether a file is likely to be a secret, by its name, or has one in it."""
        return is_secret_file(name) or self.redactor.redact_path(name) != name

    def fits(self, content: bytes, name: str) -> bool:
        """Whether there is room for this content. If so, the room is taken."""
        if len(content) > self.room:
            self.left_out[name] = BEYOND_BUDGET
            return False
        self.room -= len(content)
        return True

    def messages(self) -> Iterator[str]:
        """Say which files were left out and why, and in which of them secrets were replaced."""
        if self.left_out:
            reasons = dict.fromkeys(self.left_out.values())
            by_reason = {reason: [name for name, why in self.left_out.items() if why == reason] for reason in reasons}
            yield "not kept: " + "; ".join(f"{some(names)} ({reason})" for reason, names in by_reason.items())
        if self.redacted:
            yield f"{REDACTED}: {some(self.redacted)}"

    def _content_of(self, path: Path, name: str) -> bytes | None:
        size = path.lstat().st_size
        reason = (
            SUSPICIOUS if self.is_suspicious(name)
            else LARGE if size > LARGEST_FILE_BYTES
            else BEYOND_BUDGET if size > self.room
            else OUT_OF_TIME if monotonic() > self.until
            else None
        )  # fmt: skip
        if reason:
            self.left_out[name] = reason
        return None if reason else content_of(path)
