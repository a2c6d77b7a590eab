"""What is going to run: the recorded command line in the restored code, with the environment variables of then."""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from autotrack import launch, repeating
from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary
from autotrack.readers.code.usage import Usage
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.changed_params import with_params
from autotrack.reproduce.workspace import Workspace
from autotrack.sidecar.capture.hardware import relevant_variables
from autotrack.sidecar.capture.used import is_plain, read_variables

_REDACTED = "[redacted]"
_OWN_COMMAND = "give the whole command yourself: autotrack reproduce RUN -- python train.py …"

_OF_THE_MACHINE = frozenset(
    "CONDA_DEFAULT_ENV CONDA_PREFIX CUDA_HOME CUDA_VERSION HF_DATASETS_CACHE HF_HOME LD_LIBRARY_PATH LD_PRELOAD "
    "NVIDIA_DRIVER_CAPABILITIES NVIDIA_PYTORCH_VERSION NVIDIA_TF32_OVERRIDE NVIDIA_VISIBLE_DEVICES "
    "TRANSFORMERS_CACHE VIRTUAL_ENV".split()
)
"""Variables that say where things lie on a machine. They stay as they are here."""

_OF_THE_JOB = frozenset(
    "GROUP_RANK LOCAL_RANK LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT NODE_RANK OMPI_COMM_WORLD_RANK "
    "OMPI_COMM_WORLD_SIZE RANK TF_CONFIG WORLD_SIZE".split()
)
_OF_THE_USER = frozenset(
    "DISPLAY HOME HOST HOSTNAME LOGNAME PATH PWD SHELL TEMP TERM TMP TMPDIR USER USERNAME".split()
)
_OF_PROGRAMS = ("AUTOTRACK_", "BASH", "DYLD_", "GIT_", "LD_", "PIP_", "PYTHON", "SSH_", "UV_", "XDG_")
"""Names of variables that say who and where somebody is, or what other programs do. They stay as they are here."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""What a variable may be called: a run of somebody else may name anything, and a shell would take it for more."""

_LAUNCHERS = frozenset("accelerate deepspeed fabric horovodrun lightning mpiexec mpirun srun torchrun".split())
_JOB_PREFIXES = ("SLURM_", "TORCHELASTIC_")
"""Variables that a launcher sets for each of its processes."""


@dataclass(frozen=True)
class Rerun:
    """A command to run.

    Attributes:
        command: The program and its arguments.
        cwd: Where it is started.
        variables: Environment variables that are set for it.
        unset: Environment variables of here that it does not get, because they were not set when the run was recorded.
    """

    command: Sequence[str]
    cwd: Path
    variables: Mapping[str, str]
    unset: Sequence[str]

    def environ(self) -> dict[str, str]:
        """Return the whole environment of the command."""
        kept = {name: value for name, value in os.environ.items() if name not in self.unset}
        return {**kept, **self.variables}

    def __str__(self) -> str:
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items() if _is_shown(name)]
        return " ".join([*variables, shlex.join(self.command)])


def rerun_of(
    summary: Summary,
    space: Workspace,
    *,
    store: Path,
    python: str = sys.executable,
    command: Sequence[str] = (),
    paths: Sequence[Path] = (),
    params: Mapping[str, str] | None = None,
    states: Path | None = None,
    position: int = 0,
) -> Rerun:
    """Return what repeats a run in a workspace.

    Args:
        summary: The run.
        space: Its restored code.
        store: The folder that keeps the new run.
        python: The interpreter.
        command: A command line that takes the place of the recorded one.
        params: Other values for params, by name; see `with_params`.
        states: The file with the states of the random generators that the new run starts with.
        position: How many runs the process of the run had recorded before it.
        paths: Folders in which modules are looked for first: packages that were imported in place.

    Raises `ReproduceError` for a run whose command line was not kept.
    """
    words = [*command[:1], *map(space.here, command[1:])] or recorded_command(summary, space, python)
    changed: dict[str, str] = {}
    if params:
        script = space.cells or Path(space.here(summary.entry_point or ""))
        words, changed = with_params(words, params, summary, space.code, script)
    secret = next((word for word in words if _REDACTED in word), None)
    if secret is not None:
        raise ReproduceError(f"the command line had a secret, which is not kept: {secret!r}; {_OWN_COMMAND}")
    repetition = repeating.Repetition(
        run=summary.id, store=str(store.absolute()), states=str(states or ""), position=position
    )
    own = {
        repeating.VARIABLE: repeating.text_of(repetition),
        "AUTOTRACK_EXPERIMENT": summary.experiment,
    }
    recorded = dict(recorded_variables(summary, space))
    if paths:
        found = [*map(str, paths), *filter(None, [recorded.get("PYTHONPATH")])]
        recorded["PYTHONPATH"] = os.pathsep.join(found)
    unset = [name for name in relevant_variables(os.environ) if name not in recorded and not _is_of_here(name)]
    unset += [name for name in os.environ if name == launch.VARIABLE or _is_of_job(name)]
    return Rerun(words, space.cwd, {**recorded, **changed, **own}, sorted(set(unset)))


