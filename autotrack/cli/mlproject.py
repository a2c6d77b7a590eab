"""Projects in MLflow's format: a folder with a file `MLproject` that tells its commands and their params."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotrack.cli.run_options import UsageError
from autotrack.errors import MissingLibraryError

_NAME = "mlproject"
_SHELLS = {".py": "python", ".sh": "bash"}


@dataclass
class ProjectChoices:
    """What stands behind the folder on the command line: the entry point, and values for its params."""

    entry_point: str = "main"
    values: dict[str, str] = field(default_factory=dict)


def description_of(folder: Path) -> Path | None:
    """Return the file that describes the project in a folder; None if there is none."""
    if not folder.is_dir():
        return None
    return next((path for path in sorted(folder.iterdir()) if path.name.lower() == _NAME and path.is_file()), None)


def read_choices(words: Sequence[str]) -> ProjectChoices:
    """Read what stands behind the folder of a project: `-P NAME=VALUE`, `-e ENTRY`. Raises `UsageError`."""
    chosen, left = ProjectChoices(), list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if name not in ("-P", "--param-list", "-e", "--entry-point"):
            raise UsageError(f"behind the folder of a project stand -P NAME=VALUE and -e ENTRY, not {word!r}")
        if not equals:
            if not left:
                raise UsageError(f"{name} needs a value")
            value = left.pop(0)
        if name in ("-e", "--entry-point"):
            chosen.entry_point = value
            continue
        param, sign, text = value.partition("=")
        if not sign or not param:
            raise UsageError(f"{name} was given {value!r}; expected NAME=VALUE, such as -P epochs=5")
        chosen.values[param] = text
    return chosen


def shell_command(description: Path, chosen: ProjectChoices) -> tuple[str, str]:
    """Return the command line of an entry point, as text for a shell, and the name of the project.

    As in MLflow, values of params are quoted, params that the project does not declare become options, and a script of
    the project may stand for an entry point. Raises `UsageError`.
    """
    project = _read(description)
    name = project.get("name") if isinstance(project.get("name"), str) else ""
    points = _mapping(project.get("entry_points"), description, "entry_points")
    point = points.get(chosen.entry_point)
    if point is None:
        script = description.parent / chosen.entry_point
        if script.suffix not in _SHELLS or not script.is_file():
            there = f"there are {', '.join(map(str, points))}" if points else "there are none"
            raise UsageError(f"{description} has no entry point {chosen.entry_point!r}; {there}; choose with -e")
        from autotrack.reproduce.project_command import fixed  # most run a script, and wait for what is imported first

        point = {"command": f"{_SHELLS[script.suffix]} {fixed(chosen.entry_point)}"}
    point = _mapping(point, description, chosen.entry_point)
    return _filled(point, chosen.values, description), str(name)


def _filled(point: Mapping[str, Any], values: Mapping[str, str], description: Path) -> str:
    declared = _mapping(point.get("parameters"), description, "parameters")
    params, missing = {}, []
    for name, about in declared.items():
        kind, default = (about.get("type"), about.get("default")) if isinstance(about, dict) else (about, None)
        value = values.get(name, default)
        if value is None:
            missing.append(str(name))
            continue
        is_here = kind == "path" and name in values and Path(str(value)).exists()
        params[str(name)] = shlex.quote(str(Path(str(value)).absolute()) if is_here else str(value))
    if missing:
        raise UsageError(f"{description} needs values: {' '.join(f'-P {name}=…' for name in missing)}")
    command = point.get("command")
    if not isinstance(command, str):
        raise UsageError(f"{description} has an entry point without a command")
    try:
        filled = command.format_map(params)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise UsageError(f"{description} has a command that cannot be filled in: {command!r} ({error})") from error
    others = [f"--{shlex.quote(name)} {shlex.quote(value)}" for name, value in values.items() if name not in declared]
    return " ".join([filled.strip(), *others])


def _read(description: Path) -> Mapping[str, Any]:
    try:
        import yaml  # rarely needed, and nothing else needs it
    except ImportError as error:
        raise MissingLibraryError("reading an MLproject needs PyYAML:\npip install pyyaml") from error
    try:
        content = yaml.safe_load(description.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{description} cannot be read: {' '.join(str(error).split())}") from error
    return _mapping(content, description, "MLproject")


def _mapping(content: Any, description: Path, what: str) -> Mapping[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{description}: {what} is {type(content).__name__}; expected names with values")
    return content
