"""Writes the project of a run into a folder that needs no autotrack: MLflow, pip, conda and Docker understand it.

DIR/MLproject                            its command, with a typed param for each option, whose default is of the run
DIR/requirements.txt, python_env.yaml    the packages and the Python of the run
DIR/conda.yaml, Dockerfile               the same for conda and for Docker
DIR/README.md                            what it is, and how it is run
DIR/digits/                              the code as it was, and the data that it names
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotrack.errors import ReproduceError
from autotrack.format import moment
from autotrack.model_format.yaml_text import dump
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.command import recorded_command, recorded_variables
from autotrack.reproduce.index_hashes import asked_hashes
from autotrack.reproduce.lock import Lock, read_lock
from autotrack.reproduce.lock_hashes import locked_hashes
from autotrack.reproduce.project_command import ProjectCommand, fixed, project_command, variables_before
from autotrack.reproduce.project_environment import ProjectEnvironment, project_environment, with_checksums
from autotrack.reproduce.python_choice import in_workspace
from autotrack.reproduce.reproduction import Plan
from autotrack.reproduce.workspace import Workspace

_AUTOTRACK = re.compile(r"^\s*(?:import|from) autotrack", re.MULTILINE)


@dataclass(frozen=True)
class ExportedProject:
    """A project that was written.

    Attributes:
        folder: Where it is.
        command: Its command line.
        missing: What it lacks of the run.
    """

    folder: Path
    command: ProjectCommand
    missing: tuple[Missing, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "folder": str(self.folder),
            "command": self.command.filled,
            "params": {one.name: {"type": one.type, "default": one.default} for one in self.command.params},
            "missing": [one.as_dict() for one in self.missing],
        }


def export_project(plan: Plan, *, asks_index: bool = False) -> ExportedProject:
    """Write the project of a run into the folder that `plan.choices.into` names, which is made.

    The checksums of its packages are those that its lock file has; with `asks_index`, an index is asked for them.

    Nothing of the run is executed. Raises `ReproduceError` and `UnsafeFileError`, after which there is no such folder.
    """
    space, missing = plan.restore_code()
    try:
        _remove_repositories(space.code)
        run = plan.original.folder.absolute()
        try:
            lock: Lock | None = read_lock(run, plan.summary)
        except ReproduceError as error:
            lock = None
            missing.append(
                Missing("the packages", str(error).partition(";")[0], "fill requirements.txt", kind="packages")
            )
        environment = project_environment(lock, plan.summary, space.folder)
        hashes = asked_hashes(environment.lines, environment.python) if asks_index else locked_hashes(space.code)
        environment = with_checksums(environment, hashes, space.folder)
        command = _command(plan, space, lock)
        if _needs_autotrack(space.code):
            why = "the code imports it, and no index has it under this name"
            missing.append(Missing("autotrack", why, "install it from where you have it", kind="packages"))
        missing += lock.missing if lock is not None else ()
        _write(plan, space, environment, command, missing)
    except BaseException:
        space.remove()
        raise
    return ExportedProject(space.folder, command, tuple(missing))


def _remove_repositories(code: Path) -> None:
    """Remove what git has beside the code, also of submodules."""
    for folder, folders, files in os.walk(code):
        if ".git" in folders:
            shutil.rmtree(Path(folder, ".git"), ignore_errors=True)
            folders.remove(".git")
        if ".git" in files:
            Path(folder, ".git").unlink()


def _command(plan: Plan, space: Workspace, lock: Lock | None) -> ProjectCommand:
    """Return the command line, to be run in the folder of the export. Paths in the project are relative in it."""
    near = replace(space, code=Path(os.path.relpath(space.code, space.cwd)))
    words = list(plan.choices.command) or recorded_command(plan.summary, near, "python", plain=True)
    words = [os.path.relpath(word, space.cwd) if Path(word).is_relative_to(space.folder) else word for word in words]
    made = project_command(words, plan.summary, space.code)
    variables = dict(recorded_variables(plan.summary, near))
    places = [os.path.relpath(path, space.cwd) for path in in_workspace(lock, space)] if lock is not None else []
    if places:
        variables["PYTHONPATH"] = os.pathsep.join([*places, *filter(None, [variables.get("PYTHONPATH")])])
    folder = os.path.relpath(space.cwd, space.folder)
    return replace(made, parts=["cd", fixed(folder), "&&", *variables_before(variables), *made.parts])


def _needs_autotrack(code: Path) -> bool:
    return any(
        _AUTOTRACK.search(path.read_text(encoding="utf-8", errors="replace"))
        for path in code.rglob("*.py")
        if path.is_file() and not path.is_symlink()
    )


def _write(
    plan: Plan, space: Workspace, environment: ProjectEnvironment, command: ProjectCommand, missing: Sequence[Missing]
) -> None:
    parameters = {
        one.name: {"type": one.type, **({} if one.default is None else {"default": one.default})}
        for one in command.params
    }
    main = {**({"parameters": parameters} if parameters else {}), "command": command.template}
    project = {"name": space.code.name, "python_env": "python_env.yaml", "entry_points": {"main": main}}
    files = {
        "MLproject": dump(project),
        **environment.files(command.filled),
        "README.md": _readme(plan, space, environment, command, missing),
    }
    for name, text in files.items():
        (space.folder / name).write_text(text, encoding="utf-8")


def _readme(
    plan: Plan, space: Workspace, environment: ProjectEnvironment, command: ProjectCommand, missing: Sequence[Missing]
) -> str:
    summary, git = plan.summary, plan.code.git or {}
    first = command.params[0] if command.params else None
    option = f" -P {first.name}={first.text}" if first is not None else ""
    commit = f" of commit `{git['commit']}`" if git.get("commit") else ""
    remote = f" of {git['remote']}" if git.get("remote") else ""
    code = f"the code in `{space.code.name}` is that{commit}{remote} with what was not committed"
    lines = [
        f"# {space.code.name}",
        "",
        f"The project of the run {summary.name} of {moment(summary.started)}: {code}. It runs",
        "",
        "```sh",
        command.filled,
        "```",
        "",
        f"with Python {environment.python} and the packages of `requirements.txt`. In any of these ways:",
        "",
        "```sh",
        f"mlflow run .{option}",
        "docker build -t project . && docker run --rm project",
        f"pip install --no-deps -r requirements.txt && ({command.filled})",
        "```",
    ]
    if command.params:
        lines += ["", "| param | type | value of the run |", "|---|---|---|"]
        lines += [f"| {one.name} | {one.type} | {one.text} |" for one in command.params]
    if missing:
        lines += ["", "What it lacks of the run:", "", *(f"- {one}" for one in missing)]
    return "\n".join(lines) + "\n"
