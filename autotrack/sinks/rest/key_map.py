"""Keys that every tracking server accepts, for the names that people give to metrics, params and tags."""

import hashlib
import posixpath
import re
from collections.abc import Mapping

_LONGEST = 220
"""A key may have 250 characters. The tag that keeps the name has a prefix before the key."""

_LONGEST_TAG = 4000
_TAG = "autotrack.name."
_WORDS = {"@": "_at_", "%": "_percent_", "&": "_and_", "+": "_plus_"}


class KeyMap:
    """Gives each name of a metric, param or tag a key of its own, which every MLflow server accepts.

    A name that is allowed is its own key. `acc@5` becomes `acc_at_5`, or `acc_at_5-2` if that is taken. So the keys
    depend on which name came first. That is remembered on the server, in the tags that `tags()` returns. The argument
    `tags` are the tags that the server has of the run. Of a name that is too long for a tag, they have the beginning
    and a digest.
    """

    def __init__(self, tags: Mapping[str, str] | None = None) -> None:
        self._names = {key.removeprefix(_TAG): name for key, name in (tags or {}).items() if key.startswith(_TAG)}
        self._keys = {remembered: key for key, remembered in self._names.items()}

    def of(self, name: str) -> str:
        """Return the key of a name."""
        remembered = _as_tag(name)
        key = self._keys.get(remembered)
        if key is None:
            key = self._free(name if is_allowed(name) else _readable(name))
            self._keys[remembered], self._names[key] = key, remembered
        return key

    def tags(self) -> dict[str, str]:
        """Return the tags that remember the names which are not their own keys."""
        return {f"{_TAG}{key}": name for key, name in self._names.items() if key != name}

    def _free(self, key: str) -> str:
        candidate, number = key, 1
        while candidate in self._names:
            number += 1
            candidate = f"{key[: _LONGEST - 8]}-{number}"
        return candidate


def is_allowed(name: str) -> bool:
    """Return whether every server accepts this name as a key.

    A colon is not allowed here, because MLflow on Windows refuses it (mlflow/utils/validation.py).
    """
    return (
        re.fullmatch(r"[/\w.\- ]+", name) is not None
        and len(name) <= _LONGEST
        and posixpath.normpath(name) == name
        and name != "."
        and not name.startswith(("/", ".."))
    )


def _as_tag(name: str) -> str:
    """Return what a tag can keep of a name; different for every name. Servers cut longer tags without a word."""
    if len(name) <= _LONGEST_TAG and "\0" not in name:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{name[: _LONGEST_TAG - 100]}… {digest}".replace("\0", "�")


def _readable(name: str) -> str:
    plain = re.sub(r"[^/\w.\- ]", lambda match: _WORDS.get(match[0], "_"), name)
    plain = re.sub(r"_{2,}", "_", plain) if plain != name else plain
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    joined = "/".join("_" if part.startswith("..") else part for part in parts)[:_LONGEST].rstrip("/")
    return joined if is_allowed(joined) else "_"
