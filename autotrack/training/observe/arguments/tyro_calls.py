"""Arguments that `tyro.cli` makes a dataclass of, or passes on to a function of the script.

They are read when they have been parsed and before the function is called, since that may be the one that trains.
"""

import inspect
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.script import calling_line
from autotrack.training.values import flatten

_DUMMY = "__tyro_dummy_inner__"
"""The field under which tyro keeps what is no function and no class with fields."""

_CHOICE = " (positional)"
"""How the names of choices among subcommands end, within tyro."""


_NAMES = ("f", "parser_definition", "default_instance", "value_from_prefixed_field_name", "field_name_prefix")
"""The parameters of `tyro._calling.callable_with_args`."""


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `tyro._calling`."""
    yield Patch(module, "callable_with_args", _after_parse, concerns=_is_outermost)


def _is_outermost(args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    return bool({**dict(zip(_NAMES, args, strict=False)), **options}.get("field_name_prefix") == "")


def _after_parse(*args: Any, **options: Any) -> Generator[None, Outcome, None]:
    caller = calling_line("tyro")
    outcome = yield
    if outcome.error is None and caller is not None and isinstance(outcome.result[0], partial):
        named = {**dict(zip(_NAMES, args, strict=False)), **options}
        specification, words = named["parser_definition"], named["value_from_prefixed_field_name"]
        parsed.parsed_arguments.note(_read(outcome.result[0], specification, words), parsed_by=caller)


def _read(call: "partial[Any]", specification: Any, words: Mapping[Any, Any]) -> parsed.Arguments:
    known = flatten(dict(_defaults(specification, words)))
    told = {str(name): word for name, word in words.items() if not _is_missing(word) and _CHOICE not in str(name)}
    given = {
        _name(name)
        for name, word in told.items()
        if not isinstance(word, bool) or word is not known.get(_name(name))  # a flag is never missing
    }
    values = flatten({name: value for name, value in _arguments(call).items() if not _is_missing(value)})
    defaults: dict[str, Any] = {}
    for name, choice, default in _choices(specification, words):
        values[name] = choice
        defaults[name] = default
        given |= {name} if choice != default else set()
    named = {_name(name): value for name, value in values.items()}
    return parsed.read("tyro", named, given=given, defaults={**defaults, **known})


def _arguments(call: "partial[Any]") -> dict[str, Any]:
    try:
        bound = inspect.signature(call.func).bind_partial(*call.args, **call.keywords)
    except (TypeError, ValueError):
        return dict(call.keywords)
    return dict(bound.arguments)


def _choices(specification: Any, words: Mapping[Any, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield the name, the value and the default of each choice among subcommands."""
    for prefix, commands, _ in _subcommands(specification, words):
        choice, default = (
            None if command is None else str(command).rpartition(":")[2]
            for command in (words[f"{prefix}{_CHOICE}"], commands.default_name)
        )
        yield _name(prefix, alone="subcommand"), str(choice), default


def _defaults(specification: Any, words: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for argument in specification.args:
        if not _is_missing(argument.field.default):
            yield _name(f"{argument.intern_prefix}.{argument.field.intern_name}"), argument.field.default
    for child in specification.child_from_prefix.values():
        yield from _defaults(child, words)
    for _, _, chosen in _subcommands(specification, words):
        yield from _defaults(chosen, words)


def _subcommands(specification: Any, words: Mapping[Any, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each choice among subcommands: where it stands, all of them, and what was chosen.

    `_cached` is what tyro has made of it for parsing. Nothing is made here.
    """
    for prefix, commands in specification.subparsers_from_intern_prefix.items():
        lazy = commands.parser_from_name.get(words.get(f"{prefix}{_CHOICE}"))
        if lazy is not None and lazy._cached is not None:
            yield prefix, commands, lazy._cached


def _name(name: str, *, alone: str = "value") -> str:
    """Return the name of an argument as it is in Python, `alone` for one that has none."""
    parts = [part for part in name.replace("-", "_").split(".") if part not in ("", _DUMMY)]
    return ".".join(parts) or alone


def _is_missing(value: Any) -> bool:
    return type(value).__module__ == "tyro._singleton" or value is inspect.Parameter.empty
