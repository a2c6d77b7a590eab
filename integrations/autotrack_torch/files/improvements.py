"""Tells whether a script saves because something got better: `if acc > best_acc: torch.save(...)`.

Nothing but the source around the call says so. It is read when a file is saved, which is rare, and what stands there
is looked at but never executed.
"""

import ast
import functools
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from types import CodeType, FrameType
from typing import Any, Literal

from autotrack.integrations import direction_of
from autotrack_torch.files.saved_objects import as_number
from autotrack_torch.frames.reading import variables

_BEST = re.compile(r"best|lowest|highest|optimal|bsf", re.IGNORECASE)
_COUNTS = re.compile(
    r"(^|_)(epochs?|steps?|it|iters?|iterations?|idx|index|i|j|n|t|num|count(er)?|batch|time|patience)$"
)
_FLAG = re.compile(r"best|improved|is_better", re.IGNORECASE)
_MOST_LINES = 20_000
_LOADED = time()
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Improvement:
    """That a file was saved because a metric got better: its name, its value if that is known, and which way is up."""

    metric: str
    value: Any = None
    direction: Literal["min", "max"] | None = None


def improvement_at(frames: list[FrameType]) -> Improvement | None:
    """Return what got better where a file is saved, or None. `frames` are the user's, the innermost first."""
    for frame in frames:
        block = _block(frame.f_code)
        found = block and _of_conditions(block, frame)
        if found:
            return found
    return None


def _of_conditions(block: ast.AST, frame: FrameType) -> Improvement | None:
    line = frame.f_lineno
    for statements, test in _conditions_around(block, line):
        comparisons = _holding(test, frame)
        for flag in _flags(test):
            comparisons += _assigned(block, flag, frame)
        if found := _improvement(comparisons, statements, frame):
            return found
    for statements, test in _refusals_around(block, line):
        if found := _improvement(_relations(test), statements, frame, is_refused=True):
            return found
    return _of_flags(block, frame)


def _of_flags(block: ast.AST, frame: FrameType) -> Improvement | None:
    """Return what got better where a flag says so, as in `save_checkpoint(state, is_best)`."""
    for name, value in _values_of_flags(frame):
        if value is True and (found := _improvement(_assigned(block, name, frame), [], frame)):
            return found
    return None


def _values_of_flags(frame: FrameType) -> Iterator[tuple[str, Any]]:
    names = {name for name in (*frame.f_code.co_varnames, *frame.f_code.co_names) if _FLAG.search(name)}
    yield from variables(frame, names).items()


def _conditions_around(block: ast.AST, line: int) -> list[tuple[list[ast.stmt], ast.expr]]:
    """Return the blocks around a line that a condition guards, with their conditions, the innermost first."""
    guarded = [node for node in ast.walk(block) if isinstance(node, ast.If)]
    return [(node.body, node.test) for node in guarded[::-1] if _cover(node.body, line)]


def _refusals_around(block: ast.AST, line: int) -> list[tuple[list[ast.stmt], ast.expr]]:
    """Return the blocks around a line that stand after `else`, with the conditions that did not hold."""
    guarded = [node for node in ast.walk(block) if isinstance(node, ast.If)]
    return [(node.orelse, node.test) for node in guarded[::-1] if _cover(node.orelse, line)]


def _cover(statements: list[ast.stmt], line: int) -> bool:
    return any(_covers(statement, line) for statement in statements)


def _covers(node: ast.AST, line: int) -> bool:
    return getattr(node, "lineno", line + 1) <= line <= (getattr(node, "end_lineno", None) or 0)


def _flags(test: ast.expr) -> Iterator[str]:
    for node in ast.walk(test):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield _text(node)


def _assigned(block: ast.AST, name: str, frame: FrameType) -> list[ast.Compare]:
    """Return the comparisons in what was last assigned to a name before a line."""
    assignments = [
        node
        for node in ast.walk(block)
        if isinstance(node, ast.Assign)
        and node.lineno <= frame.f_lineno
        and name in {_text(target) for target in node.targets}
    ]
    if not assignments:
        return []
    return _holding(max(assignments, key=lambda node: node.lineno).value, frame)


