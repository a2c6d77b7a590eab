"""Arguments that OmegaConf makes a config of, and the config that they are merged into.

`plain_config` reads a config without calling resolvers, which may do anything: draw a number, keep the first answer.
"""

import re
import sys
from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any
from weakref import ref

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.script import calling_line
from autotrack.training.values import flatten

_REFERENCE = re.compile(r"\$\{(\.*)([^\W\d][\w.]*)\}")
_MOST_ROUNDS = 10
_MOST_CONFIGS = 20


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `omegaconf.omegaconf`."""
    given = _GivenConfigs()
    yield Patch(vars(module)["OmegaConf"], "from_cli", given.after_cli)
    yield Patch(vars(module)["OmegaConf"], "merge", given.after_merge, concerns=given.are_among)


class _GivenConfigs:
    """The configs that come from the command line, and those that they were merged into, with what was given."""

    def __init__(self) -> None:
        self._configs: list[tuple[Any, tuple[str, int], set[str]]] = []

    def are_among(self, configs: tuple[Any, ...], _options: object) -> bool:
        """Return whether one of these is, or holds, what was given."""
        return bool(self._configs) and any(self._find(config) for config in configs)

    def after_cli(self, *_args: Any, **_options: Any) -> Generator[None, Outcome, None]:
        """Hook around the reading of the command line."""
        caller = calling_line("omegaconf")
        outcome = yield
        if outcome.error is None and caller is not None:
            values = flatten(plain_config(outcome.result))
            self._note(outcome.result, caller, set(values))
            parsed.parsed_arguments.note(parsed.read("omegaconf", values, given=values), parsed_by=caller)

    def after_merge(self, *configs: Any, **_options: Any) -> Generator[None, Outcome, None]:
        """Hook around a merge in which the command line takes part."""
        found = [known for config in configs if (known := self._find(config))]
        others = [flatten(plain_config(config)) for config in configs if _is_config(config) and not self._find(config)]
        outcome = yield
        if outcome.error is None:
            caller, given = found[-1][1], set().union(*(known[2] for known in found))
            defaults = {name: value for values in others for name, value in values.items()}
            self._note(outcome.result, caller, given)
            arguments = parsed.read("omegaconf", plain_config(outcome.result), given=given, defaults=defaults)
            parsed.parsed_arguments.note(arguments, parsed_by=caller)

    def _note(self, config: Any, caller: tuple[str, int], given: set[str]) -> None:
        self._configs = [*self._configs[1 - _MOST_CONFIGS :], (ref(config), caller, given)]

    def _find(self, config: Any) -> tuple[Any, tuple[str, int], set[str]] | None:
        return next((known for known in self._configs if known[0]() is config), None)


def plain_config(config: Any) -> dict[str, Any]:
    """Return a config as plain data. References to other values are followed; what a resolver makes stays as written.

    What is missing stays `???`.
    """
    plain = sys.modules["omegaconf"].OmegaConf.to_container(config, resolve=False, throw_on_missing=False)
    if not isinstance(plain, dict):
        return {"value": plain}
    flat = flatten(plain)
    for _ in range(_MOST_ROUNDS):
        changed = {name: _followed(name, value, flat) for name, value in flat.items() if _refers(value)}
        changed = {name: value for name, value in changed.items() if value != flat[name]}
        if not changed:
            break
        flat |= changed
    return flat


def _refers(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _followed(name: str, text: str, values: dict[str, Any]) -> Any:
    if (whole := _REFERENCE.fullmatch(text)) is not None:
        return values.get(_target(name, whole), text)
    return _REFERENCE.sub(lambda found: _as_text(values.get(_target(name, found)), found[0]), text)


def _target(name: str, reference: re.Match[str]) -> str:
    dots, path = reference[1], reference[2]
    if not dots:
        return path
    around = name.split(".")[: -len(dots)]
    return ".".join([*around, path])


def _as_text(value: Any, otherwise: str) -> str:
    return otherwise if value is None or isinstance(value, (list, dict)) else str(value)


def _is_config(config: Any) -> bool:
    return type(config).__module__.startswith("omegaconf.")
