"""The small language of `where` and `sort`: names of a run, compared with values.

It is Python's own syntax, read with `ast` and evaluated here. It has names, values, comparisons, `in`, `and`, `or`,
`not` and the four arithmetic operations; nothing is executed. This is by hand because runs lack names: a missing name
makes a condition unknown, and the run does not pass. To a library such as simpleeval it is an error.
"""

import ast
import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, TypeGuard, get_args

from autotrack.errors import QueryError
from autotrack.journal.records import Status, number
from autotrack.readers.query.names import CALLED, DURATIONS, FIELDS, GROUPS, TIMES, Name, meant_by, nearest
from autotrack.readers.query.syntax import CONTAINS, MATCHES, Written, parse
from autotrack.readers.query.values import compare, compare_moments, contains, duration, matches, moment

Read = Callable[[Name], Any]
"""Reads a name of one run; None if the run has none."""

Key = Callable[[Read], Any]

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
    """A text that has been understood. Called with what reads names of a run, it returns the value; None if one lacks.

    Args:
        text: What was written.
        known: The names that the runs have among which it is asked, for short names and proposals; nothing if there
            are no runs.
    """

    def __init__(self, text: str, known: Collection[Name] = ()) -> None:
        self._known = known
        self._names: dict[Name, ast.expr] = {}
        self._written: Written = parse(text)
        try:
            self._check_compares_names(self._written.tree)
            self._evaluate = self._build(self._written.tree)
        except RecursionError:
            raise QueryError(f"{text[:40]!r}… is too long to be understood") from None

    def __call__(self, read: Read) -> Any:
        """Return the value for a run."""
        return self._evaluate(read)

    @property
    def names(self) -> list[Name]:
        """The names that it is made of."""
        return list(self._names)

    @property
    def name(self) -> Name | None:
        """The name, if it is nothing but one."""
        tree = self._written.tree
        return next((name for name, node in self._names.items() if node is tree), None)

    def check_names(self) -> None:
        """Raise `QueryError` for a name that none of the runs has, if there are any runs."""
        for name, node in self._names.items():
            if self._known and name not in self._known:
                raise self._written.error(self._unknown(".".join(self._path(node)), name), node)

    def _check_compares_names(self, tree: ast.expr) -> None:
        """Raise `QueryError` where a text is compared with values only, which is the same for every run.

        Somebody wrote a name in quotes, most often because it has a space.
        """
        tests: list[ast.expr] = [node for node in ast.walk(tree) if isinstance(node, ast.Compare) or _looks_into(node)]
        for node in tests or [tree]:
            parts = list(ast.walk(node))
            text = next(
                (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)), None
            )
            if text is not None and not any(isinstance(part, ast.Name) for part in parts):
                meant = meant_by(text, self._known) or [Name("params", text)]
                raise self._written.error(
                    f"this is the same for every run, since texts in quotes are values; "
                    f"a name with odd characters is written as {meant[0].quoted}",
                    node,
                )

    # ---- One part after the other

    def _build(self, node: ast.expr) -> Key:  # noqa: C901  one case a kind of node
        match node:
            case ast.Constant(value=value):
                return lambda _: value
            case ast.Name(id=word) if word in _WORDS:
                return lambda _: _WORDS[word]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                parts = [self._build(item) for item in items]
                return lambda read: [part(read) for part in parts]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _computed(operator.neg, [self._build(operand)])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _computed(operator.not_, [self._build(operand)])
            case ast.BoolOp(op=op, values=values):
                return _joined([self._build(value) for value in values], decisive=isinstance(op, ast.Or))
            case ast.BinOp(left=left, op=CONTAINS(), right=right):
                return _computed(contains, [self._build(left), self._build(right)])
            case ast.BinOp(left=left, op=MATCHES(), right=right):
                return _computed(partial(matches, self._pattern(right)), [self._build(left)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTE:
                return _computed(_COMPUTE[type(op)], [self._build(left), self._build(right)])
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _SIGNS for op in ops):
                sides = [left, *others]
                tests = [self._compare(*test) for test in zip(sides, ops, others, strict=False)]
                return tests[0] if len(tests) == 1 else _joined(tests, decisive=False)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                name = self._name(node)
                return lambda read: read(name)
        raise self._written.error("this is not understood", node)

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Key:
        sign = _SIGNS[type(op)]
        if sign in ("==", "!=", "in", "not in"):
            left, right = self._bare_text(left, right, sign), self._bare_text(right, left, sign)
        if isinstance(op, (ast.Is, ast.IsNot)) and not (_is_none(left) or _is_none(right)):
            raise self._written.error("'is' is for 'is missing' and 'is None' only; write == or !=", right)
        if sign in ("==", "!=") and (_is_none(left) or _is_none(right)):
            value = self._build(right if _is_none(left) else left)
            return lambda read: (value(read) is None) is (sign == "==")
        if self._is_field(left, TIMES) and (texts := _texts(right)):
            return self._compare_times(sign, self._build(left), texts, right)
        if self._is_field(right, TIMES) and (texts := _texts(left)) and sign in _TURNED:
            return self._compare_times(_TURNED[sign], self._build(right), texts, left)
        if self._is_field(left, DURATIONS) and isinstance(right, ast.Constant) and isinstance(right.value, str):
            right = ast.Constant(self._read(duration, right.value, right))
        if self._is_field(right, DURATIONS) and isinstance(left, ast.Constant) and isinstance(left.value, str):
            left = ast.Constant(self._read(duration, left.value, left))
        return _computed(partial(compare, sign), [self._build(left), self._build(right)])

    def _bare_text(self, node: ast.expr, beside: ast.expr, sign: str) -> ast.expr:
        """Return what stands beside a name, a text without quotes as one if nothing else can be meant.

        How runs end are few words. Any other word that is no name is a mistake, and the likeliest one is said.
        """
        if isinstance(node, (ast.List, ast.Tuple)):
            return ast.copy_location(ast.List([self._bare_text(one, beside, sign) for one in node.elts]), node)
        if not isinstance(node, ast.Name) or node.id in _WORDS or self._is_known(node) or not self._is_known(beside):
            return node
        if self._is_field(beside, ["status"]) and node.id.lower() in _ENDS:
            return ast.copy_location(ast.Constant(node.id.lower()), node)
        if not self._known:
            return node
        written = ".".join(self._path(beside))
        quoted = f"[{node.id!r}]" if sign in ("in", "not in") else repr(node.id)
        raise self._written.error(
            f"{node.id!r} is not a name of a run; if it is a text, quote it: {written} {sign} {quoted}", node
        )

    def _is_known(self, node: ast.expr) -> bool:
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return False
        group, *rest = self._path(node)
        written = ".".join([group, *rest])
        is_field = not rest and (group in FIELDS or group in CALLED)
        return is_field or Name(group, ".".join(rest)) in self._known or bool(meant_by(written, self._known))

    def _compare_times(self, sign: str, time: Key, texts: list[str], node: ast.expr) -> Key:
        moments = [self._read(moment, text, node) for text in texts]
        if sign in ("in", "not in"):
            return _computed(
                lambda at: any(compare_moments("==", at, one) for one in moments) is (sign == "in"), [time]
            )
        return _computed(lambda at: compare_moments(sign, at, moments[0]), [time])

    def _read(self, read: Callable[[str], Any], text: str, node: ast.expr) -> Any:
        try:
            return read(text)
        except QueryError as error:
            raise self._written.error(str(error), node) from None

    def _pattern(self, node: ast.expr) -> re.Pattern[str]:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            raise self._written.error("after 'matches' comes a regular expression in quotes", node)
        try:
            return re.compile(node.value)
        except (re.error, RecursionError, OverflowError) as error:
            raise self._written.error(f"this is no regular expression ({error})", node) from None

    def _is_field(self, node: ast.expr, fields: Iterable[str]) -> bool:
        if not isinstance(node, ast.Name) or (node.id not in FIELDS and meant_by(node.id, self._known)):
            return False
        return CALLED.get(node.id, node.id) in fields

    # ---- Names

    def _name(self, node: ast.expr) -> Name:
        path = self._path(node)
        group, rest = path[0], ".".join(path[1:])
        name = Name(group, rest) if group in GROUPS and rest else Name("", group)
        written = ".".join(path)
        if not name.group and (group not in FIELDS or rest):
            name = self._in_full(node, written)
        elif name.group and name not in self._known and len(meant := meant_by(written, self._known)) == 1:
            name = meant[0]  # a param that is itself called `params.x`
        self._names[name] = node
        return name

    def _in_full(self, node: ast.expr, written: str) -> Name:
        """Return the name that is meant by one without its group."""
        meant = meant_by(written, self._known)
        if not meant and written in CALLED:
            return Name("", CALLED[written])
        if len(meant) == 1 or not self._known:
            return meant[0] if meant else Name("metrics", written)
        if meant:
            raise self._written.error(f"{written!r} may be {' or '.join(map(str, meant))}; write which", node)
        raise self._written.error(self._unknown(written, None), node)

    def _path(self, node: ast.expr) -> list[str]:
        match node:
            case ast.Name(id=name):
                return [name]
            case ast.Attribute(value=value, attr=name):
                return [*self._path(value), name]
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                return [*self._path(value), name]
        raise self._written.error("this is not understood; odd names are written as in params['a/b']", node)

    def _unknown(self, written: str, name: Name | None) -> str:
        """Return what is wrong with a name, and what may have been meant."""
        if name and name.group == "best" and Name("metrics", name.rest) in self._known:
            return (
                f"no run has a best value of {name.rest!r}: its name does not tell whether less or more is better; "
                f"write the setting metric = 'min {name.rest}' or 'max {name.rest}'"
            )
        proposals = nearest(written, self._known)
        missing = f"no run has {str(name)!r}" if name else f"{written!r} is not a name of a run"
        if proposals:
            return f"{missing}; did you mean {' or '.join(proposals)}?"
        counts = Counter(known.group for known in self._known if known.group)
        there = [f"{counts[group]} {group}.NAME" for group in GROUPS if counts[group]]
        groups = ", ".join(there or [f"{group}.NAME" for group in GROUPS])
        return f"{missing}; there are {groups} and fields such as {', '.join(_KNOWN_FIELDS)}"


_ENDS = frozenset([*get_args(Status), "running"])
_KNOWN_FIELDS = ("name", "status", "started", "took", "experiment")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
"""The signs for sides that have changed places."""


class Condition(Query):
    """A query with yes or no for an answer. A run without a name that the condition needs does not pass."""

    def __call__(self, read: Read) -> bool:
        """Return whether a run passes."""
        return bool(self._evaluate(read))


def sortable(value: Any) -> tuple[int, float, str]:
    """Return a key that orders values of mixed types: numbers first, NaN after all other numbers, then text."""
    if isinstance(value, (int, float)):
        return (1, 0.0, "") if math.isnan(plain := float(number(value))) else (0, plain, "")
    return (2, 0.0, str(value))


def _looks_into(node: ast.AST) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (CONTAINS, MATCHES))


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

    def compute(read: Read) -> Any:
        values = []
        for part in parts:
            value = part(read)
            if value is None:
                return None
            values.append(value)
        try:
            return function(*values)
        except (TypeError, ArithmeticError):
            return None

    return compute


def _joined(parts: list[Key], *, decisive: bool) -> Key:
    """Return `or`, which one true part decides, or `and`, which one false part decides, even if others are missing."""

    def join(read: Read) -> bool | None:
        result: bool | None = not decisive
        for part in parts:
            value = part(read)
            if value is None:
                result = None
            elif bool(value) is decisive:
                return decisive
        return result

    return join
