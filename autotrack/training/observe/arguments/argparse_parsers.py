"""Arguments that are parsed with argparse, by `ArgumentParser` and whatever is derived from it.

The outermost call counts: `parse_args` calls `parse_known_args`, and that calls the parsers of subcommands. Which
arguments were given is seen where argparse takes them from the command line, and not guessed from it: abbreviations,
files of arguments, positionals, values that equal the default.
"""

import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from autotrack.redaction.names import is_secret_name
from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.parsing import Parse, begin_parse, current_parse, end_parse, is_parsing
from autotrack.training.observe.arguments.script import calling_line
from autotrack.training.values import flatten

_SUPPRESS = "==SUPPRESS=="
_PARSING = ("parse_args", "parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args")
_SOURCES = {"simple_parsing": "simple-parsing"}
"""What arguments are said to come from whose parser is derived from that of argparse, by the package of the parser."""

_CONVERTERS = (int, float, complex, str, Path)
"""The types that a default in text is converted to here. Other converters are the user's, and are never called."""


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `argparse`, or for a module that has a parser derived from its own."""
    parser: Any = vars(module)["ArgumentParser"]
    for name in _PARSING:
        if name in vars(parser):
            yield Patch(parser, name, _around_parse)
    if "_get_values" in vars(parser):
        yield Patch(parser, "_get_values", _note_given, concerns=is_parsing)


def earlier_arguments() -> list[parsed.Arguments]:
    """Return what the script had parsed before autologging was switched on, if that is beyond doubt.

    It is if exactly one `Namespace` is a variable of the script. Which of its values were given is not known then.
    """
    kind, main = sys.modules["argparse"].Namespace, sys.modules.get("__main__")
    found = {id(value): value for value in list(vars(main).values()) if type(value) is kind} if main else {}
    return [parsed.Arguments("argparse", flatten(one)) for one in found.values() if len(found) == 1]


def _around_parse(
    parser: Any, /, _args: Any = None, namespace: Any = None, *_rest: Any, **_options: Any
) -> Generator[None, Outcome, None]:
    if (outer := current_parse()) is not None:
        outer.parsers.append(parser)
        return
    if (caller := calling_line("argparse", *_SOURCES, parser=parser)) is None:
        return
    parse = begin_parse(caller)
    parse.parsers.append(parser)
    preset = {} if namespace is None else dict(vars(namespace))
    try:
        outcome = yield
    finally:
        end_parse()
    if outcome.error is None:
        namespace = outcome.result[0] if isinstance(outcome.result, tuple) else outcome.result
        arguments = _read(parse, namespace, preset)
        parsed.parsed_arguments.note(arguments, parsed_by=(caller, parser.prog), kept_in=namespace)


def _note_given(_parser: Any, action: Any, words: Any, /, *_rest: Any) -> Generator[None, Outcome, None]:
    """Hook around where an action takes its words from the command line. A positional may take none."""
    yield
    if (parse := current_parse()) is not None and (action.option_strings or any(word != "--" for word in words)):
        parse.given.add(action.dest)


def _read(parse: Parse, namespace: Any, preset: Mapping[str, Any]) -> parsed.Arguments:
    actions = {action.dest: action for parser in parse.parsers for action in parser._actions}
    held = {name: getattr(namespace, name) for name in actions if name != _SUPPRESS and hasattr(namespace, name)}
    values = {**held, **vars(namespace)}
    defaults = {name: action.default for name, action in actions.items() if action.default is not _SUPPRESS}
    for parser in parse.parsers:
        defaults |= {name: value for name, value in parser._defaults.items() if name not in actions}
    told = {name: default for name, default in defaults.items() if name in parse.given or name in preset}
    others = {name: default for name, default in defaults.items() if not isinstance(default, str)}  # converted later
    empty = {name for name, default in others.items() if default is None and values.get(name) == []}  # a positional
    compared = {**{name: default for name, default in others.items() if name not in empty}, **told}
    return parsed.read(
        _source_of(parse.parsers[0]),
        values,
        given=parse.given,
        defaults={name: _as_parsed(default, actions.get(name)) for name, default in compared.items()},
        secret=[name for name, action in actions.items() if _is_secret(action)],
    )


def _as_parsed(default: Any, action: Any) -> Any:
    """Return what a default in text becomes, if the converter is known to do nothing else."""
    converter = getattr(action, "type", None)
    if not isinstance(default, str) or converter not in _CONVERTERS:
        return default
    try:
        return converter(default)
    except ValueError:
        return default


def _source_of(parser: Any) -> str:
    packages = {cls.__module__.partition(".")[0] for cls in type(parser).__mro__}
    return next((source for package, source in _SOURCES.items() if package in packages), "argparse")


def _is_secret(action: Any) -> bool:
    """Whether the name of an option tells that its value is a secret, and the name of the argument does not."""
    options = (option.lstrip("-") for option in action.option_strings)
    return not is_secret_name(action.dest) and any(map(is_secret_name, options))
