"""Arguments of commands of click, and of typer, which brings its own copy of click.

A command is the script's if the function that it calls is. Its arguments are read just before that function is called.
Click knows of each of them whether it was given: on the command line, by an environment variable, or at a prompt.
"""

from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any

from autotrack.redaction.names import is_secret_name
from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.script import is_module_of_script

_CONVERTERS = {"integer": int, "float": float}
"""The types, by click's names for them, that a default in text is converted to here."""


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `click.core`, or for typer's copy of it."""
    yield Patch(vars(module)["Command"], "invoke", _before_invoke)


def _before_invoke(command: Any, context: Any, /, *_rest: Any, **_options: Any) -> Generator[None, Outcome, None]:
    callback = command.callback
    if callback is not None and is_module_of_script(getattr(callback, "__module__", None)):
        parsed.parsed_arguments.note(_read(context), parsed_by=context.find_root().info_name)
    yield


def _read(context: Any) -> parsed.Arguments:
    """Return the arguments of the command and of the groups around it."""
    values: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    given: set[str] = set()
    secret: set[str] = set()
    for inner in reversed(list(_around(context))):
        values |= inner.params
        for parameter in inner.command.params:
            name = parameter.name
            if name not in inner.params:
                continue
            source = getattr(inner.get_parameter_source(name), "name", "DEFAULT")
            if source not in ("DEFAULT", "DEFAULT_EXPLICIT"):
                given.add(name)
                defaults |= _default(parameter)
            if _is_secret(parameter):
                secret.add(name)
    is_typer = type(context.command).__module__.startswith("typer.")
    return parsed.read("typer" if is_typer else "click", values, given=given, defaults=defaults, secret=secret)


def _around(context: Any) -> Iterator[Any]:
    while context is not None:
        yield context
        context = context.parent


def _default(parameter: Any) -> dict[str, Any]:
    """Return the default by name, unless a function makes it: that may do anything."""
    default = parameter.default
    if callable(default):
        return {}
    if type(default).__name__ == "Sentinel":  # how click says that there is none
        return {parameter.name: None}
    converter = _CONVERTERS.get(getattr(getattr(parameter, "type", None), "name", ""))
    if isinstance(default, str) and converter is not None:
        try:
            return {parameter.name: converter(default)}
        except ValueError:
            pass
    return {parameter.name: default}


def _is_secret(parameter: Any) -> bool:
    """Whether an argument is a secret although its name does not tell: it is not shown when it is typed."""
    options = (option.lstrip("-") for option in parameter.opts)
    return not is_secret_name(parameter.name) and (
        bool(getattr(parameter, "hide_input", False)) or any(map(is_secret_name, options))
    )
