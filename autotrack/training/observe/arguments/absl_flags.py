"""Flags of absl: those that modules of the script define, and any other one that was given."""

from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.script import calling_line, is_module_of_script


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `absl.flags._flagvalues`."""
    yield Patch(vars(module)["FlagValues"], "__call__", _around_parse)


def _around_parse(flags: Any, /, *_args: Any, **_options: Any) -> Generator[None, Outcome, None]:
    caller = calling_line("absl")
    outcome = yield
    if outcome.error is None and caller is not None:
        parsed.parsed_arguments.note(_read(flags), parsed_by=caller)


def _read(flags: Any) -> parsed.Arguments:
    # The main module is listed by the path of the script, which is no name of a module.
    by_module = flags.flags_by_module_dict().items()
    own = {flag.name: flag for module, found in by_module if is_module_of_script(module) for flag in found}
    told = {flag.name: flag for _, found in by_module for flag in found if flag.present}
    shown = {**own, **told}
    return parsed.read(
        "absl",
        {name: flag.value for name, flag in shown.items()},
        given=told,
        defaults={name: flag.default for name, flag in shown.items()},
    )
