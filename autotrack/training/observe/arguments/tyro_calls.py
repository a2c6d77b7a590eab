"""Arguments that `tyro.cli` makes a dataclass of, or passes on to a function of the script.

They are read when they have been parsed and before the function is called, since that may be the one that trains.
"""

import inspect
from collections.abc import Generator, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from autotrack.training.configs import items_of
from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.script import calling_line

_DUMMY = "__tyro_dummy_field__"
"""The field under which tyro keeps what is no function and no class with fields."""


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `tyro._calling`."""
    yield Patch(module, "callable_with_args", _after_parse, concerns=_is_outermost)


def _is_outermost(*args: Any, **options: Any) -> bool:
    return bool(options.get("field_name_prefix", args[4] if len(args) > 4 else None) == "")


def _after_parse(
    _called: Any, specification: Any, _default: Any, words: Any, *_rest: Any, **_options: Any
) -> Generator[None, Outcome, None]:
    caller = calling_line("tyro")
    outcome = yield
    if outcome.error is not None or caller is None:
        return
    call = outcome.result[0]
    if isinstance(call, partial):
        defaults = dict(_defaults(specification))
        given = {str(name) for name, word in words.items() if not _is_missing(word)}
        values: Any = {name: value for name, value in _arguments(call).items() if not _is_missing(value)}
        if set(values) == {_DUMMY}:
            values = values[_DUMMY] if items_of(values[_DUMMY]) else {"value": values[_DUMMY]}
        parsed.parsed_arguments.note(parsed.read("tyro", values, given=given, defaults=defaults), parsed_by=caller)


def _arguments(call: "partial[Any]") -> dict[str, Any]:
    try:
        bound = inspect.signature(call.func).bind_partial(*call.args, **call.keywords)
    except (TypeError, ValueError):
        return dict(call.keywords)
    return dict(bound.arguments)


def _defaults(specification: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for argument in specification.args:
        name = ".".join(part for part in (argument.intern_prefix, argument.field.intern_name) if part)
        if not _is_missing(argument.field.default):
            yield name, argument.field.default
    for child in specification.child_from_prefix.values():
        yield from _defaults(child, prefix)


def _is_missing(value: Any) -> bool:
    return type(value).__module__ == "tyro._singleton" or value is inspect.Parameter.empty
