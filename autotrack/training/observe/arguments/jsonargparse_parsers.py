"""Arguments that are parsed with jsonargparse, and what `LightningCLI` does with it.

The values come from the command line, from config files and from the environment. Given are those that differ from
their default, and those that the command line names. Of a `LightningCLI`, only these are recorded, under their dotted
names: it has an argument for everything that a Trainer can be told, and what it makes of them is recorded from the
Trainer, the module and the data anyway.
"""

from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.parsing import Parse, begin_parse, current_parse, end_parse, is_parsing
from autotrack.training.observe.arguments.script import calling_line
from autotrack.training.values import flatten

_PARSING = ("parse_args", "parse_object", "parse_path", "parse_string", "parse_env")
_CLI = ("lightning.pytorch.cli", "pytorch_lightning.cli")
_LIBRARIES = ("jsonargparse", "argparse", *_CLI)


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `jsonargparse._core`."""
    parser: Any = vars(module)["ArgumentParser"]
    for name in _PARSING:
        yield Patch(parser, name, _around_parse)
    yield Patch(parser, "get_defaults", _note_defaults, concerns=is_parsing)


def _around_parse(parser: Any, /, *_args: Any, **_options: Any) -> Generator[None, Outcome, None]:
    if (outer := current_parse()) is not None:
        outer.parsers.append(parser)
        return
    if (caller := calling_line(*_LIBRARIES, parser=parser)) is None:
        return
    parse = begin_parse(caller)
    parse.defaults = {}
    try:
        outcome = yield
    finally:
        end_parse()
    if outcome.error is None:
        parsed.parsed_arguments.note(_read(parser, parse, outcome.result), parsed_by=caller)


def _note_defaults(parser: Any, /, *_args: Any, **_options: Any) -> Generator[None, Outcome, None]:
    """Hook around where a parser puts its defaults together, as it does for itself."""
    outcome = yield
    if (parse := current_parse()) is not None and isinstance(parse.defaults, dict) and outcome.error is None:
        parse.defaults.setdefault(id(parser), _flat(outcome.result))


def _read(parser: Any, parse: Parse, config: Any) -> parsed.Arguments:
    values = _flat(config)
    defaults = dict(_all_defaults(parser, parse.defaults))
    given = {name for name, value in values.items() if name not in defaults or defaults[name] != value}
    given |= parse.given & values.keys()
    is_cli = any(cls.__name__ == "LightningArgumentParser" for cls in type(parser).__mro__)
    if is_cli:
        prefix = f"{values.get('subcommand', '')}."
        values = {name.removeprefix(prefix): value for name, value in values.items() if name in given}
        defaults = {name.removeprefix(prefix): value for name, value in defaults.items()}
        given = set(values)
    return parsed.read("LightningCLI" if is_cli else "jsonargparse", values, given=given, defaults=defaults)


def _all_defaults(parser: Any, by_parser: Mapping[int, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the defaults of a parser, and those of its subcommands as far as they were asked for."""
    yield from by_parser.get(id(parser), {}).items()
    commands = getattr(getattr(parser, "_subcommands_action", None), "_name_parser_map", {})
    for command, inner in commands.items():
        yield from ((f"{command}.{name}", value) for name, value in _all_defaults(inner, by_parser))


def _flat(config: Any) -> dict[str, Any]:
    """Return plain values by dotted name, without what jsonargparse notes for itself."""
    return {name: value for name, value in flatten(_with_paths(config)).items() if "__" not in name}


def _with_paths(config: Any) -> Any:
    """Return a config with its paths as text; those of jsonargparse are of a class of its own."""
    if type(config).__name__ == "Namespace":
        return {name: _with_paths(value) for name, value in vars(config).items()}
    if isinstance(config, list):
        return [_with_paths(value) for value in config]
    is_path = type(config).__module__.startswith("jsonargparse") and hasattr(config, "relative")
    return str(config.relative) if is_path else config
