"""Replaces the secrets in what a run records: in plain data, on command lines, in texts and in source code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from autotrack.redaction import command_line, shapes, texts
from autotrack.redaction.environment import is_certain, is_searchable, secrets_of
from autotrack.redaction.known_values import KnownValues
from autotrack.redaction.names import REDACTED, hides, secrecy

_NUMBERS = frozenset((float, int, bool))
_MOST_REMEMBERED = 4000  # texts, because most texts of a run are the same as those of the run before


class _Found(NamedTuple):
    """The dotted names of the secrets in some data, and those of them that are texts, with their names."""

    names: list[str]
    values: list[tuple[str, str]]


class Redactor:
    """Replaces the secrets in what a run records by ``"[redacted]"``.

    It finds values with a secret name (`is_secret_name`) in dicts, on command lines, in texts and in code; the tokens
    of well-known services, private keys, JWTs, bearer and basic authorization; users, passwords, secret parameters and
    signatures in URLs. Anywhere and in every spelling (`KnownValues`), also in names, it finds values that it knows:
    those of environment variables with secret names, what has the shape of a secret in other variables, and what was
    given on the command line or as a param under a secret name.

    It does not find a secret with an everyday name and no known shape (40 hex digits may be a commit), in bytes or
    other objects, after a short option whose parser is no variable of the script, in XML, or in text that looks like
    code (``password=name(``, ``token=my_token``). In code, it does not find secrets that an f-string or a call puts
    together. It does not search for known values that have less than 6 characters, are a word of up to 10 letters, a
    number or a path, because they would match too much else, nor for variables set by `os.putenv`, which nobody can
    list. In prose, it replaces an everyday word after ``password:`` although that is not a secret.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, known: Mapping[str, str] | None = None) -> None:
        """Remember the secrets in `environ`, by default the environment of this process, and others by their names.

        `learned` are those that are not in the environment, and their names; what is learned makes it another dict.
        """
        self._follows_process = environ is None
        self._environ: dict[Any, Any] = {}
        self._variables: dict[str, str] = {}
        self.learned: dict[str, str] = {}
        self._known = KnownValues()
        self._harmless: set[str] = set()
        self._clean_names: set[str] = set()
        if environ is None:
            self.refresh()
            self._learn(command_line.secrets_of_this_process())
        else:
            self._take(environ)
        self._add_learned(known or {})

    def refresh(self) -> None:
        """Add the secret variables that this process has set since, unless an environment was given.

        Values that were known before stay known. This takes about 1 µs if nothing has changed.
        """
        if self._follows_process:
            # Compare the dict that os.environ wraps: to compare its items one by one takes twenty times as long.
            now = getattr(os.environ, "_data", os.environ)
            if now != self._environ:
                self._environ = dict(now)  # a copy, because other threads may set and unset variables
                self._take({os.fsdecode(name): os.fsdecode(value) for name, value in self._environ.items()})

    def learn_secret(self, name: str, value: str) -> None:
        """Take in a secret that became known in another process."""
        self._add_learned({name: value})

    def secret_variables(self) -> dict[str, str]:
        """Return the secrets in the environment, by the names of their variables."""
        self.refresh()
        return self._variables

    def secrets(self) -> dict[str, str]:
        """Return all secrets that are known, by their names."""
        self.refresh()
        named = {f"{name} ({number})": value for number, (value, name) in enumerate(self.learned.items(), 1)}
        return {**self._variables, **named}

    def redact(self, value: Any, name: str = "", *, learn: bool = False) -> tuple[Any, list[str]]:
        """Return plain data without its secrets, and the dotted names of the secrets, as in ``"hosts[0].password"``.

        `value` is a str, int, float, bool, None, or a list, tuple or dict of them; anything else stays. It is never
        changed, and the same object is returned if it has no secrets. A string outside of any list or dict has the
        name `name`, or ``"text"``. With `learn`, what has a secret name beyond doubt is searched for in everything
        from then on.
        """
        self.refresh()
        if self._knows(value, name):
            return value, []
        found = _Found([], [])
        clean = self._redact(value, name, name, found)
        if learn:
            self._learn(found.values)
        return clean, found.names

    def redact_argv(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return a command line without its secrets, and the names of their options, or else ``"argv[3]"``."""
        self.refresh()
        if self._follows_process:  # by now, the script may have made its parser
            self._learn(command_line.secrets_of_this_process())
        clean = [self._redact_argument(v, command_line.option_of(v, before)) for before, v in pairwise(["", *argv])]
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
        text, names = self._known.remove(text)
        if not names and not texts.is_telling(text):
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
        text, names = self._known.remove(text)
        if texts.is_telling(text):
            from autotrack.redaction import code  # here, because most processes keep no code

            text, names_in_code = code.redact(text)
            names += names_in_code
        return text, list(dict.fromkeys(names))

    def finds_in_bytes(self, content: bytes) -> bool:
        """Return whether a file of any format contains a token or the value of a secret variable (UTF-8 or UTF-16)."""
        for part in (content, content[::2], content[1::2]):  # in UTF-16, one of the halves is the text
            text = part.decode(errors="surrogateescape")
            if self._known.remove(text)[1] or any(shapes.secrets(text, shapes.TOKENS)):
                return True
        return False

    def redact_name(self, name: str) -> str:
        """Return the name of a run, a param, a metric or a file without known values and tokens in it.

        A name only tells about a secret: ``token_accuracy`` and ``password`` stay.
        """
        if name in self._clean_names:
            return name
        clean = self._known.remove(name)[0]
        for beginning, pattern in shapes.TOKENS.items():
            if beginning in clean:
                clean = re.sub(pattern, rf"\1{REDACTED}", clean)
        if clean == name and len(self._clean_names) < _MOST_REMEMBERED:
            self._clean_names.add(name)
        return clean

    def redact_path(self, name: str) -> str:
        """Return the name of a file or folder without known values and tokens in it, and without brackets for them."""
        clean = self.redact_name(name)
        if clean == name:
            return name
        stem, suffix = os.path.splitext(name)  # noqa: PTH122  the name need not be a path
        if (clean_stem := self.redact_name(stem)) != stem and re.fullmatch(r"\.[A-Za-z]{1,5}", suffix):
            clean = clean_stem + suffix  # a token may have dots
        return clean.replace(REDACTED, "redacted")

    def redact_names(self, values: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return values under clean names, as `redact_name` makes them; the very same mapping if they are clean."""
        if self._clean_names.issuperset(values):
            return values
        names: dict[Any, Any] = {}
        for name, value in values.items():
            clean = unique = self.redact_name(name) if isinstance(name, str) else name
            while unique in names:  # two names that differed in what was removed
                unique = f"{clean} ({len(names) + 1})"
            names[unique] = value
        return values if list(names) == list(values) else names

    def _take(self, environ: Mapping[str, str]) -> None:
        self._variables = dict(secrets_of(environ))
        self._know(self._variables)

    def _learn(self, found: Iterable[tuple[str, str]]) -> None:
        new = {name: value for name, value in found if value not in self.learned and is_certain(name, value)}
        if new:
            self._add_learned(new)

    def _add_learned(self, secrets: Mapping[str, str]) -> None:
        found = {value: name for name, value in secrets.items() if is_searchable(value.strip())}
        if not self.learned.keys() >= found.keys():
            self.learned = {**self.learned, **found}  # another one, so that whoever passes it on notices
            self._know(secrets)

    def _know(self, secrets: Mapping[str, str]) -> None:
        if self._known.add({v: name for name, value in secrets.items() if is_searchable(v := value.strip())}):
            self._harmless, self._clean_names = set(), set()

    def _redact(self, value: Any, name: str, called: str, found: _Found) -> Any:
        """`called` tells how secret it is: the name, or the option before it, should a list be an argv."""
        before_count = len(found.names)
        clean: Any = value
        if isinstance(value, dict):
            named = self.redact_names(value)
            found.names.extend(["a name"] * (named is not value))
            inner = {key: f"{name}.{key}" if name else str(key) for key in named}
            clean = {
                key: item if self._knows(item, inner[key]) else self._redact(item, inner[key], inner[key], found)
                for key, item in named.items()
            }
        elif isinstance(value, (list, tuple)):
            if not secrecy(called) and all(map(self._is_harmless, value)):
                return value
            options = [command_line.option_of(item, before) for before, item in pairwise(["", *value])]
            calls = [called if secrecy(called) or not option else option for option in options]
            clean = [self._redact(item, f"{name}[{i}]", calls[i], found) for i, item in enumerate(value)]
            clean = clean if isinstance(value, list) else tuple(clean)
        elif isinstance(value, str):
            clean = self._redact_text(value)[0]
            if hides(called, clean):
                if secrecy(called) == "strong":
                    found.values.append((called, value))
                clean = REDACTED
            found.names.extend([name or "text"] * (clean != value))
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and secrecy(called) == "strong":
            clean = REDACTED
            found.names.append(name)
        return value if len(found.names) == before_count else clean

    def _knows(self, value: Any, called: str) -> bool:
        """Return whether all of this was checked before: most data of a run is the same as that of the run before."""
        if value.__class__ is dict:
            for key, item in value.items():
                if key not in self._clean_names:
                    return False
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
        start, name = command_line.split(argument, option)
        value = self._redact_text(argument[start:])[0]
        if name and (value != argument[start:] or hides(name, value)):
            return self._redact_text(argument[:start])[0] + REDACTED, name
        return self._redact_text(argument)[0], ""