def doubts_about_command(summary: Summary) -> Iterator[Missing]:
    """Yield what is not known of the command line of a run, and of the variables that its code reads."""
    for name, value in Usage(summary).variables.items():
        if not is_plain(value) and _may_be_set(name) and read_variables([name], os.environ).get(name) != value:
            why = "the code reads this environment variable, of whose value only a checksum is kept"
            yield Missing(name, why, "set it as it was", kind="environment")
    recorded = _recorded_environment(summary)
    processes = str(recorded.get("WORLD_SIZE", "1"))
    if processes not in ("", "1") and not summary.environment.get("process", {}).get("launched_by"):
        why = f"the run was one of {processes} processes, and the command of what started them is not known"
        yield Missing("the launcher", why, _OWN_COMMAND, kind="arguments")


def recorded_command(summary: Summary, space: Workspace, python: str, *, plain: bool = False) -> list[str]:
    """Return the command line of a run for this interpreter; a `plain` one needs no autotrack.

    Paths below the project of then lead into the workspace, which may itself lie below that project.

    Raises `ReproduceError` for a run that does not tell it.
    """
    process = summary.environment.get("process", {})
    if space.cells is not None:
        return _command_of_cells(space.cells, python)
    if process.get("interactive"):
        raise ReproduceError(f"the run was recorded at a prompt, and what was typed there is not kept; {_OWN_COMMAND}")
    prefix = str(process.get("prefix") or "")
    launched = [_here(word, prefix, python, space) for word in _words(process.get("launched_by"))]
    if plain and (launcher := _launcher(launched)):
        return launcher
    recorder = [python, "-m", "autotrack", *launched[1:]] if launched[:2] == ["autotrack", "run"] and not plain else []
    if recorder and launched[-1] != "--":
        return recorder
    words = _words(process.get("command"))
    if not words and summary.entry_point:  # the environment was not captured
        words = [python, summary.entry_point, *summary.argv[1:]]
    if not words:
        raise ReproduceError(f"the run does not say how it was started; {_OWN_COMMAND}")
    return [*recorder, python, *(_here(word, prefix, python, space) for word in words[1:])]


def _launcher(launched: list[str]) -> list[str]:
    """Return what `autotrack run` has started, if that was a program which starts the script itself."""
    names = [Path(word).name for word in launched]
    place = next((place for place, name in enumerate(names) if name in _LAUNCHERS), None)
    return launched[place:] if place is not None else []


def _words(text: Any) -> list[str]:
    try:
        return shlex.split(text) if isinstance(text, str) else []
    except ValueError as error:
        raise ReproduceError(f"the recorded command line cannot be read: {error}; {_OWN_COMMAND}") from error


def _here(word: str, prefix: str, python: str, space: Workspace) -> str:
    """Return a word of a recorded command line as it is here.

    An installed program, such as `.venv/bin/train`, is that of the environment which is used now.
    """
    if prefix and word.startswith(os.path.join(prefix, "")):  # noqa: PTH118  a text with a slash at its end
        path = Path(word)
        return str(Path(python).parent / path.name) if path.parent.name == "bin" else word
    return space.here(word)


def _command_of_cells(cells: Path, python: str) -> list[str]:
    """Return what runs the cells of a notebook: Python, or IPython if there is a `%magic` or `!command` in them."""
    try:
        compile(cells.read_bytes(), str(cells), "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two are of cells nested without end
        script = cells.with_suffix(".ipy")
        cells.rename(script)
        return [python, "-m", "IPython", "--no-banner", "--colors=NoColor", str(script)]
    return [python, str(cells)]


def _recorded_environment(summary: Summary) -> dict[str, str]:
    recorded = summary.environment.get("hardware", {}).get("environment_variables", {})
    # The names are checked again: a run of somebody else may name any.
    named = {str(name): str(value) for name, value in recorded.items() if _NAME.fullmatch(str(name))}
    return relevant_variables(named)


def recorded_variables(summary: Summary, space: Workspace) -> Iterator[tuple[str, str]]:
    """Yield the environment variables of a run that a repetition gets, with paths that lead into the workspace."""
    recorded = _recorded_environment(summary)
    for name, value in recorded.items():
        if name == "PYTHONPATH":
            paths = [path for path in value.split(os.pathsep) if not path.endswith("autotrack/training/at_startup")]
            if any(paths):
                folders = (os.path.normpath(PurePath(summary.cwd or "/", path)) for path in paths if path)
                yield name, os.pathsep.join(map(space.here, folders))
        elif not _is_of_here(name) and not _is_of_job(name) and _REDACTED not in value:
            yield name, value
    for name, value in Usage(summary).variables.items():
        if name not in recorded and _may_be_set(name) and is_plain(value):
            yield name, value
    seed = summary.environment.get("process", {}).get("hash_seed")
    if seed is not None and "hardware" not in summary.environment:  # otherwise the script itself has set it too late
        yield "PYTHONHASHSEED", str(seed)


def _may_be_set(name: str) -> bool:
    """Whether a variable that the code reads is one of the user's making: no other program goes by it."""
    return _NAME.fullmatch(name) is not None and not (
        name in _OF_THE_USER or name.startswith(_OF_PROGRAMS) or _is_of_here(name) or _is_of_job(name)
    )


def _is_of_here(name: str) -> bool:
    return name in _OF_THE_MACHINE


def _is_of_job(name: str) -> bool:
    return name in _OF_THE_JOB or name.startswith(_JOB_PREFIXES)


def _is_shown(name: str) -> bool:
    return not name.startswith("AUTOTRACK_")
