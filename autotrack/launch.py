"""What `autotrack run` tells the processes that it starts, in the environment variable AUTOTRACK_RUN.

Its text is a role, the id of the process that `autotrack run` turns into, and the choices as JSON, with a space
between them. The role is `script` until a process has taken it, and `child` in what that process starts.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

VARIABLE = "AUTOTRACK_RUN"

FOLDER = Path(__file__).parent / "training" / "at_startup"
"""Holds the `sitecustomize` that Python imports at its start when this folder is on PYTHONPATH."""

FRAMEWORKS = ("torch", "lightning", "pytorch_lightning", "keras", "tensorflow", "sklearn", "tensorboardX")
"""Processes that the script starts are left alone until they import one of these, or another one that is known."""

Role = Literal["script", "child"]


class Choices(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was chosen on the command line.

    Attributes:
        settings: Settings by name. They win over the environment and pyproject.toml.
        name: What the run of the script is called.
        always: Record the script even if it trains nothing.
        command: The whole command line, which repeats the run.
        frameworks: Modules by which a process that trains is known.
    """

    settings: dict[str, Any] = {}
    name: str | None = None
    always: bool = False
    command: list[str] = []
    frameworks: tuple[str, ...] = FRAMEWORKS


def text_of(role: Role, pid: int, choices: Choices) -> str:
    """Return the text of the variable."""
    whole = msgspec.to_builtins(choices) | {"frameworks": choices.frameworks}  # searched as text in a child
    try:
        told = msgspec.json.encode(whole).decode()
    except UnicodeEncodeError:  # a file or folder whose name is not UTF-8
        import json  # few need it; it writes and reads lone surrogates

        told = json.dumps(whole, separators=(",", ":"))
    return f"{role} {pid} {told}"


def choices() -> Choices:
    """Return what was chosen for this process; nothing where `autotrack run` has not started it."""
    return _read(os.environ.get(VARIABLE, ""))


@lru_cache(maxsize=2)
def _read(text: str) -> Choices:
    _role, _, rest = text.partition(" ")
    told = rest.partition(" ")[2]
    try:
        return msgspec.json.decode(told, type=Choices)
    except msgspec.DecodeError:
        if "\\ud" not in told:  # somebody else's variable, or none at all
            return Choices()
    import json  # as above

    try:
        return msgspec.convert(json.loads(told), Choices)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return Choices()
