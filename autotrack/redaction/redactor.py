"""Replaces the secrets in what a run records: in plain data, on command lines, in texts and in source code."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from autotrack.redaction import shapes, texts
from autotrack.redaction.names import PATH, REDACTED, hides, is_secret_name, secrecy, secret_variables
from autotrack.redaction.shapes import either

# By name on a command line: "-Ppassword=", "++db.password=", "--env=HF_TOKEN=".
_OPTION = r"--?([A-Za-z][\w.\-]+)"
_KEY = r"(?:-[A-Z](?=[a-z]))?[-+~]*([\w.@/\-]+)="
_NUMBERS = frozenset((float, int, bool))
_LONG = 400  # characters; a longer text most probably contains something that sounds like a secret
_MOST_REMEMBERED = 4000  # texts, because most texts of a run are the same as those of the run before


class Redactor:
    """Replaces the secrets in what a run records by ``"[redacted]"``.

    It finds values with a secret name (`is_secret_name`) in dicts, on command lines, in texts and in code; the tokens
    of well-known services, private keys, JWTs, bearer and basic authorization; users, passwords, secret parameters and
    signatures in URLs; and, anywhere, the values of environment variables with secret names.

    It does not find a secret with an everyday name and no known shape (40 hex digits may be a commit), in the keys of
    a dict, in bytes or other objects, encoded (percent, base64), over several lines, after a short option
    (``-phunter2``), in XML, or in text that looks like code (``password=name(``, ``token=my_token``). In code, it does
    not find secrets that an f-string or a call puts together. It does not search for values of the environment that
    have less than 6 characters, are a word of up to 10 letters, a number or a path, because they would match too much
    else. In prose, it replaces an everyday word after ``password:`` although that is not a secret.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Remember the secret values of `environ`. By default, it is the environment of this process."""
        self._follows_process = environ is None
        self._environ: dict[Any, Any] = {}
        self._variables: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._harmless: set[str] = set()
        if environ is None:
            self.refresh()
        else:
            self._add(environ)

    def refresh(self) -> None:
        """Add the secret variables that this process has set since, unless an environment was given.

        Values that were known before stay known. This takes about 1 µs if nothing has changed.
        """
        if self._follows_process:
            # Compare the dict that os.environ wraps: to compare its items one by one takes twenty times as long.
            now = getattr(os.environ, "_data", os.environ)
            if now != self._environ:
                self._environ = dict(now)  # a copy, because other threads may set and unset variables
                self._add({os.fsdecode(name): os.fsdecode(value) for name, value in self._environ.items()})

    def learn_secret(self, name: str, value: str) -> None:
        """Take in a secret variable of another process."""
        self._add({**self._variables, name: value})

    def secret_variables(self) -> dict[str, str]:
        """Return the secret variables of the environment, by their names."""
        self.refresh()
        return self._variables

    def redact(self, value: Any, name: str = "") -> tuple[Any, list[str]]:
        """Return plain data without its secrets, and the dotted names of the secrets, as in ``"hosts[0].password"``.

        `value` is a str, int, float, bool, None, or a list, tuple or dict of them; anything else stays. It is never
        changed, and the same object is returned if it has no secrets. A string outside of any list or dict has the
        name `name`, or ``"text"``.
        """
        self.refresh()
        if self._knows(value, name):
            return value, []
        names: list[str] = []
        return self._redact(value, name, name, names), names

    def redact_argv(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return a command line without its secrets, and the names of their options, or else ``"argv[3]"``."""
        self.refresh()
        clean = [self._redact_argument(v, _option_of(v, before)) for before, v in pairwise(["", *argv])]
        names = [name or f"argv[{i}]" for i, (text, name) in enumerate(clean) if text != argv[i]]
        return [text for text, _ in clean], list(dict.fromkeys(names))

    def redact_text(self, text: str) -> tuple[str, list[str]]:
        """Return a text without its secrets, and the names, variables or beginnings (``"ghp_..."``) of the secrets."""
        self.refresh()
        return self._redact_text(text)

    def _redact_text(self, text: str) -> tuple[str, list[str]]:
        harmless = self._harmless  # another thread that adds a value replaces the set
        if text in harmless:
            return text, []
        text, names = self._without_values(text)
        if not names and _is_plain(text):
            if len(harmless) < _MOST_REMEMBERED:
                harmless.add(text)
            return text, names
        for beginning, pattern in shapes.SHAPES.items():
            if beginning in text:
                text, count = re.subn(pattern, rf"\1{REDACTED}", text)
                names += [f"{beginning}..."] * bool(count)
        pieces, done = [], 0
        for value in texts.assigned(text):
            if value.secret:
                pieces += [text[done : value.start], REDACTED]
                done = value.end
                names.append(value.name)
        return "".join([*pieces, text[done:]]) if pieces else text, list(dict.fromkeys(names))

    def redact_code(self, text: str) -> tuple[str, list[str]]:
        """Return Python source, or a part of it, without the secrets in its strings and comments, and their names.

        Literals that are assigned to a secret name are replaced: ``password = "hunter2"`` and
        ``environ.setdefault("HF_TOKEN", "xxx")`` lose the content of a string, but ``token = word`` stays. Names,
        calls and the expressions in f-strings are never touched, so the code stays the same except for its strings.
        Only the value of a secret variable is replaced everywhere. Shell lines and magics of a notebook are treated as
        text.
        Secrets that are put together (``f"hunter{2}"``, ``"".join(...)``) are not found.
        """
        text, names = self._without_values(text)
        if not _is_plain(text):
            from autotrack.redaction import code  # here, because most processes keep no code

            text, names_in_code = code.redact(text)
            names += names_in_code
        return text, list(dict.fromkeys(names))

    def finds_in_bytes(self, content: bytes) -> bool:
        """Return whether a file of any format contains a token or the value of a secret variable (UTF-8 or UTF-16)."""
        for part in (content, content[::2], content[1::2]):  # in UTF-16, one of the halves is the text
            text = part.decode(errors="surrogateescape")
            if any(value in text for value in self._values) or next(shapes.secrets(text, shapes.TOKENS), None):
                return True
        return False

    def _add(self, environ: Mapping[str, str]) -> None:
        self._variables = secret_variables(environ)
        secrets = {value.strip(): name for name, value in self._variables.items()}
        values = {**self._values, **{value: name for value, name in secrets.items() if _is_searchable(value)}}
        longest_first = sorted(values, key=len, reverse=True)  # one may contain another
        self._values = {value: values[value] for value in longest_first}
        self._harmless = set()

    def _without_values(self, text: str) -> tuple[str, list[str]]:
        values = self._values
        names = [variable for value, variable in values.items() if value in text]
        if names:
            for value in values:
                text = text.replace(value, REDACTED)
        return text, names

    def _redact(self, value: Any, name: str, called: str, names: list[str]) -> Any:
        """`called` tells how secret it is: the name, or the option before it, should a list be an argv."""
        before_count = len(names)
        clean: Any = value
        if isinstance(value, dict):
            inner = {key: f"{name}.{key}" if name else str(key) for key in value}
            clean = {
                key: item if self._knows(item, inner[key]) else self._redact(item, inner[key], inner[key], names)
                for key, item in value.items()
            }
        elif isinstance(value, (list, tuple)):
            if not secrecy(called) and all(map(self._is_harmless, value)):
                return value
            options = [_option_of(item, before) for before, item in pairwise(["", *value])]
            calls = [called if secrecy(called) or not option else option for option in options]
            clean = [self._redact(item, f"{name}[{i}]", calls[i], names) for i, item in enumerate(value)]
            clean = clean if isinstance(value, list) else tuple(clean)
        elif isinstance(value, str):
            clean = self._redact_text(value)[0]
            clean = REDACTED if hides(called, clean) else clean
            names += [name or "text"] * (clean != value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and secrecy(called) == "strong":
            clean = REDACTED
            names.append(name)
        return value if len(names) == before_count else clean

    def _knows(self, value: Any, called: str) -> bool:
        """Return whether all of this was checked before: most data of a run is the same as that of the run before."""
        if value.__class__ is dict:
            for key, item in value.items():
                name = f"{called}.{key}" if called else str(key)
                if item.__class__ is str:  # as most are; one more call for each would cost as much as everything else
                    if item not in self._harmless or secrecy(name):
                        return False
                elif not self._knows(item, name):
                    return False
            return True
        if secrecy(called):
            return False
        if value.__class__ is list:
            return {*map(type, value)} <= _NUMBERS or all(map(self._is_harmless, value))
        return value is None or value.__class__ in _NUMBERS or (value.__class__ is str and value in self._harmless)

    def _is_harmless(self, item: object) -> bool:
        """Return whether an item of a list is known to be harmless, and tells nothing about the next item."""
        if item.__class__ is str:
            return item in self._harmless and not item.startswith("-")
        if item.__class__ is list:
            return {*map(type, item)} <= _NUMBERS
        return item.__class__ in _NUMBERS

    def _redact_argument(self, argument: str, option: str) -> tuple[str, str]:
        if not option and "=" not in argument and argument in self._harmless:
            return argument, ""
        start, name = 0, option
        while not name and (key := re.compile(_KEY).match(argument, start)):
            start, name = key.end(), key[1] if is_secret_name(key[1]) else ""
        if hides(name, self._redact_text(argument[start:])[0]):
            return self._redact_text(argument[:start])[0] + REDACTED, name
        return self._redact_text(argument)[0], ""


def _is_plain(text: str) -> bool:
    """Return whether a text does not contain even the beginning of a shape or of a secret name."""
    return len(text) <= _LONG and not _beginnings().search(text)


@cache
def _beginnings() -> re.Pattern[str]:
    return re.compile(either([*shapes.SHAPES, *texts.STEMS]))


def _option_of(argument: object, before: object) -> str:
    """Return the secret option whose value an argument is, or an empty string."""
    option = re.fullmatch(_OPTION, before) if isinstance(before, str) and before.startswith("-") else None
    if not option or not is_secret_name(option[1]) or re.match("-(?!----BEGIN)", str(argument)):
        return ""
    return option[1]


def _is_searchable(value: str) -> bool:
    """Return whether a secret value of the environment is special enough to be replaced wherever it occurs."""
    ordinary = re.fullmatch(r"[a-z]{,10}|[A-Z][a-z]{,9}|[A-Z]{,10}|[-+\d.,:eE_]{,11}", value)
    # Base64 may begin with "/" as well.
    path = os.path.exists(value) or (re.fullmatch(PATH, value) and not re.search("[+=]", value))  # noqa: PTH110  Path raises for what is not a path
    return len(value) >= 6 and not ordinary and not path and value not in REDACTED and "redacted" not in value
