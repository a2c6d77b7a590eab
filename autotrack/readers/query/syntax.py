"""What is written in `where` and `sort`, as a syntax tree of Python, and where in the text a mistake is.

People write conditions as they would say them. So `contains`, `matches`, `is missing`, a single `=`, and the capitals
of SQL are put into Python's syntax, which `ast` reads.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from autotrack.errors import QueryError

CONTAINS, MATCHES = ast.MatMult, ast.Mod
"""The operators of Python that stand for `contains` and `matches`: they bind tighter than comparisons."""

_OPERATORS = {"contains": "@", "matches": "%"}
_CAPITALS = {"AND", "OR", "NOT", "IN", "IS", "NULL", "NONE", "TRUE", "FALSE"}
_ENDS_OPERAND = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)
_LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Written:
    """A text that could be parsed.

    Attributes:
        text: What was written.
        tree: What it says.
    """

    text: str
    tree: ast.expr
    _python: str
    _origins: list[int]

    def error(self, message: str, node: ast.expr | None = None) -> QueryError:
        """Return an error with the text below the message, and carets under the place that it is about."""
        if node is None or node.end_col_offset is None:
            return _with_text(message, self.text, 0, 0)
        begin, end = (self._origin(offset) for offset in (node.col_offset, node.end_col_offset))
        return _with_text(message, self.text, begin, end)

    def _origin(self, byte_offset: int) -> int:
        """Return where in the text a place in Python's syntax comes from. The parser counts bytes."""
        return self._origins[len(self._python.encode()[:byte_offset].decode(errors="ignore"))]


def parse(text: str) -> Written:
    """Read an expression. Raises `QueryError`."""
    if not isinstance(text, str):
        raise QueryError(f"{text!r:.100} is no text; write it as in 'metrics.val_loss < 0.2' or 'best.val_loss'")
    line = text.strip().replace("\n", " ").replace("\r", " ")
    python, origins = line, list(range(len(line) + 1))
    try:
        python, origins = _as_python(line)
        tree = ast.parse(python, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, tokenize.TokenError) as error:  # ValueError: it cannot be encoded
        at = error.offset - 1 if isinstance(error, SyntaxError) and error.offset else None
        begin = origins[min(max(at, 0), len(origins) - 1)] if at is not None else 0
        reason = error.msg if isinstance(error, SyntaxError) else str(error.args[0] if error.args else error)
        if isinstance(error, tokenize.TokenError) and "statement" in reason:
            reason = "a bracket is not closed"
        raise _with_text(
            f"this cannot be read ({reason}); write it as in 'metrics.val_loss < 0.2 and params.lr > 1e-3'",
            line,
            begin,
            begin + 1 if at is not None else 0,
        ) from None
    except RecursionError:
        raise QueryError(f"{line[:40]!r}… is too long to be understood") from None
    return Written(line, tree, python, origins)


def _as_python(line: str) -> tuple[str, list[int]]:
    """Return the text in Python's syntax, and for each character of it, where it comes from."""
    python, origins, done = "", list[int](), 0
    for begin, end, word in _replacements(line):
        python += line[done:begin] + word
        origins += [*range(done, begin), *[begin] * len(word)]
        done = end
    return python + line[done:], [*origins, *range(done, len(line) + 1)]


def _replacements(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield what is written in another way than Python's, with its place."""
    before = ("", 0)
    for token in tokenize.generate_tokens(io.StringIO(line).readline):
        word, kind = token.string, token.type
        is_after_operand = before[1] in _ENDS_OPERAND or before[0] in (")", "]")
        replaced = word
        if kind == tokenize.OP and word in _OPERATORS.values():
            raise _with_text(f"{word!r} is not understood", line, token.start[1], token.end[1])
        if kind == tokenize.OP and word == "=":
            replaced = "=="
        elif kind == tokenize.NAME and before[0] != ".":
            if word in _OPERATORS and is_after_operand and before[0] not in ("not", "and", "or", "in", "is"):
                replaced = _OPERATORS[word]
            elif word == "missing" and before[0] in ("is", "not"):
                replaced = "None"
            elif word in _CAPITALS:
                replaced = word.lower()
        if replaced != word:
            yield token.start[1], token.end[1], replaced
        before = (replaced.lower(), kind)


def _with_text(message: str, text: str, begin: int, end: int) -> QueryError:
    """Return an error with the text, and carets below a part of it; of a long text, only what is near to that part."""
    first = max(0, min(begin, len(text) - _LONGEST_SHOWN))
    shown = text[first : first + _LONGEST_SHOWN]
    marks = " " * (begin - first) + "^" * max(min(end, first + _LONGEST_SHOWN) - begin, 0)
    return QueryError("\n  ".join([message, shown, *([marks] if marks.strip() else [])]))
