"""The config that Hydra composes for a job, and the overrides that were given for it.

Each job of a multirun has its own, which replaces that of the job before. The node `hydra`, which configures Hydra
itself, is left out, except for the choices among groups of configs: those are what `model=resnet` changes.
"""

import sys
from collections.abc import Generator, Iterable, Iterator
from types import FrameType, ModuleType
from typing import Any

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.omegaconf_configs import plain_config
from autotrack.training.observe.arguments.script import calling_line, is_module_of_script


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `hydra.core.hydra_config` and `hydra._internal.hydra`."""
    if "HydraConfig" in vars(module) and module.__name__ == "hydra.core.hydra_config":
        yield Patch(vars(module)["HydraConfig"], "set_config", _before_job)
    else:
        yield Patch(vars(module)["Hydra"], "compose_config", _after_compose)


def _before_job(_holder: Any, /, cfg: Any) -> Generator[None, Outcome, None]:
    """Hook around where Hydra makes the config known that a job is about to get."""
    frame = _frame_of_hydra()
    if frame is not None and frame.f_code.co_name == "run_job":
        task = frame.f_locals.get("task_function")
        if is_module_of_script(getattr(task, "__module__", None)):
            if frame.f_locals.get("job_dir_key") == "hydra.sweep.dir":  # of a multirun
                parsed.parsed_arguments.before_job()
            _note(cfg)
    yield


def _after_compose(*_args: Any, overrides: Any = (), **_options: Any) -> Generator[None, Outcome, None]:
    """Hook around the composing of a config, for a script that calls `hydra.compose`."""
    frame = _frame_of_hydra()
    caller = calling_line("hydra") if frame is not None and frame.f_code.co_name == "compose" else None
    outcome = yield
    if outcome.error is None and caller is not None:
        _note(outcome.result, overrides)


def _frame_of_hydra() -> FrameType | None:
    """Return the code of Hydra that has called what is patched."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("autotrack."):
        frame = frame.f_back
    return frame


def _note(config: Any, overrides: Iterable[str] | None = None) -> None:
    """Note the composed config. If `overrides` are not given, they are those of the job, as they are written."""
    values = plain_config(config)
    if overrides is None:
        overrides = values.get("hydra.overrides.task", [])
    own = {name: value for name, value in values.items() if not name.startswith("hydra.")}
    given = {_name_of(override) for override in overrides}
    prefix = "hydra.runtime.choices."
    choices = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
    chosen = {name: value for name, value in choices.items() if not name.startswith("hydra/")}
    for source, found in (("hydra", own), ("hydra.choices", chosen)):
        arguments = parsed.read(source, found, given=given & found.keys() if found is chosen else given)
        parsed.parsed_arguments.note(arguments, parsed_by=None)


def _name_of(override: str) -> str:
    """Return what an override is about: `+model.width=3`, `db@source=mysql`, `~callbacks`."""
    return override.partition("=")[0].lstrip("+~")
