"""Finds the secrets on a command line: ``--db-password X``, ``--env=HF_TOKEN=X``, ``-p X`` if a parser says so."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from autotrack.redaction.names import hides, is_secret_name

# By name on a command line: "-Ppassword=", "++db.password=", "--env=HF_TOKEN=".
_OPTION = r"--?([A-Za-z][\w.\-]+)"
_KEY = r"(?:-[A-Z](?=[a-z]))?[-+~]*([\w.@/\-]+)="


def option_of(argument: object, before: object) -> str:
    """Return the secret option whose value an argument is, or an empty string."""
    option = re.fullmatch(_OPTION, before) if isinstance(before, str) and before.startswith("-") else None
    if not option or not is_secret_name(option[1]) or re.match("-(?!----BEGIN)", str(argument)):
        return ""
    return option[1]


def split(argument: str, option: str) -> tuple[int, str]:
    """Return where the secret value in an argument begins, and its name, which is that of the option or empty."""
    start, name = 0, option
    while not name and (key := re.compile(_KEY).match(argument, start)):
        start, name = key.end(), key[1] if is_secret_name(key[1]) else ""
    return start, name


def secrets_of_this_process() -> Iterator[tuple[str, str]]:
    """Yield the names and values of secrets that came through the command line of this process.

    A short option such as ``-p`` says nothing by itself. What it means is known to the parser (of argparse or click)
    or to what it returned, if that is a variable of the script.
    """
    parsed = dict(getattr(sys.modules.get("__main__"), "__dict__", {}))
    short = {option: name for value in parsed.values() for option, name in _short_options(value)}
    for before, argument in pairwise(["", *sys.argv]):
        start, name = split(argument, option_of(argument, before))
        if name and hides(name, argument[start:]):
            yield name, argument[start:]
        elif before in short:
            yield short[before], argument
        elif argument[:2] in short and len(argument) > 2:  # "-pX"
            yield short[argument[:2]], argument[2:].removeprefix("=")
    for value in parsed.values():
        if type(value).__name__ == "Namespace":
            for name, given in vars(value).items():
                if isinstance(given, str) and hides(name, given):
                    yield name, given


def _short_options(parser: Any) -> Iterator[tuple[str, str]]:
    """Yield the short options of a parser that take secrets, and the names that it has for them."""
    kind = type(parser)
    if kind.__module__ == "argparse" and kind.__name__ == "ArgumentParser":
        options = [(action.option_strings, action.dest) for action in parser._actions]
    elif kind.__module__.startswith("click.") and kind.__name__ in ("Command", "Group"):
        options = [(parameter.opts, parameter.name or "") for parameter in parser.params]
    else:
        return
    yield from (
        (option, name) for names, name in options if _is_secret(names, name) for option in names if len(option) == 2
    )


def _is_secret(options: Sequence[str], name: str) -> bool:
    return any(map(is_secret_name, (name, *(option.lstrip("-") for option in options))))
