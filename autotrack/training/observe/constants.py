"""The constants of the script, which many people keep their settings in: `BATCH_SIZE = 64`, `lr = 1e-3` at its top.

A name is one if the script assigns it once, outside of functions and loops, a value that is written out there, and
nothing else in the script changes it. Its value is the one that it has when a run starts.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from time import time
from typing import Any, Protocol

from autotrack.interactive import interactive_session
from autotrack.journal import records
from autotrack.journal.records import AnyRecord
from autotrack.training.hooks.user_code import is_installed
from autotrack.training.values import flatten

SOURCE = "constants"

_MOST_BYTES = 500_000
_MOST_CONSTANTS = 100
_MOST_ENTRIES = 20
_MOST_CHARACTERS = 200


class TakesRecords(Protocol):
    """What is needed of a run."""

    def _put(self, record: AnyRecord) -> None:
        """Record this, without its secrets."""


def log_to(run: TakesRecords) -> None:
    """Record the constants of the script in a run that has just started."""
    if values := constants_now():
        run._put(records.Params(time=time(), values=values, source=SOURCE, given=list(values)))


def constants_now() -> dict[str, Any]:
    """Return the constants of the script of this process by name; none in a notebook or at a prompt."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not isinstance(file, str) or interactive_session() or is_installed(file):
        return {}
    held = vars(main)
    return flatten({name: held[name] for name in _names_in(file) if _is_plain(held.get(name))})


@lru_cache(maxsize=1)
def _names_in(file: str) -> tuple[str, ...]:
    """Return the names of the constants in a file with Python code."""
    try:
        path = Path(file)
        if path.suffix not in (".py", ".pyw", "") or path.stat().st_size > _MOST_BYTES:
            return ()
        return constants_in(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def constants_in(source: str | bytes) -> tuple[str, ...]:
    """Return the names of the constants in the code of a script, in their order.

    >>> constants_in("BATCH_SIZE = 64\\nlr = 1e-3\\nbest = 0.0\\nfor epoch in range(3):\\n    best = max(best, epoch)")
    ('BATCH_SIZE', 'lr')
    """
    module = ast.parse(source)
    stores = _Stores()
    stores.visit(module)
    written = Counter(_written_out(module.body))
    found = (name for name, times in written.items() if stores.times[name] == times and not name.startswith("_"))
    return tuple(islice(found, _MOST_CONSTANTS))


def _written_out(statements: list[ast.stmt]) -> Iterator[str]:
    """Yield each name that gets a value which is written out, in statements that run once."""
    for statement in statements:
        match statement:
            case ast.Assign(targets=targets, value=value) if _is_literal(value):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_literal(value):
                yield name
            case ast.If(body=body, orelse=others) | ast.Try(body=body, finalbody=others):
                yield from _written_out([*body, *others])
            case ast.With(body=body):
                yield from _written_out(body)


def _is_literal(value: ast.expr) -> bool:
    """Whether a value is written out; an empty list or dict is not, for it is there to be filled."""
    match value:
        case ast.Constant():
            return isinstance(value.value, (bool, int, float, str))
        case ast.UnaryOp(operand=operand):
            return _is_literal(operand)
        case ast.BinOp(left=left, right=right):
            return _is_literal(left) and _is_literal(right)
        case ast.Tuple(elts=entries) | ast.List(elts=entries):
            return 0 < len(entries) <= _MOST_ENTRIES and all(map(_is_literal, entries))
        case ast.Dict(keys=keys, values=values):
            return 0 < len(values) <= _MOST_ENTRIES and None not in keys and all(map(_is_literal, values))
    return False


class _Stores(ast.NodeVisitor):
    """Counts how often each global name gets a value, or may get one."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.times[node.id] += 1

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.times[node.name] += 1
        self.visit_Lambda(node)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815  the names of `NodeVisitor`

    def visit_Lambda(self, node: ast.AST) -> None:
        """Names within are local, unless it is said that they are not."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global):
                self.times.update(inner.names)

    def visit_alias(self, node: ast.alias) -> None:
        self.times[node.asname or node.name.partition(".")[0]] += 1

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.times[node.name or ""] += 1
        self.generic_visit(node)


def _is_plain(value: Any) -> bool:
    """Whether a value is that of a setting, and short enough."""
    if isinstance(value, str):
        return len(value) <= _MOST_CHARACTERS and "\n" not in value
    if isinstance(value, (list, tuple)):
        return 0 < len(value) <= _MOST_ENTRIES and all(map(_is_plain, value))
    if isinstance(value, dict):
        return 0 < len(value) <= _MOST_ENTRIES and all(map(_is_plain, value.values()))
    return isinstance(value, (bool, int, float))
