"""Arguments that `fire.Fire` passes on to the functions and classes of the script.

They are read between the command line and the call, since the function that is called may be the one that trains.
"""

import inspect
from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any

from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.observe.arguments import parsed
from autotrack.training.observe.arguments.script import is_module_of_script


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `fire.core`."""
    calls = _Calls()
    yield Patch(module, "_CallAndUpdateTrace", calls.around_call)
    yield Patch(module, "_ParseArgs", calls.around_parse)


class _Calls:
    """What is being called: Fire parses the arguments of one function after the other."""

    def __init__(self) -> None:
        self._called: Any = None

    def around_call(self, component: Any, /, *_args: Any, **_options: Any) -> Generator[None, Outcome, None]:
        """Hook around the call of a function or class, and the parsing of its arguments before that."""
        self._called = component
        yield

    def around_parse(
        self, names: Any, defaults: Any, required: int, keywords: Any, words: Any, *_rest: Any
    ) -> Generator[None, Outcome, None]:
        """Hook around the parsing of the arguments. It takes out of `keywords` and `words` what it uses."""
        called, self._called = self._called, None
        keywords_before, words_before = set(keywords), len(words)
        outcome = yield
        if outcome.error is not None or called is None or not _is_scripts(called):
            return
        positional, rest, words_after, _ = outcome.result
        by_position = [name for name in names if name not in keywords_before][: words_before - len(words_after)]
        kinds = _kinds(called)
        extra = {name: list(words_after) for name, kind in kinds.items() if kind.kind is kind.VAR_POSITIONAL}
        others = {name: kind.default for name, kind in kinds.items() if kind.kind is kind.KEYWORD_ONLY}
        values = {**dict(zip(names, positional, strict=False)), **others, **rest, **extra}
        parsed.parsed_arguments.note(
            parsed.read(
                "fire",
                {name: value for name, value in values.items() if value is not inspect.Parameter.empty},
                given={*keywords_before, *by_position, *(name for name, found in extra.items() if found)},
                defaults={**dict(zip(names[required:], defaults, strict=False)), **others},
            ),
            parsed_by=getattr(called, "__qualname__", type(called).__qualname__),
        )


def _is_scripts(called: Any) -> bool:
    return is_module_of_script(getattr(called, "__module__", None) or type(called).__module__)


def _kinds(called: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(called).parameters
    except (TypeError, ValueError):  # written in C
        return {}
