"""Gives a constant at the top of a restored script, such as `lr = 1e-3`, another value."""

import ast
from pathlib import Path
from typing import Any

from autotrack.errors import ReproduceError
from autotrack.training.observe.constants import constants_in

_MOST_BYTES = 1_000_000


def constants_of(script: Path) -> dict[str, Any]:
    """Return the constants of a script by name; none of what is no script in Python."""
    content = _content(script)
    try:
        names, values = constants_in(content), _values(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {name: _value(values[name]) for name in names if name in values}


def change_constant(script: Path, name: str, text: str) -> None:
    """Write another value into a script. Raises `ReproduceError` for a text that is no such value."""
    content = _content(script)
    values = _values(content)
    node = values[name]
    new = _literal(name, text, _value(node))
    lines = content.splitlines(keepends=True)
    last = (node.end_lineno or node.lineno) - 1
    first = lines[node.lineno - 1][: node.col_offset] + new.encode() + lines[last][node.end_col_offset or 0 :]
    script.write_bytes(b"".join([*lines[: node.lineno - 1], first, *lines[last + 1 :]]))


def _content(script: Path) -> bytes:
    is_script = script.is_file() and not script.is_symlink() and script.stat().st_size <= _MOST_BYTES
    return script.read_bytes() if is_script else b""


def _values(content: bytes) -> dict[str, ast.expr]:
    """Return what names get at the top of a script, where they get it in one line of their own."""
    found: dict[str, ast.expr] = {}
    for node in ast.parse(content).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
    return found


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:  # written as a calculation
        return None


def _literal(name: str, text: str, old: Any) -> str:
    if isinstance(old, str):
        return repr(text)
    try:
        return repr(ast.literal_eval({"true": "True", "false": "False"}.get(text, text)))
    except (ValueError, SyntaxError) as error:
        before = "a number" if old is None else repr(old)
        raise ReproduceError(f"--param {name} was given {text!r}; the script has {before} there") from error
