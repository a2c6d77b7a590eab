"""The small language of `where` and `sort`: names of a run, compared with values.

It is Python's own syntax, read with `ast` and evaluated here. It has names, values, comparisons, `in`, `and`, `or`,
`not` and the four arithmetic operations; nothing is executed. This is by hand because runs lack names: a missing name
makes a condition unknown, and the run does not pass. To a library such as simpleeval it is an error.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from autotrack.errors import QueryError
from autotrack.journal.summary import Summary
from autotrack.readers.query_names import DURATIONS, FIELDS, GROUPS, TIMES, Name, names_in, nearest
from autotrack.readers.query_values import compare, compare_moments, duration, moment

Key = Callable[[Summary], Any]

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "==",
    ast.IsNot: "!=",
}
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_WORDS = {"true": True, "false": False, "none": None, "null": None, "nan": math.nan, "inf": math.inf}
"""Values as other languages write them."""


class Query:
    """A text that has been understood. Called with a summary, it returns the value; None if a name is missing.

    Args:
        text: What was written.
        known: The runs among which it is asked, for proposals instead of a name that there is not.
    """

    def __init__(self, text: str, known: Sequence[Summary] = ()) -> None:
        self._text = text
        self._known = known
        self._names: dict[Name, str] = {}
        try:
            self._evaluate = self._build(_parse(text))
        except RecursionError:
            raise QueryError(f"{text[:40]!r}… is too long to be understood") from None

    def __call__(self, summary: Summary) -> Any:
        """Return the value for a run."""
        return self._evaluate(summary)

    def check_names(self) -> None:
        """Raise `QueryError` for a name that none of the known runs has, if there are any runs."""
        for name, written in self._names.items():
            if self._known and not any(name.is_in(summary) for summary in self._known):
                raise QueryError(self._unknown(written, name))

    # ---- One part after the other

    def _build(self, node: ast.expr) -> Key:
        match node:
            case ast.Constant(value=value):
                return lambda _: value
            case ast.Name(id=word) if word in _WORDS:
                return lambda _: _WORDS[word]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                parts = [self._build(item) for item in items]
                return lambda summary: [part(summary) for part in parts]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _computed(operator.neg, [self._build(operand)])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _computed(operator.not_, [self._build(operand)])
            case ast.BoolOp(op=op, values=values):
                return _joined([self._build(value) for value in values], decisive=isinstance(op, ast.Or))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTE:
                return _computed(_COMPUTE[type(op)], [self._build(left), self._build(right)])
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _SIGNS for op in ops):
                sides = [left, *others]
                tests = [self._compare(*test) for test in zip(sides, ops, others, strict=False)]
                return tests[0] if len(tests) == 1 else _joined(tests, decisive=False)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._name(node).read
        raise QueryError(f"{ast.unparse(node)!r} in {self._text!r} is not understood")

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Key:
        sign = _SIGNS[type(op)]
        if isinstance(op, (ast.Is, ast.IsNot)) and not (_is_none(left) or _is_none(right)):
            raise QueryError(f"'is' in {self._text!r} is for None only; write == or !=")
        if sign in ("==", "!=") and (_is_none(left) or _is_none(right)):
            value = self._build(right if _is_none(left) else left)
            return lambda summary: (value(summary) is None) is (sign == "==")
        if self._is_field(left, TIMES) and (texts := _texts(right)):
            return self._compare_times(sign, self._build(left), texts)
        if self._is_field(right, TIMES) and (texts := _texts(left)) and sign in _TURNED:
            return self._compare_times(_TURNED[sign], self._build(right), texts)
        if self._is_field(left, DURATIONS) and isinstance(right, ast.Constant) and isinstance(right.value, str):
            right = ast.Constant(self._read(duration, right.value))
        if self._is_field(right, DURATIONS) and isinstance(left, ast.Constant) and isinstance(left.value, str):
            left = ast.Constant(self._read(duration, left.value))
        return _computed(partial(compare, sign), [self._build(left), self._build(right)])

    def _compare_times(self, sign: str, time: Key, texts: list[str]) -> Key:
        moments = [self._read(moment, text) for text in texts]
        if sign in ("in", "not in"):
            return _computed(
                lambda at: any(compare_moments("==", at, one) for one in moments) is (sign == "in"), [time]
            )
        return _computed(lambda at: compare_moments(sign, at, moments[0]), [time])

    def _read(self, read: Callable[[str], Any], text: str) -> Any:
        try:
            return read(text)
        except QueryError as error:
            raise QueryError(f"{error} (in {self._text!r})") from None

    def _is_field(self, node: ast.expr, fields: Iterable[str]) -> bool:
        return isinstance(node, ast.Name) and node.id in fields

    # ---- Names

    def _name(self, node: ast.expr) -> Name:
        path = self._path(node)
        group, rest = path[0], ".".join(path[1:])
        written = ".".join(path)
        name = Name(group, rest) if group in GROUPS and rest else Name("", group)
        if not name.group and (group not in FIELDS or rest):
            raise QueryError(self._unknown(written, None))
        self._names[name] = written
        return name

    def _path(self, node: ast.expr) -> list[str]:
        match node:
            case ast.Name(id=name):
                return [name]
            case ast.Attribute(value=value, attr=name):
                return [*self._path(value), name]
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                return [*self._path(value), name]
        raise QueryError(
            f"{ast.unparse(node)!r} in {self._text!r} is not understood; for odd names write params['a/b']"
        )

    def _unknown(self, written: str, name: Name | None) -> str:
        """Return what is wrong with a name, and what may have been meant."""
        if name and name.group == "best" and any(name.rest in summary.metrics for summary in self._known):
            return (
                f"no run has a best value of {name.rest!r} ({self._text!r}): its name does not tell whether less or "
                f"more is better; write the setting metric = 'min {name.rest}' or 'max {name.rest}'"
            )
        proposals = nearest(written, names_in(self._known))
        missing = (
            f"no run has {str(name)!r} ({self._text!r})"
            if name
            else f"{written!r} in {self._text!r} is not a name of a run"
        )
        if proposals:
            return f"{missing}; did you mean {' or '.join(proposals)}?"
        return f"{missing}; there are {', '.join(f'{group}.NAME' for group in GROUPS)} and {', '.join(FIELDS)}"


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
"""The signs for sides that have changed places."""


class Condition(Query):
    """A query with yes or no for an answer. A run without a name that the condition needs does not pass."""

    def __call__(self, summary: Summary) -> bool:
        """Return whether a run passes."""
        return bool(self._evaluate(summary))


def compile_condition(condition: str, known: Sequence[Summary] = ()) -> Condition:
    """Return a test of a summary. Raises `QueryError` for what is not understood."""
    return Condition(condition, known)


def compile_name(name: str, known: Sequence[Summary] = ()) -> Query:
    """Return a function that reads a name from a summary, or computes with names. Raises `QueryError`."""
    return Query(name, known)


def sortable(value: Any) -> tuple[int, float, str]:
    """Return a key that orders values of mixed types: numbers first, NaN after all other numbers, then text."""
    if isinstance(value, (int, float)):
        return (1, 0.0, "") if math.isnan(value) else (0, float(value), "")
    return (2, 0.0, str(value))


def _parse(text: str) -> ast.expr:
    if not isinstance(text, str):
        raise QueryError(f"{text!r:.100} is no text; write it as in 'metrics.val_loss < 0.2' or 'best.val_loss'")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError) as error:  # ValueError for text that cannot be encoded
        raise QueryError(
            f"{text!r} cannot be read ({error}); write it as in 'metrics.val_loss < 0.2 and params.lr > 1e-3'"
        ) from None


def _is_none(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None) | ast.Name(id="none" | "null"):
            return True
    return False


def _texts(node: ast.expr) -> list[str]:
    """Return the texts that are written here, if nothing else is."""
    items = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    texts = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return texts if len(texts) == len(items) else []


def _computed(function: Callable[..., Any], parts: list[Key]) -> Key:
    """Return a function that computes from parts. It returns None when one is missing or has the wrong type."""

    def compute(summary: Summary) -> Any:
        values = [part(summary) for part in parts]
        if any(value is None for value in values):
            return None
        try:
            return function(*values)
        except (TypeError, ArithmeticError):
            return None

    return compute


def _joined(parts: list[Key], *, decisive: bool) -> Key:
    """Return `or`, which one true part decides, or `and`, which one false part decides, even if others are missing."""

    def join(summary: Summary) -> bool | None:
        values = [part(summary) for part in parts]
        if any(value is not None and bool(value) is decisive for value in values):
            return decisive
        return None if None in values else not decisive

    return join
