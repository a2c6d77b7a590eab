"""Removes secrets from the strings and comments of Python source. The code around them stays."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from sys import maxsize

from autotrack.redaction import shapes, texts
from autotrack.redaction.lexing import Token, literal_parts, tokens
from autotrack.redaction.literals import Literal, literals
from autotrack.redaction.names import REDACTED, hides, is_secret_name, secrecy, words_of
from autotrack.silence import without_warnings

_CELL_MAGIC = r"\s*%%(?!time|capture|prun|memit|mprun|debug)\w"
_PROSE = r"[ \t]+(?![#\"'])\S"  # after a word, more words follow
_CALL = r"[A-Za-z_][\w.]*[(\[]"
_WORD = r"[A-Za-z_][A-Za-z_'\u2019.-]*"

_Secret = tuple[int, int, str]


def redact(text: str) -> tuple[str, list[str]]:
    """Return Python source without the secrets in its strings and comments, and their names."""
    is_named = texts.names_a_secret(text)
    if not is_named and next(shapes.secrets(text), None) is None:
        return text, []
    parsed = _tokens_of(text)
    parts = _Parts(parsed)
    secrets = [*_by_shape(text, parts), *(_by_name(text, parsed) if is_named else ())]
    pieces, done = [], 0
    for start, end in _replacements(text, secrets, parts):
        pieces += [text[done:start], REDACTED]
        done = end
    return "".join([*pieces, text[done:]]), [name for _, _, name in sorted(secrets)] if pieces else []


def _tokens_of(text: str) -> list[Token]:
    if re.match(_CELL_MAGIC, text):  # "%%bash": a cell in another language
        return [Token("shell", text, 0, len(text), (0, len(text)))]
    return tokens(text)


def _by_shape(text: str, parts: _Parts) -> Iterator[_Secret]:
    """Yield what has the shape of a secret, except names in the code."""
    for secret in shapes.secrets(text):
        if secret[0] in parts or not _is_python(text):
            yield secret


def _by_name(text: str, parsed: Sequence[Token]) -> Iterator[_Secret]:
    for token in parsed:
        if token.kind == "shell":
            yield from ((token.start + v.start, token.start + v.end, v.name)
                        for v in texts.assigned(token.text) if v.secret)  # fmt: skip
        elif token.kind == "comment":
            yield from _inside(text, [token])
    for literal in literals(text, parsed):
        start = _secret_start(text, literal) if literal.name else None
        if start is None:
            yield from _inside(text, literal.strings)
        else:
            yield from ((max(start, token.inner[0]), token.inner[1], literal.name) for token in literal.strings)


def _secret_start(text: str, literal: Literal) -> int | None:
    """Return where the secret in a literal with a secret name begins; None if there is none."""
    if any(string.fields for string in literal.strings):
        return None  # it is put together at run time
    content = "".join(text[slice(*string.inner)] for string in literal.strings)
    value = texts.strip_scheme(content)
    if REDACTED in value or not hides(literal.name, value) or not _says_something(value):
        return None
    if _is_a_name(literal.name, value):
        return None
    return literal.strings[0].inner[0] + len(content) - len(value)


def _is_a_name(name: str, value: str) -> bool:
    """Return whether a value names or describes a secret: ``CONF_TOKEN = "token"``, ``password="Your password"``."""
    words = set(words_of(value))
    if value.lower() in texts.SCHEMES or (len(value) < 4 and secrecy(name) == "weak"):
        return True
    if re.fullmatch(r"[A-Z][A-Z_]*_[A-Z]+", value):
        return is_secret_name(value)
    if re.search(r"\s", value):
        cookie = re.match(r"[\w.\-]+=", value)
        return not cookie if secrecy(name) == "weak" else bool(words.intersection(words_of(name)))
    return not re.search(r"\d", value) and words <= set(words_of(name))


def _inside(text: str, side_by_side: Sequence[Token]) -> Iterator[_Secret]:
    """Yield what is assigned inside strings or comments: in configuration, command lines and documentation."""
    pieces, joints, length = [], [], 0
    for token in side_by_side:
        start, end = token.inner
        joints.append((length, length + end - start, start - length))
        length += end - start
        for begin, after in token.fields:  # replaced by references of the same length: "password={_________}"
            pieces += [text[start:begin], "{", "_" * (after - begin - 2), "}"[: after - begin - 1]]
            start = after
        pieces.append(text[start:end])
    content = "".join(pieces)
    for value in texts.assigned(content):
        if value.secret and _is_meant(value, content):
            for begin, after, shift in joints:
                if begin < value.end and value.start < after:
                    yield max(begin, value.start) + shift, min(after, value.end) + shift, value.name


def _is_meant(assigned: texts.Assigned, content: str) -> bool:
    """Return whether a string or comment gives a value and does not describe it: ``password: the one to use``."""
    value, after = content[assigned.start : assigned.end], content[assigned.end : assigned.end + 100]
    if (
        "{_" in value
        or REDACTED in value
        or value.startswith("<")
        or not _says_something(value)
        or _is_a_name(assigned.name, value)
    ):
        return False
    if assigned.kind == "quoted":  # but not: the "password:" prompt
        return after.startswith(content[assigned.start - 1])
    if assigned.kind == "bracket":
        return bool(re.search("[\"'\\d]", value))
    if assigned.kind != "bare" or not re.fullmatch(_WORD, value):
        return not re.match(_CALL, value)
    if not assigned.sign:
        return False  # --password and --token
    prose = re.match(_PROSE, after.lstrip(".,;:!?)"))
    return secrecy(assigned.name) == "strong" and not prose


class _Parts:
    """The parts of a source that may be replaced: the texts of strings, comments and shell lines."""

    def __init__(self, parsed: Sequence[Token]) -> None:
        self._literals = [token.inner for token in parsed if token.kind in ("string", "comment", "shell")]
        self._parts = sorted(part for token in parsed for part in literal_parts(token))
        self._starts = [start for start, _ in self._parts]

    def __contains__(self, position: int) -> bool:
        before = bisect_right(self._literals, (position, maxsize)) - 1
        return before >= 0 and position < self._literals[before][1]

    def between(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield what lies between two positions."""
        first, last = bisect_right(self._starts, start) - 1, bisect_left(self._starts, end)
        for begin, after in self._parts[max(0, first) : last]:
            yield max(start, begin), min(end, after)


def _replacements(text: str, secrets: Sequence[_Secret], parts: _Parts) -> list[tuple[int, int]]:
    """Return what to replace: the parts of secrets that lie in literals, with overlapping ones joined."""
    places = []
    for start, end, _ in secrets:
        if start not in parts:  # the source is not Python
            places.append((start, end))
            continue
        for begin, after in parts.between(start, end):
            backslashes = after - len(text[begin:after].rstrip("\\")) - begin
            after -= backslashes % 2  # otherwise the quote that follows would no longer be escaped
            if _says_something(text[begin:after]):
                places.append((begin, after))
    return _joined(places)


def _says_something(value: str) -> bool:
    return any(map(str.isalnum, re.sub(r"\\(?:x..|.)", "", value.replace(REDACTED, ""))))


def _joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start < joined[-1][1]:
            start, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((start, end))
    return joined


@lru_cache(maxsize=4)
def _is_python(text: str) -> bool:
    try:
        with without_warnings():  # the user's code may cause some, which do not matter here
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
