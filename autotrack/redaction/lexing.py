"""Splits Python source into strings, comments, words and operators, also fragments and broken code.

This is by hand although there are libraries. On 168 files of the standard library (4.7 MB) pygments took 5 times as
long, on fragments of them 3.6 times. `tokenize` and `ast` are as quick, but raise an error for 167 of 168 fragments,
as diffs have them, and `tokenize` splits f-strings differently in each version of Python.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

_MOST_NESTED = 20  # f-strings inside f-strings; deeper ones are taken for text

_PIECE = r"""(?xs)(?:[ \t\f]|\\(?:\r\n?|\n))*+(?:
    (?P<comment>\#[^\r\n]*+)
  | (?P<string>(?P<prefix>[bBfFrRtTuU]{0,2})(?P<quote>"{3}|'{3}|["']))
  | (?P<word>\w[\w.]*+)
  | (?P<newline>\r\n?|\n)
  | (?P<shell>(?<==)!(?!=)[^\r\n]*+|(?<==\ )!(?!=)[^\r\n]*+|(?<==)%{1,2}[A-Za-z][^\r\n]*+|(?<==\ )%[A-Za-z][^\r\n]*+)
  | (?P<operator>:=|[=!]=|.))"""
_SHELL_LINE = r"[ \t]*+(?:!(?!=)|%{1,2}[A-Za-z])[^\r\n]*+"
_PLAIN_PART = {  # up to the closing quotes, or the end of the line
    '"': r'(?s)(?:[^\\\r\n"]++|\\(?:\r\n|.))*+',
    "'": r"(?s)(?:[^\\\r\n']++|\\(?:\r\n|.))*+",
    '"""': r'(?s)(?:[^\\"]++|\\.|"(?!""))*+',
    "'''": r"(?s)(?:[^\\']++|\\.|'(?!''))*+",
}
_FORMATTED_PART = {  # up to a brace as well
    quotes: pattern.replace("[^\\\\", r"\\N\{[^{}\r\n\"']*+\}|\{\{|\}\}|[^{}\\", 1).replace(r"|\\", r"|\\(?![{}])", 1)
    for quotes, pattern in _PLAIN_PART.items()
}


class Token(NamedTuple):
    """A piece of source.

    Its kind is ``"word"`` (also a dotted name or a number), ``"operator"``, ``"newline"``, ``"comment"``, ``"string"``
    or ``"shell"``. `inner` is the position of the text of a string, comment or shell line, without quotes. For
    f-strings, `fields` are the positions of the expressions with their braces, and `nested` those of the texts of
    strings inside the expressions.
    """

    kind: str
    text: str
    start: int
    end: int
    inner: tuple[int, int] = (0, 0)
    fields: tuple[tuple[int, int], ...] = ()
    nested: tuple[tuple[int, int], ...] = ()


def tokens(source: str) -> list[Token]:
    """Return the tokens of a source, in order."""
    result: list[Token] = []
    _Lexer(source).read_code(0, result)
    return result


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class _Lexer:
    def __init__(self, source: str) -> None:
        self._source = source
        self._nested = 0
        self._token = _compiled(_PIECE).match

    def read_code(self, position: int, result: list[Token], *, in_field: bool = False) -> int:
        """Add tokens from a position up to the end of the source, or of the field of an f-string."""
        depth = 0
        position = position if in_field else self._read_shell(position, result)
        while match := self._token(self._source, position):
            kind, position = match.lastgroup or "", match.end()
            if kind in ("string", "prefix", "quote"):
                position = self._read_string(match, result)
                continue
            text = match[kind]
            if kind == "shell" and in_field:  # f"{name=!r}"
                kind, text, position = "operator", "!", match.start(kind) + 1
            elif kind == "operator":
                if text in "([{":
                    depth += 1
                elif text in ")]}":
                    depth -= 1
                if in_field and (depth < 0 or (text == ":" and depth == 0)):
                    return position - 1
            result.append(Token(kind, text, position - len(text), position, (position - len(text), position)))
            if kind == "newline" and depth <= 0 and not in_field:
                depth, position = 0, self._read_shell(position, result)
        return len(self._source)

    def _read_shell(self, position: int, result: list[Token]) -> int:
        """Read a shell line or a magic of a notebook, where a statement may begin."""
        match = _compiled(_SHELL_LINE).match(self._source, position)
        if match:
            result.append(Token("shell", match[0], match.start(), match.end(), match.span()))
        return match.end() if match else position

    def _read_string(self, opening: re.Match[str], result: list[Token]) -> int:
        quotes, start = opening["quote"], opening.end()
        formatted = not {"f", "t"}.isdisjoint(opening["prefix"].lower()) and self._nested < _MOST_NESTED
        fields: list[tuple[int, int]] = []
        nested: list[tuple[int, int]] = []
        end = self._read_parts(start, quotes, fields, nested) if formatted else self._part_end(start, quotes)
        after = end + len(quotes) if self._source.startswith(quotes, end) else end
        span = (start, end)
        result.append(Token("string", quotes, opening.start("string"), after, span, tuple(fields), tuple(nested)))
        return after

    def _part_end(self, position: int, quotes: str, parts: dict[str, str] = _PLAIN_PART) -> int:
        match = _compiled(parts[quotes]).match(self._source, position)
        return match.end() if match else position

    def _read_parts(
        self, position: int, quotes: str, fields: list[tuple[int, int]], nested: list[tuple[int, int]]
    ) -> int:
        """Read the text of an f-string up to its closing quotes, and note its fields."""
        while True:
            position = self._part_end(position, quotes, _FORMATTED_PART)
            if self._source[position : position + 1] == "{":
                end = self._read_field(position, quotes, nested)
                fields.append((position, end))
                position = end
            elif self._source[position : position + 1] == "}":  # a single one, which is an error
                position += 1
            else:
                return position

    def _read_field(self, position: int, quotes: str, nested: list[tuple[int, int]]) -> int:
        """Read an expression in braces with its format. Returns where it ends."""
        inside: list[Token] = []
        self._nested += 1
        position = self.read_code(position + 1, inside, in_field=True)
        for token in inside:
            if token.kind == "string":
                nested += [*literal_parts(token)]
        while self._source[position : position + 1] == ":":  # the format may have fields of its own
            position = self._part_end(position + 1, quotes, _FORMATTED_PART)
            while self._source[position : position + 1] == "{":
                position = self._read_field(position, quotes, nested)
                position = self._part_end(position, quotes, _FORMATTED_PART)
        self._nested -= 1
        return min(position + 1, len(self._source)) if self._source[position : position + 1] == "}" else position


def literal_parts(token: Token) -> list[tuple[int, int]]:
    """Return the text parts of a string, comment or shell line: everything but the expressions of f-strings."""
    if token.kind not in ("string", "comment", "shell"):
        return []
    start, parts = token.inner[0], []
    for begin, end in token.fields:
        parts.append((start, begin))
        start = end
    parts.append((start, token.inner[1]))
    return sorted([part for part in parts if part[0] < part[1]] + list(token.nested))
