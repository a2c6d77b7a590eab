"""`autolog()`, and what an integration is: a framework's hooks, found by entry point, applied on import."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from types import ModuleType
from typing import Any, Protocol

from autotrack import settings
from autotrack.errors import SettingsError
from autotrack.settings import Settings
from autotrack.training import sidecar_client, start
from autotrack.training.hooks import on_import
from autotrack.training.hooks.faults import report_fault
from autotrack.training.hooks.patch import Patch

GROUP = "autotrack.integrations"
"""The entry-point group: each entry is a class without arguments that follows `Integration`."""


class Integration(Protocol):
    """What a framework's package tells autotrack. Importing and constructing it imports no framework.

    `name` is what `autolog(frameworks=[…])` calls it. `modules` are the modules whose import makes its hooks
    possible, each with the distribution it comes from (`|` parts the names of several) and the versions supported,
    as `("lightning", "2.2", "3")`: from the first on, below the second.
    """

    @property
    def name(self) -> str:
        """What `autolog` calls it."""

    @property
    def modules(self) -> Mapping[str, tuple[str, str, str]]:
        """By module: its distribution, the first version supported, and the first that is not any more."""

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for one of its modules, which has just been imported."""


_integrations: dict[str, Integration] = {}
_applied: dict[tuple[str, str], list[Patch]] = {}
_chosen = Settings()


def autolog(
    *,
    to: Any = None,
    experiment: str | None = None,
    tags: Mapping[str, str] | None = None,
    frameworks: Sequence[str] | None = None,
    log_every_n_steps: int | None = None,
    checkpoints: bool | None = None,
    output: bool | None = None,
    disable: bool = False,
) -> None:
    """Record every training from here on, whether its framework has been imported or not.

    Call it once, anywhere; another call replaces all settings, for runs that start later.

    Args:
        to: The folder that keeps the runs, `runs` by default; `tensorboard`; the URL of a tracking server; or a list.
        experiment: Groups runs; the project's name by default.
        tags: Labels for every run.
        frameworks: Only these integrations, by name; all that are installed by default.
        log_every_n_steps: Record step metrics every so many steps instead of at the framework's own rate.
        checkpoints: Whether checkpoints are kept in the run folder; True by default.
        output: Whether what is printed is kept in `output.log`; True by default.
        disable: Put everything back as it was before.

    Raises:
        SettingsError: A setting cannot be used.

    Example:
        >>> import autotrack
        >>> autotrack.autolog(experiment="digits", tags={"why": "baseline"})
        >>> autotrack.autolog(disable=True)
    """
    global _chosen  # noqa: PLW0603  one process has one autolog
    if disable:
        _disable()
        return
    chosen_by_call = {"to": to, "experiment": experiment, "tags": tags, "output": output}
    resolved = settings.resolve(**chosen_by_call, log_every_n_steps=log_every_n_steps, checkpoints=checkpoints)
    found = discover()
    wanted = list(found) if frameworks is None else [frameworks] if isinstance(frameworks, str) else list(frameworks)
    unknown = sorted(set(wanted) - set(found))
    if unknown:
        raise SettingsError(
            f"frameworks has {unknown[0]!r}; there are {', '.join(sorted(found)) or 'none installed'}",
            setting="frameworks",
            value=frameworks,
        )
    _chosen = resolved
    start.set_defaults(**chosen_by_call)
    _disable_others(wanted)
    for name in wanted:
        _integrations[name] = found[name]
        for module in found[name].modules:
            on_import.when_imported(module, _apply)
    sidecar_client.start_if_main(resolved)


def discover() -> dict[str, Integration]:
    """Return the installed integrations by name; one that cannot be loaded is left out with a warning."""
    found: dict[str, Integration] = dict(_integrations)
    for entry in metadata.entry_points(group=GROUP):
        if entry.name not in found:
            try:
                integration: Integration = entry.load()()
                iter(integration.modules)  # one without modules fails here, not in autolog
                found[entry.name] = integration
            except Exception as fault:  # noqa: BLE001  somebody else's package must not stop a training
                report_fault(f"integration {entry.name}", fault)
    return found


def is_autologging(name: str) -> bool:
    """Whether `autolog()` is on for this integration."""
    return name in _integrations


def _apply(module: ModuleType) -> None:
    for name, integration in list(_integrations.items()):
        if module.__name__ in integration.modules:
            try:
                _apply_one(name, integration, module)
            except Exception as fault:  # noqa: BLE001  this runs inside the user's import statement
                report_fault(f"autolog for {module.__name__}", fault)


def _apply_one(name: str, integration: Integration, module: ModuleType) -> None:
    distribution, lowest, below = integration.modules[module.__name__]
    distribution, version = _installed(distribution)
    if not _release(lowest) <= _release(version) < _release(below):
        report_fault(
            f"integration {name}",
            f"{distribution} {version} is not recorded: versions from {lowest} and below {below} are supported",
        )
        return
    key = (name, module.__name__)
    if key not in _applied:
        _applied[key] = list(integration.patches(module))
    for patch in _applied[key]:
        patch.apply()


def _installed(names: str) -> tuple[str, str]:
    """Return which of several distributions that have the same module is installed, and its version."""
    first, _, others = names.partition("|")
    try:
        return first, metadata.version(first)
    except metadata.PackageNotFoundError:
        if not others:
            raise
        return _installed(others)


def chosen() -> Settings:
    """Return the settings of the latest `autolog()`."""
    return _chosen


def _disable() -> None:
    _disable_others([])
    start.forget_defaults()


def _disable_others(kept: Sequence[str]) -> None:
    for name in reversed([name for name in _integrations if name not in kept]):  # the one on top first
        for module in _integrations.pop(name).modules:
            if not any(module in other.modules for other in _integrations.values()):
                on_import.forget(module)
            for patch in reversed(_applied.pop((name, module), [])):
                patch.revert()


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
