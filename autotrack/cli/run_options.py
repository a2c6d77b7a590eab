"""The options of `autotrack run`: every setting, and what is said of the script itself.

They are read here and not by the library that reads those of the other commands: importing that takes longer than all
the rest that `autotrack run` does.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autotrack import settings
from autotrack.errors import AutotrackError


class UsageError(AutotrackError):
    """The command line of `autotrack run` cannot be understood."""


@dataclass(frozen=True)
class Option:
    """One option: its `names`, what its value looks like (nothing for a switch), and what it means."""

    setting: str
    names: tuple[str, ...]
    value: str = ""
    help: str = ""
    negative: str | None = None
    repeats: bool = False


@dataclass
class Chosen:
    """What a command line says: settings, the name of the run, the module or the script with its arguments."""

    settings: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    always: bool = False
    asks_for_help: bool = False
    module: str | None = None
    command: list[str] = field(default_factory=list)


_VALUES = {
    "experiment": "NAME",
    "metric": "NAME",
    "directions": "NAME=min|max",
    "printed_patterns": "PATTERN",
    "register": "NAME",
    "promote": "RULE",
    "on_promote": "COMMAND|URL",
}
"""What the settings take that take no number."""


def options() -> list[Option]:
    """Return all options, with those of the settings in the order of the settings."""
    return [
        Option("name", ("--name",), "NAME", "name of the run; by default, the script's and two words"),
        *(_option(name, settings.meanings().get(name, "")) for name in settings.names()),
        Option("always", ("--always",), help="record the script even if it trains nothing"),
    ]


def _option(name: str, meaning: str) -> Option:
    dashed = name.replace("_", "-")
    if name == "tags":
        return Option(name, ("--tag",), "NAME=VALUE", "a label of the run; may be repeated", repeats=True)
    if name == "to":
        return Option(name, ("--to",), "FOLDER|URL", f"{meaning}; may be repeated", repeats=True)
    if settings.is_switch(name):
        return Option(name, (f"--{dashed}",), help=meaning, negative=f"--no-{dashed}")
    short = ("-e",) if name == "experiment" else ()
    return Option(name, (f"--{dashed}", *short), _VALUES.get(name, "NUMBER"), meaning)


def read(arguments: Sequence[str]) -> Chosen:
    """Read what follows `autotrack run` on the command line. Raises `UsageError`."""
    chosen, left, known = Chosen(), list(arguments), options()
    while left:
        word = left.pop(0)
        if word == "--help":
            chosen.asks_for_help = True
            return chosen
        if word == "-m" or (word.startswith("-m") and not word.startswith("--")):
            chosen.module = word[2:] or (left.pop(0) if left else "")
            if not chosen.module:
                raise UsageError("-m needs the name of a module, as in: autotrack run -m package.train")
            chosen.command = left
            return chosen
        if not word.startswith("-") or word in ("-", "--"):
            chosen.command = left if word == "--" else [word, *left]
            return chosen
        _take(chosen, word, left, known)
    return chosen


def _take(chosen: Chosen, word: str, left: list[str], known: list[Option]) -> None:
    """Take one option, and its value from what is `left`."""
    name, has_value, value = word.partition("=")
    option = next((option for option in known if name in (*option.names, option.negative)), None)
    if option is None:
        raise UsageError(_unknown(name, left, known))
    if not option.value:
        if has_value:
            ways = " or ".join(filter(None, [option.names[0], option.negative]))
            raise UsageError(f"{name} takes no value; write {ways}")
        _set(chosen, option, name != option.negative)
        return
    if not has_value:
        if not left:
            raise UsageError(f"{name} needs a value: {name} {option.value}")
        value = left.pop(0)
    _set(chosen, option, value)


def _set(chosen: Chosen, option: Option, value: Any) -> None:
    if option.setting == "name":
        if not value.strip():
            raise UsageError("--name was given no text; give it a name, such as --name baseline")
        chosen.name = value
    elif option.setting == "always":
        chosen.always = True
    elif option.setting == "tags":
        tag, separator, text = value.partition("=")
        if not separator or not tag.strip():
            raise UsageError(f"--tag was given {value!r}; expected NAME=VALUE, such as --tag why=baseline")
        chosen.settings.setdefault("tags", {})[tag.strip()] = text
    elif option.repeats:
        chosen.settings.setdefault(option.setting, []).append(value)
    else:
        chosen.settings[option.setting] = value


def _unknown(name: str, left: list[str], known: list[Option]) -> str:
    spellings = [spelling for option in known for spelling in (*option.names, option.negative) if spelling]
    close = difflib.get_close_matches(name, [*spellings, "-m", "--help"], n=1, cutoff=0.7)
    if close:
        return f"there is no option {name}; did you mean {close[0]}?"
    script = next((word for word in left if re.search(r"\.py$", word)), "train.py")
    return f"there is no option {name}. Options of the script stand after it: autotrack run {script} {name} …"
