"""Switches the hooks on that see what a script parses, each when the module of its parser is imported."""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from autotrack.training.hooks import on_import
from autotrack.training.hooks.faults import attempt, report_fault
from autotrack.training.hooks.user_code import is_installed
from autotrack.training.observe.arguments.parsed import parsed_arguments

if TYPE_CHECKING:
    from autotrack.training.hooks.patch import Patch

_FAMILIES = {
    "argparse": "argparse_parsers",
    "simple_parsing.parsing": "argparse_parsers",
    "jsonargparse._core": "jsonargparse_parsers",
    "click.core": "click_commands",
    "typer._click.core": "click_commands",
    "absl.flags._flagvalues": "absl_flags",
    "fire.core": "fire_calls",
    "tyro._calling": "tyro_calls",
    "pydantic_settings.main": "pydantic_settings_models",
    "omegaconf.omegaconf": "omegaconf_configs",
    "hydra.core.hydra_config": "hydra_configs",
    "hydra._internal.hydra": "hydra_configs",
}
"""By module that has a parser: the module beside this one whose `patches` returns the hooks for it."""


class ArgumentHooks:
    """The hooks of one process around all kinds of parsers."""

    def __init__(self) -> None:
        self._patches: dict[str, list[Patch]] = {}

    def watch(self) -> None:
        """See what is parsed from now on."""
        for name in _FAMILIES:
            on_import.when_imported(name, self._apply)
        if "argparse" in sys.modules:
            with attempt("arguments of argparse"):
                from autotrack.training.observe.arguments.argparse_parsers import earlier_arguments  # as in `_apply`

                parsed_arguments.take_over(earlier_arguments())

    def forget(self) -> None:
        """See nothing any more, and forget what was parsed."""
        for name in _FAMILIES:
            on_import.forget(name)
            for patch in reversed(self._patches.get(name, [])):
                patch.revert()
        parsed_arguments.forget()

    def _apply(self, module: ModuleType) -> None:
        name = module.__name__
        try:
            if name not in self._patches:
                family = importlib.import_module(f"{__package__}.{_FAMILIES[name]}")  # most processes need one or two
                self._patches[name] = list(family.patches(module))
            for patch in self._patches[name]:
                patch.apply()
        except Exception as fault:  # noqa: BLE001  this runs inside the user's import statement
            if is_installed(module.__file__ or ""):  # and no module of the script that has the same name
                report_fault(f"arguments of {name}", fault, with_warning=False)  # a version with other names inside
