"""Which parse is going on in this thread: parsers call themselves, each other, and methods of their own."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Parse:
    """The outermost call of a parser, and what was seen of it so far.

    `caller` is the line of the script. `given` are the names of the arguments that somebody gave, `parsers` those that
    have been called, and `defaults` what is known of the defaults.
    """

    caller: Hashable
    parsers: list[Any] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    defaults: Any = None


class _OfThread(threading.local):
    parse: Parse | None = None


_thread = _OfThread()


def current_parse() -> Parse | None:
    """Return the parse that is going on in this thread, if it is one of the script's."""
    return _thread.parse


def is_parsing(_args: object, _kwargs: object) -> bool:
    """Tell `Patch` that a hook is for calls within a parse."""
    return _thread.parse is not None


def is_not_parsing(_args: object, _kwargs: object) -> bool:
    """Tell `Patch` that a hook is for calls outside of a parse."""
    return _thread.parse is None


def begin_parse(caller: Hashable) -> Parse:
    """Begin the outermost call of a parser."""
    _thread.parse = Parse(caller)
    return _thread.parse


def end_parse() -> None:
    """End it."""
    _thread.parse = None
