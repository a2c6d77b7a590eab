"""Tells which values are secrets to be searched for everywhere: of environment variables, options and params."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from autotrack.redaction import shapes, texts
from autotrack.redaction.names import PATH, REDACTED, is_secret_name, secrecy

_ORDINARY = r"[a-z]{,10}|[A-Z][a-z]{,9}|[A-Z]{,10}|[-+\d.,:eE_]{,11}"
_LONG = 20


def secrets_of(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the secrets of an environment: what has a secret name, or the shape of a secret within another value."""
    for name, value in environ.items():
        if is_secret_name(name):
            yield name, value
        elif texts.is_telling(value):
            for start, end, _ in shapes.secrets(value):
                found = value[start:end]
                password = found.partition(":")[2] if value[:start].endswith("://") else ""
                yield name, unquote(password) if password else found
            yield from ((name, value[one.start : one.end]) for one in texts.assigned(value) if one.secret)


def is_searchable(value: str) -> bool:
    """Return whether a secret value is special enough to be replaced wherever it occurs."""
    # Base64 may begin with "/" as well.
    path = os.path.exists(value) or (re.fullmatch(PATH, value) and not re.search("[+=]", value))  # noqa: PTH110  Path raises for what is not a path
    return (
        len(value) >= 6
        and not re.fullmatch(_ORDINARY, value)
        and not path
        and value not in REDACTED
        and "redacted" not in value
    )


def is_certain(name: str, value: str) -> bool:
    """Return whether a value is a secret beyond doubt. With an everyday name such as `token`, it has to look like one.

    >>> is_certain("password", "ocean view"), is_certain("token", "ocean view"), is_certain("token", "zq8-Kk29")
    (True, False, True)
    """
    return (
        secrecy(name) == "strong"
        or len(value) >= _LONG
        or bool(re.search(r"\d", value) and re.search(r"[^\W\d]", value))
    )
