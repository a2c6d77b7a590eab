"""The names of registered models, versions and aliases, and references to them, as in `models:/digits@champion`."""

import re
from typing import NamedTuple

from autotrack.errors import ModelNotFoundError

SCHEME = "models:/"
CHAMPION = "champion"
"""The alias that promotion gives, if it is told no other."""

_NAME = re.compile(r"\w(?:[\w .+()-]{0,98}[\w+()-])?")
_ALIAS = re.compile(r"[\w-]{1,255}")
_TAKEN = re.compile(r"latest|v?\d+", re.IGNORECASE)
"""What MLflow does not take as an alias, and what would be read as a version."""


class Reference(NamedTuple):
    """What a text refers to: a registered model, and one of its versions by number or by alias, if it names one."""

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}/{self.version}"
        return f"{self.name}@{self.alias}" if self.alias else self.name


def checked_name(name: object) -> str:
    """Return the name of a registered model. Raises `ValueError` for what cannot be one.

    It is the name of a folder as well, and MLflow takes it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or ".." in name:
        raise ValueError("expected a name such as 'digits': letters, digits, spaces and . - + ( ), not more than 100")
    return name


def checked_alias(alias: object) -> str:
    """Return an alias, which may be written with `@`. Raises `ValueError` for what cannot be one."""
    text = alias.removeprefix("@") if isinstance(alias, str) else ""
    if not _ALIAS.fullmatch(text) or _TAKEN.fullmatch(text):
        raise ValueError(
            "expected an alias such as 'champion': letters, digits, - and _, neither a number nor 'latest'"
        )
    return text


def parsed(text: str) -> Reference:
    """Return what a text refers to; `models:/` may be left out. Raises `ModelNotFoundError` for anything else.

    >>> parsed("models:/digits@champion"), str(parsed("digits/3"))
    (Reference(name='digits', version=None, alias='champion'), 'digits/3')
    """
    name, sign, rest = text.removeprefix(SCHEME).rpartition("@")
    try:
        if sign:
            return Reference(checked_name(name), alias=checked_alias(rest))
        name, sign, rest = rest.partition("/")
        if not sign or rest == "latest":
            return Reference(checked_name(name))
        if not re.fullmatch(r"[1-9]\d{0,8}", rest, re.ASCII):
            raise ValueError(f"{rest[:100]!r} is no version, which is a number such as 3")
        return Reference(checked_name(name), int(rest))
    except ValueError as error:
        raise ModelNotFoundError(
            f"{text[:200]!r} is no registered model: {error}. Write models:/digits/3, models:/digits@champion, or "
            f"models:/digits for the latest version",
            reference=text,
        ) from None
