"""`autotrack export-project` writes the project of a run into a folder that needs no autotrack."""

from pathlib import Path
from typing import Annotated

import typer

from autotrack.cli.asking import RESTORES_CODE, agreed
from autotrack.cli.named_run import named_run
from autotrack.cli.options import (
    CommandArgument,
    JsonOption,
    ProjectOption,
    RepositoryOption,
    RunArgument,
    StoreOption,
)
from autotrack.cli.printing import say, say_json, say_table, say_text
from autotrack.errors import ReproduceError
from autotrack.format import shown
from autotrack.reproduce.project_export import export_project
from autotrack.reproduce.reproduction import Choices, Plan


def export_project_command(
    run: RunArgument,
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The folder to write, which is made.")] = None,
    command: CommandArgument = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The same as DIR.")] = None,
    store: StoreOption = None,
    repository: RepositoryOption = None,
    project: ProjectOption = None,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Ask the index of uv or pip for the checksums of the packages.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, whoever has recorded the run.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the project of a run into a folder that others can run without autotrack.

    It has the code as it was, the data that the code names, and files that MLflow, pip, conda and Docker understand:
    `MLproject`, in which each option of the command line is a param with the value of the run as its default,
    `python_env.yaml`, `conda.yaml`, `requirements.txt`, `Dockerfile`, and a `README.md` with the command. For example,
    `mlflow run DIR -P epochs=5` runs it. Nothing of the run is executed. Packages have the checksums of a lock file in
    the code; with `--hashes`, those of the index.
    """
    if output is not None and folder is not None:  # what stands there belongs to the command line
        raise ReproduceError(f"the folder is {folder} and --output {output}; give one of them")
    folder = folder or output
    if folder is None:
        raise ReproduceError(f"no folder is given; write autotrack export-project {run} DIR")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReproduceError(f"{folder} is there already and not an empty folder; name a new one")
    plan = Plan(
        named_run(run, store),
        Choices(into=folder, repository=repository, project=project, command=command or ()),
    )
    if plan.foreign is not None and not agreed(RESTORES_CODE, yes=yes, why=plan.foreign, to_stderr=True):
        raise typer.Exit(1)
    done = export_project(plan, asks_index=hashes)
    if as_json:
        say_json(done.as_dict())
        return
    say(f"{'written to':<12} {shown(done.folder)}")
    say(f"{'it runs':<12} {done.command.filled}")
    option = f" -P {done.command.params[0].name}={done.command.params[0].text}" if done.command.params else ""
    say(f"{'run it by':<12} mlflow run {shown(done.folder)}{option}")
    if done.missing:
        say_text("\nwhat it lacks of the run")
        say_table(["what", "why", "what can be done"], [[one.what, one.why, one.fix] for one in done.missing])
