"""Tells which names a script gives to metrics itself: those must not become the names of ours.

`writer.add_scalar("loss", mean, epoch)` means another loss, on other steps, than the one that `backward` is called on.
Values of both under one name could not be told apart. What the script will write has to be known before its first
step, so its source is read: only names that stand there as they are can be seen.
"""

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache

from autotrack_torch.frames.reading import user_frames

_MOST_LINES = 20_000
_IS_LIKELY = (".add_scalar", "autotrack.")


def is_written_by_script(name: str) -> bool:
    """Whether a file whose code is running writes a metric of this name, by a `SummaryWriter` or `Run.log`."""
    return any(name in _names_in(file) for file in {frame.f_code.co_filename for frame in user_frames()})


@lru_cache(maxsize=64)
def _names_in(file: str) -> frozenset[str]:
    lines = linecache.getlines(file)
    source = "".join(lines)
    if len(lines) > _MOST_LINES or not any(word in source for word in _IS_LIKELY):
        return frozenset()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # as of a notebook's cell with a magic command
        return frozenset()
    return frozenset(name for node in ast.walk(tree) if isinstance(node, ast.Call) for name in _names_of(node))


def _names_of(call: ast.Call) -> Iterator[str]:
    """Yield the names of the metrics that a call writes, as far as they stand in it."""
    given = call.args[0] if call.args else next((one.value for one in call.keywords if one.arg == "tag"), None)
    match call.func, given:
        case ast.Attribute(attr="add_scalar"), ast.Constant(value=str(name)):
            yield name
        case ast.Attribute(value=owner, attr="log"), ast.Dict(keys=keys) if not _is_of_others(owner):
            for key in keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value


def _is_of_others(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and owner.id in ("wandb", "trackio", "aim", "comet_ml")
