"""`autolog()`, which switches integrations on: they are found by entry point, and their hooks applied on import."""

import difflib
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import msgspec

from autotrack import settings
from autotrack.entry_points import GROUP
from autotrack.errors import SettingsError
from autotrack.settings import Settings
from autotrack.training import defaults, inherited, ranks, sidecar_client, start
from autotrack.training.children import Children, Inheritance
from autotrack.training.distributions import distribution_of, release
from autotrack.training.entry_point import set_entry_point
from autotrack.training.hooks import on_import
from autotrack.training.hooks.faults import report_fault
from autotrack.training.hooks.patch import Patch
from autotrack.training.ignored_settings import say_ignored_settings
from autotrack.training.nothing_recorded import nothing_recorded
from autotrack.training.observe.arguments.hooks import ArgumentHooks
from autotrack.training.observe.arguments.parsed import parsed_arguments
from autotrack.training.observe.arguments.script import belongs_to_project
from autotrack.training.observe.output.between_runs import between_runs


class Integration(Protocol):
    """What a framework's package tells autotrack. Importing it and making an instance must import no framework.

    `name` is what `autolog(frameworks=[…])` calls it. `modules` are the modules it has hooks for. Each comes with its
    distribution (several possible ones are separated by `|`), the first version supported, and the first that is no
    longer supported, as `("lightning", "2.2", "3")`.
    """

    @property
    def name(self) -> str:
        """The name that `autolog` knows it by."""

    @property
    def modules(self) -> Mapping[str, tuple[str, str, str]]:
        """By module: its distribution, the first version supported, and the first that is no longer supported."""

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `module`, one of its modules, which has just been imported."""


class Autolog:
    """What `autolog()` has switched on in this process: the settings, the integrations and their hooks.

    `settings` are those of the latest call, as they were resolved then. `defaults` keeps the arguments of that call
    besides, because each run merges them with its own before it resolves them.
    """

    def __init__(self) -> None:
        self.settings = Settings()
        self._arguments: dict[str, Any] = {}
        self._children = Children(self._arguments_for_children)
        self._argument_hooks = ArgumentHooks()
        self._integrations: dict[str, Integration] = {}
        self._patches: dict[tuple[str, str], list[Patch]] = {}  # by integration and module

    def is_on(self, name: str) -> bool:
        """Whether this integration is switched on."""
        return name in self._integrations

    def names(self) -> list[str]:
        """Return the names of the integrations that are switched on."""
        return list(self._integrations)

    def modules(self) -> set[str]:
        """Return the modules that integrations which are switched on have hooks for."""
        return {module for integration in self._integrations.values() for module in integration.modules}

    def in_use(self) -> dict[str, str]:
        """Return the distributions whose modules have been imported, with their versions."""
        tables = [integration.modules for integration in self._integrations.values()]
        imported = {table[name][0]: sys.modules[name] for table in tables for name in table if sys.modules.get(name)}
        found = (distribution_of(module, candidates) for candidates, module in imported.items())
        return dict(sorted(filter(None, found)))

    def available(self) -> dict[str, Integration]:
        """Return the installed integrations by name; one that cannot be loaded is left out with a warning."""
        integrations: dict[str, Integration] = dict(self._integrations)
        for entry in metadata.entry_points(group=GROUP):
            if entry.name not in integrations:
                try:
                    integration: Integration = entry.load()()
                    iter(integration.modules)  # one without modules fails here, not in autolog
                    integrations[entry.name] = integration
                except Exception as fault:  # noqa: BLE001  somebody else's package must not stop a training
                    report_fault(f"integration {entry.name}", fault)
        return integrations

    def switch_on(self, arguments: dict[str, Any], folder: Path) -> None:
        """Take the arguments of `autolog`, and switch on the integrations that they name and no others.

        The settings that they lack are those of the project in `folder`.
        """
        frameworks, options = arguments["frameworks"], {name: arguments[name] for name in _OF_RUNS}
        rest = {name: arguments[name] for name in ("log_every_n_steps", "checkpoints")}
        resolved = settings.resolve(folder, **options, **rest)
        start.check_metric(resolved)
        if not resolved.quiet:
            say_ignored_settings()
        integrations = _named(frameworks, self.available())
        defaults.set_defaults(folder, **options)
        self.settings, self._arguments = resolved, arguments
        self._remove_hooks(kept=integrations)
        self._children.watch()
        self._argument_hooks.watch()
        if resolved.output:
            between_runs.begin()
        else:
            between_runs.end()
        for name, integration in integrations.items():
            self._integrations[name] = integration
            for module in integration.modules:
                on_import.when_imported(module, self._apply)

    def switch_off(self) -> None:
        """Take away all hooks, and forget the settings for new runs."""
        self._remove_hooks()
        self._children.forget()
        self._argument_hooks.forget()
        between_runs.end()
        defaults.forget_defaults()

    def _remove_hooks(self, *, kept: Container[str] = ()) -> None:
        """Take away the hooks of all integrations but those that are kept."""
        patches: list[Patch] = []
        for name in [name for name in self._integrations if name not in kept]:
            for module in self._integrations.pop(name).modules:
                if not any(module in other.modules for other in self._integrations.values()):
                    on_import.forget(module)
                patches += self._patches.pop((name, module), [])
        _revert(patches)

    def _arguments_for_children(self) -> dict[str, Any]:
        of_runs = {name: self._arguments[name] for name in _OF_RUNS}
        return {**self._arguments, **start.for_another_process(of_runs)}

    def _apply(self, module: ModuleType) -> None:
        for name, integration in list(self._integrations.items()):
            if module.__name__ in integration.modules:
                try:
                    self._apply_one(name, integration, module)
                except Exception as fault:  # noqa: BLE001  this runs inside the user's import statement
                    report_fault(f"autolog for {module.__name__}", fault)

    def _apply_one(self, name: str, integration: Integration, module: ModuleType) -> None:
        candidates, lowest, below = integration.modules[module.__name__]
        if (found := distribution_of(module, candidates)) is None:
            return
        distribution, version = found
        if not release(lowest) <= release(version) < release(below):
            report_fault(
                f"integration {name}",
                f"{distribution} {version} is not recorded: versions from {lowest} and below {below} are supported",
            )
            return
        key = (name, module.__name__)
        if key not in self._patches:
            self._patches[key] = list(integration.patches(module))
        for patch in self._patches[key]:
            patch.apply()


def _revert(patches: Sequence[Patch]) -> None:
    """Remove hooks. Several may be around one callable, and only the outermost one can be removed."""
    for patch in reversed(patches):
        patch.revert()
    under = [patch for patch in patches if patch.is_in_place]
    if len(under) < len(patches):
        _revert(under)


_OF_RUNS = ("to", "experiment", "tags", "register", "output", "printed_metrics")
"""The arguments of `autolog` that `start_run` takes as well."""

NO_ARGUMENTS: dict[str, Any] = dict.fromkeys((*_OF_RUNS, "frameworks", "log_every_n_steps", "checkpoints"))
"""Those of `autolog()` without any."""

_autolog = Autolog()  # one per process, as are the modules that it patches


def autolog(
    *,
    to: Any = None,
    experiment: str | None = None,
    tags: Mapping[str, str] | None = None,
    register: str | None = None,
    frameworks: Sequence[str] | None = None,
    log_every_n_steps: int | None = None,
    checkpoints: bool | None = None,
    output: bool | None = None,
    printed_metrics: bool | None = None,
    disable: bool = False,
) -> None:
    """Record every training from now on, whether its framework has been imported already or not.

    Call it once, anywhere. Another call replaces all settings for the runs that start after it.

    Args:
        to: The folder that keeps the runs (`runs` by default), `tensorboard`, the URL of a tracking server, or a list.
        experiment: Groups runs; the project's name by default.
        tags: Labels for every run.
        register: The name under which the model of each training is registered that has finished.
        frameworks: Only these integrations, by name; all that are installed by default.
        log_every_n_steps: Record step metrics every so many steps instead of at the framework's own rate.
        checkpoints: Whether checkpoints are kept in the run folder; True by default.
        output: Whether what is printed is kept in `output.log`; True by default.
        printed_metrics: Whether metrics are found in what is printed; True by default.
        disable: Restore everything to the state before `autolog`.

    Raises:
        SettingsError: A setting cannot be used.

    Example:
        >>> import autotrack
        >>> autotrack.autolog(experiment="digits", tags={"why": "baseline"})
        >>> autotrack.autolog(disable=True)
    """
    if disable:
        _autolog.switch_off()
        return
    of_runs = {
        "to": to,
        "experiment": experiment,
        "tags": tags,
        "register": register,
        "output": output,
        "printed_metrics": printed_metrics,
    }
    belongs_to_project(sys._getframe(1))
    others = {"frameworks": frameworks, "log_every_n_steps": log_every_n_steps, "checkpoints": checkpoints}
    _autolog.switch_on({**of_runs, **others}, Path.cwd())
    sidecar_client.start_if_main(_autolog.settings)
    if not (_autolog.settings.quiet or ranks.is_spawned() or ranks.rank_from_environment()):
        nothing_recorded.watch(_autolog.names)


def take_over(inheritance: str) -> None:
    """Switch autologging on in a child, as its parent hands it over (`autotrack.training.children`). Never raises."""
    try:
        given = msgspec.json.decode(inheritance, type=Inheritance)
        inherited.belong_to(given.run)
        parsed_arguments.take_over(given.parsed)
        set_entry_point(given.entry_point)
        _autolog.switch_on(given.arguments, Path(given.folder))
    except Exception as fault:  # noqa: BLE001  a child of the user's has to start all the same
        report_fault("autolog in a child process", fault)


def of_this_process() -> Autolog:
    """Return what is switched on in this process."""
    return _autolog


def is_autologging(name: str) -> bool:
    """Whether `autolog()` is on for this integration."""
    return _autolog.is_on(name)


def chosen() -> Settings:
    """Return the settings of the latest `autolog()`."""
    return _autolog.settings


def discover() -> dict[str, Integration]:
    """Return the installed integrations by name; one that cannot be loaded is left out with a warning."""
    return _autolog.available()


def _named(frameworks: Sequence[str] | None, available: dict[str, Integration]) -> dict[str, Integration]:
    """Return the integrations that `autolog` was asked for. Raises `SettingsError` for a name that there is not."""
    if frameworks is None:
        return available
    names = [frameworks] if isinstance(frameworks, str) or not isinstance(frameworks, Iterable) else list(frameworks)
    unknown = [name for name in names if name not in available]
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), available, n=1)
        raise SettingsError(
            f"frameworks has {unknown[0]!r}; {f'did you mean {close[0]!r}? ' if close else ''}"
            f"there are {', '.join(sorted(available)) or 'none installed'}",
            setting="frameworks",
            value=frameworks,
        )
    return {name: available[name] for name in names}