def _holding(test: ast.expr, frame: FrameType) -> list[ast.Compare]:
    """Return the comparisons that hold if the condition does."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [comparison for part in test.values for comparison in _holding(part, frame)]
    if isinstance(test, ast.BoolOp):
        holding = [(part, _holding(part, frame)) for part in test.values]
        found = [comparison for _, comparisons in holding for comparison in comparisons]
        others = [part for part, comparisons in holding if not comparisons]
        is_one = len({frozenset((_text(one.left), _text(one.comparators[0]))) for one in found}) == 1
        return found if is_one and all(_is_no_reason(part, found, frame) for part in others) else []
    return _relations(test) if isinstance(test, ast.Compare) else []


def _is_no_reason(part: ast.expr, found: list[ast.Compare], frame: FrameType) -> bool:
    """Whether this is off, or only says that there is no best yet, as in `not best_loss or loss < best_loss`."""
    names = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
    if names & {node.id for comparison in found for node in ast.walk(comparison) if isinstance(node, ast.Name)}:
        return True
    return isinstance(part, (ast.Name, ast.Attribute)) and _value(part, frame) is False


def _relations(node: ast.AST) -> list[ast.Compare]:
    """Return the comparisons of two values, by which is larger."""
    compared = [inner for inner in ast.walk(node) if isinstance(inner, ast.Compare) and len(inner.ops) == 1]
    return [one for one in compared if isinstance(one.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE))]


def _improvement(
    comparisons: list[ast.Compare], statements: list[ast.stmt], frame: FrameType, *, is_refused: bool = False
) -> Improvement | None:
    """Return what got better by comparisons that hold, or, if refused, do not hold, where these statements run."""
    found: list[Improvement] = []
    for comparison in comparisons:
        rises = isinstance(comparison.ops[0], (ast.Gt, ast.GtE)) is not is_refused
        left, right = comparison.left, comparison.comparators[0]
        for new, best, is_up in ((left, right, rises), (right, left, not rises)):
            becomes = _becomes(statements, best, new)
            is_best = becomes or (not is_refused and _is_best(best) and not _is_best(new))
            name = _metric_name(new, best, frame)
            if is_best and name and not _COUNTS.search(name):
                found.append(Improvement(name, as_number(_value(new, frame)), "max" if is_up else "min"))
    if len({one.direction for one in found}) > 1:  # it depends on a setting which of them counts
        return replace(found[0], direction=None)
    return found[0] if found else None


def _metric_name(new: ast.expr, best: ast.expr, frame: FrameType) -> str:
    """Return the name of what got better, or that of the best so far if it says more: `losses[0] < best_val_loss`."""
    own, other = _name(new, frame) or "", _BEST.sub("", _name(best, frame) or "").strip("_.")
    return other if not own or (direction_of(other) and not direction_of(own)) else own


def _is_best(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) and _BEST.search(_text(node)) is not None


def _becomes(statements: list[ast.stmt], best: ast.expr, new: ast.expr) -> bool:
    """Whether one becomes the other in these statements, as in `if acc > top: top = acc`."""
    places = {_text(node) for node in ast.walk(best) if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))}
    return any(
        isinstance(node, ast.Assign) and _text(node.value) == _text(new) and places & set(map(_text, node.targets))
        for statement in statements
        for node in ast.walk(statement)
    )


def _name(node: ast.expr, frame: FrameType) -> str | None:
    """Return the name of a metric: that of a variable, an attribute, or an entry of a mapping."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=inner, slice=key):
            entry = _value(key, frame)
            return entry if isinstance(entry, str) else _name(inner, frame)
        case ast.Call(func=ast.Attribute(value=inner, attr="item" | "mean")):
            return _name(inner, frame)
    return None


def _value(node: ast.expr, frame: FrameType) -> Any:
    """Return the value that stands there, as far as reading it calls nothing of the user's; else None."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(index))):
            return -index
        case ast.Name(id=name):
            return variables(frame, {name}).get(name, frame.f_globals.get(name))
        case ast.Attribute(value=inner, attr=name):
            return getattr(_value(inner, frame), "__dict__", {}).get(name)
        case ast.Subscript(value=inner, slice=key):
            return _entry(_value(inner, frame), _value(key, frame))
        case ast.Call(func=ast.Attribute(value=inner, attr="item"), args=[]):
            return _value(inner, frame)
    return None


def _entry(values: Any, key: Any) -> Any:
    if type(values) is dict:
        return values.get(key) if type(key) in (str, int) else None
    if type(values) in (list, tuple) and isinstance(key, int) and -len(values) <= key < len(values):
        return values[key]
    return None


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


@functools.lru_cache(maxsize=64)
def _block(code: CodeType) -> ast.AST | None:
    """Return the function or module that a code object was compiled from."""
    tree = _tree(code.co_filename)
    if tree is None or code.co_name == "<module>":
        return tree
    functions = (node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))
    here = (node for node in functions if _first_line(node) == code.co_firstlineno)
    return next((node for node in here if getattr(node, "name", "<lambda>") == code.co_name), None)


@functools.lru_cache(maxsize=16)
def _tree(filename: str) -> ast.AST | None:
    lines = linecache.getlines(filename)
    if not lines or len(lines) > _MOST_LINES or _has_changed(filename):
        return None
    try:
        return ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _has_changed(filename: str) -> bool:
    """Whether a file was edited since this process began to train; cells of notebooks are no files."""
    try:
        return Path(filename).stat().st_mtime > _LOADED
    except OSError:
        return False


def _first_line(node: Any) -> int:
    lines: list[int] = [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))]
    return min(lines)
