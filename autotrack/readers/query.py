"""The small language of `where` and `sort`: names of a run, compared with values.

It is Python's own syntax, read with `ast` and evaluated here. It has names, values, comparisons, `in`, `and`, `or`,
`not` and the four arithmetic operations; nothing is executed. This is by hand because runs lack names: a missing name
makes a condition unknown, and the run does not pass. To a library such as simpleeval it is an error.
"""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from autotrack.errors import QueryError
from autotrack.journal.records import number
from autotrack.journal.summary import Summary

Key = Callable[[Summary], Any]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_GROUPS = ("params", "metrics", "best", "tags")
_FIELDS = tuple(Summary.__struct_fields__)


def compile_condition(condition: str) -> Callable[[Summary], bool]:
    """Return a test of a summary. A run without a name that the condition needs does not pass."""
    evaluate = _build(_parse(condition), condition)
    return lambda summary: bool(evaluate(summary))


def compile_name(name: str) -> Key:
    """Return a function that reads a name from a summary, or computes with names; None stands for missing names."""
    return _build(_parse(name), name)


def sortable(value: Any) -> tuple[int, float, str]:
    """Return a key that orders values of mixed types: numbers first, NaN after all other numbers, then text."""
    if isinstance(value, (int, float)):
        return (1, 0.0, "") if math.isnan(value) else (0, float(value), "")
    return (2, 0.0, str(value))


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:  # ValueError for text that cannot be encoded
        raise QueryError(
            f"{text!r} cannot be read ({error}); write it as in 'metrics.val_loss < 0.2 and params.lr > 1e-3'"
        ) from None


def _build(node: ast.expr, text: str) -> Key:
    match node:
        case ast.Constant(value=value):
            return lambda _: value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            parts = [_build(item, text) for item in items]
            return lambda summary: [part(summary) for part in parts]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _computed(operator.neg, [_build(operand, text)])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _computed(operator.not_, [_build(operand, text)])
        case ast.BoolOp(op=op, values=values):
            return _joined([_build(value, text) for value in values], decisive=isinstance(op, ast.Or))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTE:
            return _computed(_COMPUTE[type(op)], [_build(left, text), _build(right, text)])
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            tests = [_COMPARE[type(op)] for op in ops]
            return _computed(_chained(tests), [_build(side, text) for side in (left, *others)])
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return _name(node, text)
    raise QueryError(f"{ast.unparse(node)!r} in {text!r} is not understood")


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


def _chained(tests: list[Callable[[Any, Any], Any]]) -> Callable[..., bool]:
    """Return a function that compares several values, as `1 < x < 2` does."""
    return lambda *values: all(test(left, right) for test, left, right in zip(tests, values, values[1:], strict=False))


def _joined(parts: list[Key], *, decisive: bool) -> Key:
    """Return `or`, which one true part decides, or `and`, which one false part decides, even if others are missing."""

    def join(summary: Summary) -> bool | None:
        values = [part(summary) for part in parts]
        if any(value is not None and bool(value) is decisive for value in values):
            return decisive
        return None if None in values else not decisive

    return join


def _name(node: ast.expr, text: str) -> Key:
    path = _path(node, text)
    group, rest = path[0], ".".join(path[1:])
    if group in _GROUPS and rest:
        return lambda summary: _read(summary, group, rest)
    if group in _FIELDS and not rest:
        return lambda summary: getattr(summary, group)
    raise QueryError(
        f"{ast.unparse(node)!r} in {text!r} is not a name of a run; "
        f"there are {', '.join(f'{name}.NAME' for name in _GROUPS)} and {', '.join(_FIELDS)}"
    )


def _path(node: ast.expr, text: str) -> list[str]:
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=value, attr=name):
            return [*_path(value, text), name]
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
            return [*_path(value, text), name]
    raise QueryError(f"{ast.unparse(node)!r} in {text!r} is not understood; for odd names write params['a/b']")


def _read(summary: Summary, group: str, name: str) -> Any:
    if group in ("params", "tags"):
        return getattr(summary, group).get(name)
    metric = summary.metrics.get(name)
    point = metric and (metric.last if group == "metrics" else metric.best)
    return number(point.value) if point else None
