"""Reads the command line of `python` itself, to see its options and what it runs."""

from collections.abc import Sequence
from typing import NamedTuple

_WITH_ARGUMENT = "WX"
_LONG_WITH_ARGUMENT = "--check-hash-based-pycs"
_IGNORES_PYTHONPATH = set("EIS")


class PythonCommand(NamedTuple):
    """What follows `python` on a command line: its own `options`, and the `module` after `-m`, if there is one."""

    options: list[str]
    module: str | None = None

    def isolation(self) -> str | None:
        """Return the option for which Python does not look at PYTHONPATH or imports no `sitecustomize`, or None."""
        for option in self.options:
            if option[:1] == "-" and option[:2] != "--" and option[1:2] not in _WITH_ARGUMENT:
                for letter in option[1:]:
                    if letter in _IGNORES_PYTHONPATH:
                        return f"-{letter}"
        return None


def read(arguments: Sequence[str]) -> PythonCommand:
    """Read what follows `python` on a command line.

    >>> read(["-u", "-W", "error", "train.py", "-O"])
    PythonCommand(options=['-u', '-W', 'error'], module=None)
    >>> read(["-Im", "train"])
    PythonCommand(options=['-I'], module='train')
    """
    options: list[str] = []
    left = list(arguments)
    while left and left[0].startswith("-") and left[0] != "-":
        option = left.pop(0)
        if option.startswith("--"):
            options += [option, *(left[:1] if option == _LONG_WITH_ARGUMENT else [])]
            del left[: option == _LONG_WITH_ARGUMENT]
            continue
        for at, letter in enumerate(option[1:], start=1):
            if letter in _WITH_ARGUMENT:
                options += [option] if option[at + 1 :] else [option, *left[:1]]
                del left[: not option[at + 1 :]]
                break
            if letter in "cm":
                before, value = option[:at], option[at + 1 :] or (left[0] if left else "")
                options += [before] if at > 1 else []
                return PythonCommand(options, value if letter == "m" else None)
        else:
            options.append(option)
    return PythonCommand(options)
