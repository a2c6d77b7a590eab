"""Decides at the start of a Python process that `autotrack run` began, directly or not, what is recorded in it.

The script itself has autologging on before its first line. So have the ranks that a launcher starts, and the scripts
that a shell script calls. Everything else, such as pip and what the script starts, is left alone until it imports a
framework. That is why this module imports nothing but what every Python process has.
"""

import os
import sys

from autotrack.training.main_target import main_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

LAUNCHERS = frozenset((
    "accelerate",
    "accelerate-launch",
    "accelerate.commands.accelerate_cli",
    "accelerate.commands.launch",
    "composer",
    "deepspeed",
    "deepspeed.launcher.launch",
    "deepspeed.launcher.runner",
    "fabric",
    "horovodrun",
    "lightning.fabric.cli",
    "torch.distributed.launch",
    "torch.distributed.run",
    "torchrun",
))  # fmt: skip
"""Programs and modules that train nothing, but start the scripts that do."""


def begin(text: str) -> None:
    """Do what is right for this process. `text` is that of the variable AUTOTRACK_RUN (`autotrack.launch`)."""
    role, _, rest = text.partition(" ")
    pid, _, choices = rest.partition(" ")
    script, module = main_target()
    if (module or os.path.basename(script or "")) in LAUNCHERS:  # noqa: PTH119  pathlib is not imported yet
        return
    is_again = pid == str(
        os.getpid()
    )  # for the first time, or because the script has replaced itself by another Python
    is_first = role == "script" or is_again
    if is_again or (is_first and (_is_rank() or (script and not _is_tool(script)))):
        _switch_on(is_first=True, at_once=True)
    else:
        sys.meta_path.insert(0, _Trigger(choices, is_first=is_first))


def _is_rank() -> bool:
    return "RANK" in os.environ or "LOCAL_RANK" in os.environ


def _is_tool(script: str) -> bool:
    """Whether a script is an installed program."""
    folders = [os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix)]  # noqa: PTH118
    return os.path.abspath(script).startswith(tuple(folders))  # noqa: PTH100


def _switch_on(*, is_first: bool, at_once: bool) -> None:
    before = set(sys.modules)
    from autotrack.training.script import script

    script.begin(is_first=is_first, at_once=at_once)
    if at_once:
        from autotrack.training.own_modules import give_way

        give_way(before)


class _Trigger:
    """A finder that finds nothing, but switches autologging on when a framework is about to be imported."""

    def __init__(self, choices: str, *, is_first: bool) -> None:
        self._choices = choices
        self._is_first = is_first

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,  # noqa: ARG002  the protocol of finders
        target: "ModuleType | None" = None,  # noqa: ARG002
        /,
    ) -> "ModuleSpec | None":
        """Return None, or after switching on, what the other finders say."""
        if f'"{name}"' not in self._choices:
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        _switch_on(is_first=self._is_first, at_once=False)
        import importlib.util

        return importlib.util.find_spec(name)  # our finders are in place now, too late for this import
