"""Settings of pydantic: read from the command line, the environment and files when one of the script's is made."""

from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.parsing import begin_parse, end_parse, is_not_parsing
from autotrack.training.observe.arguments.script import is_module_of_script

_UNDEFINED = "PydanticUndefinedType"
_PACKAGES = ("pydantic", "pydantic_settings", "abc", "typing", "builtins")


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `pydantic_settings.main`."""
    yield Patch(vars(module)["BaseSettings"], "__init__", _around_init, concerns=is_not_parsing)


def _around_init(settings: Any, /, *_args: Any, **_options: Any) -> Generator[None, Outcome, None]:
    """Hook around the making of settings. Those within others, and parsers that they use, count as theirs."""
    if not _is_scripts(type(settings)):
        return
    name = type(settings).__qualname__
    begin_parse(name)
    try:
        outcome = yield
    finally:
        end_parse()
    if outcome.error is None:
        fields = type(settings).model_fields.items()
        told = {field: about.default for field, about in fields if type(about.default).__name__ != _UNDEFINED}
        arguments = parsed.read("pydantic-settings", settings, given=_given(settings), defaults=told)
        parsed.parsed_arguments.note(arguments, parsed_by=name)


def _is_scripts(kind: type) -> bool:
    others = (cls.__module__ for cls in kind.__mro__ if cls.__module__.partition(".")[0] not in _PACKAGES)
    return any(map(is_module_of_script, others))


def _given(model: Any, prefix: str = "") -> Iterator[str]:
    """Yield the names of the fields that were set, those of models within the model too."""
    for name in model.model_fields_set:
        value = getattr(model, name, None)
        if hasattr(type(value), "__pydantic_fields__"):
            yield from _given(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
