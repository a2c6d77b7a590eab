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
_LONG = 400  # characters: in a longer text there is most probably something that sounds like a secret
_MOST_REMEMBERED = 4000  # texts; what a run says of itself is mostly what the run before it said


class Redactor:
    """Replaces the secrets in what a run records by ``"[redacted]"``.

    Found: what goes by a secret name (`is_secret_name`) in dicts, on command lines, in texts and in code; the
    tokens of well-known services, private keys, JWTs, bearer and basic authorization; users and passwords, secret
    parameters and signatures in URLs; the values of environment variables with secret names, anywhere.

    Not found: a secret with an everyday name and no known shape (40 hex digits may be a commit), in the keys
    of a dict, in bytes or other objects, encoded (percent, base64), over several lines, after a short option
    (``-phunter2``), in XML, or like code in a text (``password=name(``, ``token=my_token``); in code, what is
    put together from pieces by an f-string or a call. What is under 6 characters, up to 10 letters, a number or a
    path is not searched for as a value of the environment: it would match too much else. In prose, an everyday
    word after ``password:`` is replaced although it is none.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Keep the secret values of `environ`; None is the environment of this process, as it is now."""
        self._own = environ is None
        self._seen: dict[Any, Any] = {}
        self._variables: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._harmless: set[str] = set()
        if environ is None:
            self.refresh()
        else:
            self._add(environ)

    def refresh(self) -> None:
        """Take in the secret variables that this process has set since, unless an environment was given.

        Values that were known before stay known. About 1 µs where nothing has changed.
        """
        if self._own:
            # What os.environ wraps is compared as a whole: its items one by one would take twenty times as long.
            now = getattr(os.environ, "_data", os.environ)
            if now != self._seen:
                self._seen = dict(now)  # of one moment, whatever other threads set and unset
                self._add({os.fsdecode(name): os.fsdecode(value) for name, value in self._seen.items()})

    def secret_variables(self) -> dict[str, str]:
        """Return the secret variables of the environment, by their names."""
        self.refresh()
        return self._variables

    def redact(self, value: Any, name: str = "") -> tuple[Any, list[str]]:
        """Plain data without its secrets, and the dotted names of what was replaced: ``"hosts[0].password"``.

        `value` is str, int, float, bool, None, or lists, tuples and dicts of them; what else there is stays.
        It is never changed; where nothing was replaced the same object comes back. A string outside of any
        list or dict is called `name`, or ``"text"``.
        """
        self.refresh()
        if self._knows(value, name):
            return value, []
        names: list[str] = []
        return self._redact(value, name, name, names), names

    def redact_argv(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """A command line without its secrets, and the names of their options (else ``"argv[3]"``)."""
        self.refresh()
        clean = [self._redact_argument(v, _option_of(v, before)) for before, v in pairwise(["", *argv])]
        names = [name or f"argv[{i}]" for i, (text, name) in enumerate(clean) if text != argv[i]]
        return [text for text, _ in clean], list(dict.fromkeys(names))

    def redact_text(self, text: str) -> tuple[str, list[str]]:
        """A text without its secrets, and their names, their variables or how they begin (``"ghp_..."``)."""
        self.refresh()
        return self._redact_text(text)

    def _redact_text(self, text: str) -> tuple[str, list[str]]:
        harmless = self._harmless  # another set where another thread adds a value to look for
        if text in harmless:
            return text, []
        text, found = self._without_values(text)
        if not found and _is_plain(text):
            if len(harmless) < _MOST_REMEMBERED:
                harmless.add(text)
            return text, found
        for beginning, pattern in shapes.SHAPES.items():
            if beginning in text:
                text, count = re.subn(pattern, rf"\1{REDACTED}", text)
                found += [f"{beginning}..."] * bool(count)
        pieces, done = [], 0
        for value in texts.assigned(text):
            if value.secret:
                pieces += [text[done : value.start], REDACTED]
                done = value.end
                found.append(value.name)
        return "".join([*pieces, text[done:]]) if pieces else text, list(dict.fromkeys(found))

    def redact_code(self, text: str) -> tuple[str, list[str]]:
        """Python source, or a part of it, without the secrets in its strings and comments, and their names.

        What is assigned to a secret name goes where it is a literal: ``password = "hunter2"`` and
        ``environ.setdefault("HF_TOKEN", "xxx")`` lose a string's content, ``token = word`` stays. Names, calls and
        the expressions in f-strings are never touched, so that the code means and does the same with another string;
        only the value of a secret variable goes wherever it stands. Lines for the shell and magics of a notebook are
        texts. Not found: what is put together from pieces (``f"hunter{2}"``, ``"".join(...)``).
        """
        text, found = self._without_values(text)
        if not _is_plain(text):
            from autotrack.redaction import code  # only who keeps code needs it

            text, names = code.redact(text)
            found += names
        return text, list(dict.fromkeys(found))

    def finds_in_bytes(self, content: bytes) -> bool:
        """Whether in a file of any format the value of a secret variable or a token stands, in UTF-8 or UTF-16."""
        for part in (content, content[::2], content[1::2]):  # one of the halves is text, should it be UTF-16
            text = part.decode(errors="surrogateescape")
            if any(value in text for value in self._values) or next(shapes.secrets(text, shapes.TOKENS), None):
                return True
        return False

    def _add(self, environ: Mapping[str, str]) -> None:
        self._variables = secret_variables(environ)
        secrets = {value.strip(): name for name, value in self._variables.items()}
        known = {**self._values, **{value: name for value, name in secrets.items() if _is_searchable(value)}}
        longest_first = sorted(known, key=len, reverse=True)  # one may contain another
        self._values = {value: known[value] for value in longest_first}
        self._harmless = set()

    def _without_values(self, text: str) -> tuple[str, list[str]]:
        values = self._values
        found = [variable for value, variable in values.items() if value in text]
        if found:
            for value in values:
                text = text.replace(value, REDACTED)
        return text, found

    def _redact(self, value: Any, name: str, called: str, names: list[str]) -> Any:
        """`called` tells how secret it is: the name, or the option before it, should a list be an argv."""
        known = len(names)
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
        return value if len(names) == known else clean

    def _knows(self, value: Any, called: str) -> bool:
        """Whether all of this has been looked through before: what a run says, the one before it mostly said too."""
        if value.__class__ is dict:
            for key, item in value.items():
                name = f"{called}.{key}" if called else str(key)
                if item.__class__ is str:  # as most are: a call more for each would cost as much as all the rest
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
        """Whether an item of a list is known to be none, and tells nothing of the one behind it."""
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
    """Whether a text has not even the beginning of a shape or of a secret name."""
    return len(text) <= _LONG and not _beginnings().search(text)


@cache
def _beginnings() -> re.Pattern[str]:
    return re.compile(either([*shapes.SHAPES, *texts.STEMS]))


def _option_of(argument: object, before: object) -> str:
    """The secret option before an argument that is its value."""
    option = re.fullmatch(_OPTION, before) if isinstance(before, str) and before.startswith("-") else None
    if not option or not is_secret_name(option[1]) or re.match("-(?!----BEGIN)", str(argument)):
        return ""
    return option[1]


def _is_searchable(value: str) -> bool:
    """Whether a secret value of the environment is special enough to be replaced wherever it occurs."""
    ordinary = re.fullmatch(r"[a-z]{,10}|[A-Z][a-z]{,9}|[A-Z]{,10}|[-+\d.,:eE_]{,11}", value)
    # Base64 may begin with "/" too.
    path = os.path.exists(value) or (re.fullmatch(PATH, value) and not re.search("[+=]", value))  # noqa: PTH110  Path raises for what is no path
    return len(value) >= 6 and not ordinary and not path and value not in REDACTED and "redacted" not in value
