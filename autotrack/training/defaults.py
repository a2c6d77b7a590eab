"""What runs take from `autolog()`: its arguments, and the folder in which it was called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrack import settings
from autotrack.settings import Settings

_defaults: dict[str, Any] = {}
_called_in: list[Path] = []  # the folder of `autolog`, else of the first use: scripts change theirs


def set_defaults(folder: Path, **arguments: Any) -> None:
    """Set the defaults of `start_run`, setting by setting, and the folder whose project has the rest.

    They replace all earlier ones.
    """
    _defaults.clear()
    _defaults.update({name: value for name, value in arguments.items() if value is not None})
    _called_in[:] = [folder]


def forget_defaults() -> None:
    """Go back to the settings of the environment, pyproject.toml and the built-in defaults."""
    _defaults.clear()
    _called_in.clear()


def with_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, with the arguments of `autolog` in place of those that are None. Tags are merged."""
    given = {name: value for name, value in options.items() if value is not None}
    tags, defaults = given.get("tags", {}), _defaults.get("tags", {})
    if isinstance(tags, Mapping) and isinstance(defaults, Mapping):  # or else the settings say what is wrong
        given |= {"tags": {**defaults, **tags}} if tags or defaults else {}
    return {**_defaults, **given}


def home() -> Path:
    """Return the folder whose project runs belong to, wherever the script goes meanwhile.

    It is that in which `autolog` was called, else that in which settings were first asked for.
    """
    if not _called_in:
        _called_in.append(Path.cwd())
    return _called_in[0]


def resolve(options: Mapping[str, Any]) -> Settings:
    """Return the settings of a run with these options, which win over the arguments of `autolog`."""
    return settings.resolve(home(), **with_defaults(options))


def store_of(chosen: Settings) -> Path:
    """Return the folder of the store. A relative one is the same one wherever the script goes."""
    return Path(home(), Path(chosen.to).expanduser()).absolute()
