"""Repeats a run: restores its code, brings data, runs its command, and finds the new run."""

import gzip
import io
import math
import platform
import shlex
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from autotrack.errors import AutotrackError, ReproduceError
from autotrack.format import human_seconds, moment
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import own_name
from autotrack.readers import catalog
from autotrack.readers.code.recorded_code import recorded_code
from autotrack.readers.recorded_run import RecordedRun, load
from autotrack.readers.reproducibility.missing import Missing
from autotrack.readers.scan import run_folders
from autotrack.readers.trust import why_foreign
from autotrack.reproduce import rerun
from autotrack.reproduce.command import Rerun, doubts_about_command, rerun_of
from autotrack.reproduce.data_check import changed_data
from autotrack.reproduce.places import is_file, is_folder
from autotrack.reproduce.project_files import bring
from autotrack.reproduce.python_choice import choose_python
from autotrack.reproduce.verdict import TOLERANCE, Verdict, verdict_of
from autotrack.reproduce.workspace import Workspace, make_workspace

_MOST_NAMED = 5
_STATES = ("environment/random_states.json", "random_states.json")
_MOST_STATES_BYTES = 2**24


Environment = Literal["own", "here", "then"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How a run is to be repeated.

    Attributes:
        into: The folder of the workspace, which is made; by default, one beside the store.
        store: The folder that keeps the new run; by default, the store of the original.
        repository: Where the repository of the code is now, as a folder or URL; by default, it is looked for.
        project: The folder of the project now, from which files are taken that runs do not keep, such as data. By
            default, it is where it was, if the run was recorded here.
        links: Files and folders of the project, by their paths in it, that are linked into the workspace.
        command: The command line, in place of the recorded one.
        params: Other values, by name, for params of the command line, environment variables that the code reads, and
            constants at the top of the script.
        environment: `own` for an environment with the Python and the packages of the run, which is made and kept;
            `here` for the present Python; `then` for the Python that the run used, as it is now.
        tolerance: How far apart two values may be, absolutely or in proportion to them, to be the same.
        yes: Run it, whoever has recorded it.
    """

    into: Path | None = None
    store: Path | None = None
    repository: str | None = None
    project: Path | None = None
    links: Sequence[str] = ()
    command: Sequence[str] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    environment: Environment = "own"
    tolerance: float = TOLERANCE
    yes: bool = False

    def __post_init__(self) -> None:
        for name in ("into", "store", "project"):  # texts do as well
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))
        if self.environment not in (known := get_args(Environment)):
            raise ReproduceError(f"the environment is {self.environment!r}; expected one of {', '.join(known)}")
        if not 0 <= self.tolerance < math.inf:  # nothing is farther apart than NaN, so that all would be the same
            raise ReproduceError(f"the tolerance is {self.tolerance}; expected a number from 0, such as 1e-6")


@dataclass(frozen=True)
class Reproduction:
    """A run that was repeated.

    Attributes:
        original: The run that was there before.
        run: The new one.
        exit_code: What its process returned; negative for the signal that ended it.
        workspace: Where it ran.
        missing: What could not be restored, or differs from then.
        verdict: How the two compare: `verdict.kind`, `verdict.reason`, `verdict.causes`, …
    """

    original: RecordedRun
    run: RecordedRun
    exit_code: int
    workspace: Path
    missing: tuple[Missing, ...]
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            **self.verdict.as_dict(),
            "run": _named(self.run),
            "original": _named(self.original),
            "exit_code": self.exit_code,
            "workspace": str(self.workspace),
            "missing": [one.as_dict() for one in self.missing],
        }


class Plan:
    """What is going to happen, before anything does.

    Raises `ReproduceError` for a run that cannot be repeated.
    """

    def __init__(self, original: RecordedRun, choices: Choices) -> None:
        self.original, self.choices = original, choices
        self.summary = original.summary
        self.code = recorded_code(self.summary)
        self.foreign = why_foreign(self.summary, original.folder)
        if self.summary.status == "running":
            raise ReproduceError(f"run {self.summary.name} is still running; repeat it when it has ended")
        if not self.code.is_kept:
            raise ReproduceError(f"run {self.summary.name} has no code to restore: {next(self.code.missing()).why}")

    @property
    def store(self) -> Path:
        """The folder that keeps the new run."""
        return self.choices.store or self.original.folder.absolute().parent.parent

    def facts(self) -> dict[str, str]:
        """Return what is to be said before it is done, by what it is about."""
        process = self.summary.environment.get("process", {})
        took = self.summary.duration_seconds
        launched = str(process.get("launched_by") or "")
        if launched.endswith(" --"):  # it ran a project, whose command line is that of the script
            launched += f" {process.get('command')}"
        return {
            "run": f"{self.summary.name}  ({moment(self.summary.started)}"
            + (f", took {human_seconds(took)})" if took is not None else ")"),
            "code": self._described_code(),
            "command": shlex.join(self.choices.command)
            or str(launched or process.get("command") or shlex.join(self.summary.argv)),
            "Python": self._described_python(),
        }

    def _described_python(self) -> str:
        if self.choices.environment == "here":
            return f"{platform.python_version()}, the present one with its packages"
        packages = self.summary.environment.get("packages", {})
        if self.choices.environment == "then":
            return str(self.summary.environment.get("process", {}).get("interpreter") or "unknown")
        return f"{packages.get('python', 'unknown')} with {packages.get('count', 'unknown')} packages, as it was"

    def restore_code(self) -> tuple[Workspace, list[Missing]]:
        """Make the workspace, with the data that the code names. Return it, and all that is not as it was.

        Raises `ReproduceError` and `UnsafeFileError`, after which there is no workspace.
        """
        original, choices = self.original, self.choices
        space = make_workspace(original.folder.absolute(), self.code, into=choices.into, repository=choices.repository)
        try:
            missing = list(space.missing)
            project = choices.project or (Path(self.code.base) if self.foreign is None else None)
            if project is not None and is_folder(project):
                store = original.folder.absolute().parent.parent
                brought = bring(self.summary, self.code, space, project=project, store=store, links=choices.links)
                missing += brought
                missing = [one for one in missing if not _is_there(space, one)]
            elif choices.links:
                raise ReproduceError("--link needs the folder of the project: add --project FOLDER")
        except BaseException:
            space.remove()
            raise
        return space, missing

    def restore(self, say: Callable[[str], None] = lambda _: None) -> tuple[Workspace, Rerun, list[Missing]]:
        """Make the workspace and the environment. Return what is to be run there, and all that is not as it was.

        Raises as `restore_code` does, after which there is no workspace.
        """
        space, missing = self.restore_code()
        try:
            python = choose_python(
                self.original.folder.absolute(),
                self.summary,
                space,
                self.choices.environment,
                is_own=self.foreign is None,
                say=say,
            )
            again = rerun_of(
                self.summary,
                space,
                store=self.store,
                python=python.path,
                command=self.choices.command,
                paths=python.in_place,
                params=self.choices.params,
                states=None if self.choices.params or self.choices.command else self._states(space),
                position=rerun.position_in_process(self.original),
            )
            missing += changed_data(self.summary, space)
        except BaseException:
            space.remove()
            raise
        return space, again, [*missing, *doubts_about_command(self.summary), *python.missing]

    def _states(self, space: Workspace) -> Path | None:
        """Put the states of the random generators into the workspace; None if the run has none."""
        name = next((one for one in self.summary.environment_files if own_name(one).startswith(_STATES)), None)
        if name is None:
            return None
        try:
            content = read_bytes(self.original.folder.absolute(), name, limit_bytes=_MOST_STATES_BYTES)
            if name.endswith(".gz"):
                with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                    content = file.read(_MOST_STATES_BYTES)
        except (OSError, AutotrackError, EOFError, zlib.error):
            return None
        path = space.folder / ".random_states.json"
        path.write_bytes(content)
        return path

    def _described_code(self) -> str:
        git = self.code.git
        if git is None:
            return f"{len(self.code.sources)} files" if self.code.sources else "the executed cells of a notebook"
        commit = str(git.get("commit") or "no commit")[:10]
        counts = {name: git.get(f"{name}_count") or len(git.get(name) or ()) for name in ("changed", "untracked")}
        uncommitted = [f"{count} {kind}" for kind, count in counts.items() if count]
        return f"commit {commit}" + (f" with {' and '.join(uncommitted)} files" if uncommitted else "")


def reproduce(
    original: RecordedRun,
    choices: Choices,
    *,
    say: Callable[[str], None] = lambda _: None,
    output_to_stderr: bool = False,
) -> Reproduction:
    """Repeat a run, and return it with the new one. Raises `ReproduceError`, and as `make_workspace` does."""
    plan = Plan(original, choices)
    if plan.foreign is not None and not choices.yes:
        raise ReproduceError(
            f"run {plan.summary.name} is not one of yours on this machine: {plan.foreign}. Its command and its code "
            "would be run here; allow that with yes=True, or --yes, if you trust where it comes from"
        )
    position = rerun.position_in_process(original)
    space, again, missing = plan.restore(say)
    say(f"in {again.cwd}: {again}")
    before = set(run_folders(plan.store)) if plan.store.is_dir() else set()
    try:
        exit_code = rerun.run(again, output_to_stderr=output_to_stderr)
    except ReproduceError:  # nothing has run
        space.remove()
        raise
    found = rerun.recorded_since(before, plan.store, plan.summary.id, workspace=space.folder)
    new = rerun.counterpart(plan.summary, position, found)
    if new is None:
        ended = f"ended with exit code {exit_code}" if exit_code >= 0 else f"was ended by signal {-exit_code}"
        lost = [str(one) for one in missing if one.kind != "packages"][:_MOST_NAMED]
        raise ReproduceError(
            "\n".join(
                [
                    f"the command {ended} and recorded no run. It ran in {again.cwd}, which is kept to look at",
                    *(f"perhaps because of {one}" for one in lost),
                ]
            )
        )
    if new.summary.status == "interrupted" != plan.summary.status:
        raise ReproduceError(
            f"the repetition was interrupted, so there is nothing to compare; what it recorded until then is the run "
            f"{new.summary.name}, and it ran in {again.cwd}"
        )
    verdict = verdict_of(original, new, tolerance=choices.tolerance, missing=missing, others=catalog.runs(plan.store))
    return Reproduction(original, new, exit_code, space.folder, tuple(missing), verdict)


def reproduce_run(original: RecordedRun, **options: Any) -> Reproduction:
    """Repeat a run with the options of `Choices`."""
    return reproduce(load(original.folder), Choices(**options))


def _named(run: RecordedRun) -> dict[str, str]:
    return {"name": run.summary.name, "id": run.summary.id, "folder": str(run.folder.absolute())}


def _is_there(space: Workspace, missing: Missing) -> bool:
    """Whether something that the run had not kept has been brought from the project."""
    return missing.kind == "code" and is_file(space.code / missing.what)
