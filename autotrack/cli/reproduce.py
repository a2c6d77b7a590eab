"""`autotrack reproduce` repeats a run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from autotrack.format import short, shown
from autotrack.reproduce.metrics import MetricDifference
from autotrack.reproduce.reproduction import Choices, Plan, Reproduction, reproduce
from autotrack.reproduce.verdict import TOLERANCE

if TYPE_CHECKING:
    from autotrack.readers.reproducibility.missing import Missing

EXIT_CODES = {"identical": 0, "same": 0, "within_seeds": 3, "different": 4}

_COLORS = {"identical": "green", "same": "green", "within_seeds": "yellow", "different": "red"}
_MOST_SHOWN = 20
_MOST_CAUSES = 8


def reproduce_command(  # noqa: PLR0913, PLR0917  one for each option
    run: RunArgument = "latest",
    command: CommandArgument = None,
    store: StoreOption = None,
    here: Annotated[bool, typer.Option("--here", help="Use the present Python and its packages.")] = False,
    no_env: Annotated[
        bool, typer.Option("--no-env", help="Make no environment: use the Python that the run used, as it is now.")
    ] = False,
    into: Annotated[Path | None, typer.Option("--into", help="The folder to run it in, which is made.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The store for the new run; by default, the same.")] = None,
    repository: RepositoryOption = None,
    project: ProjectOption = None,
    link: Annotated[
        list[str] | None, typer.Option("--link", help="A file or folder of the project to link, such as `data`.")
    ] = None,
    only_restore: Annotated[
        bool, typer.Option("--only-restore", help="Restore the code, say what would run here, and run nothing.")
    ] = False,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-P", metavar="NAME=VALUE", help="Another value for a param."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="How far apart values may be, absolutely or in proportion.")
    ] = TOLERANCE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run it, whoever has recorded it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Repeat a run: restore its code in a fresh folder, and run its command line there as a new run.

    The folder is made in `reproduced` beside the store, and nothing is written to your project. The code is that of
    the commit, with the uncommitted changes and untracked files of then. Files that the code names and runs do not
    keep, such as data that git ignores, are copied from your project. The Python and the packages of then are
    installed in an environment that is kept for the next time, by uv where it is there and by pip otherwise. A run
    that was not recorded by you on this machine is only run after you have been asked, because its command and its
    code may do anything.

    Then every metric is compared at every step, with the data and the weights. The exit code tells what came out: 0
    for *identical* (bit for bit) and *same* (within the tolerance), 3 for *within seeds* (no farther apart than runs
    that differ in nothing but their seeds), 4 for *different*, and 1 where nothing could be run or compared.
    """
    original = named_run(run, store)
    choices = Choices(
        into=into,
        store=to,
        repository=repository,
        project=project,
        links=link or (),
        command=command or (),
        environment="here" if here else "then" if no_env else "own",
        params=dict(_pair(text) for text in param or ()),
        tolerance=tolerance,
        yes=yes,
    )
    plan = Plan(original, choices)
    for name, fact in plan.facts().items():
        say(f"{name:<12} {fact}", err=True)
    what = RESTORES_CODE if only_restore else "run its command and its code here"
    if plan.foreign is not None and not agreed(what, yes=yes, why=plan.foreign, to_stderr=True):
        raise typer.Exit(1)
    if only_restore:
        _only_restore(Plan(original, replace(choices, environment="here")), as_json=as_json)
        return
    done = reproduce(
        original,
        replace(choices, yes=True),
        say=lambda line: say(line, err=True),
        output_to_stderr=as_json,
    )
    if as_json:
        say_json(done.as_dict())
    else:
        _print(done)
    raise typer.Exit(EXIT_CODES[done.verdict.kind])


def _only_restore(plan: Plan, *, as_json: bool) -> None:
    space, again, missing = plan.restore()
    if as_json:
        say_json(
            {
                "workspace": str(space.folder),
                "cwd": str(again.cwd),
                "command": list(again.command),
                "environment": dict(again.variables),
                "missing": [one.as_dict() for one in missing],
            }
        )
        return
    say(f"{'restored in':<12} {shown(space.folder)}")
    say(f"{'would run':<12} {again}")
    say(f"{'in':<12} {shown(again.cwd)}")
    _print_missing(missing)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ReproduceError(f"--param was given {text!r}; expected NAME=VALUE, such as --param lr=0.01")
    return name, value


def _print(done: Reproduction) -> None:
    verdict = done.verdict
    say(f"{done.original.name} was repeated as {done.run.name}  ({shown(done.run.folder.absolute())})")
    say(str(verdict), color=_COLORS[verdict.kind])
    if verdict.metrics:
        say_text("")
        say_table(
            ["metric", "points", "original", "repeated", "largest difference", "parts at"],
            [_row(one) for one in verdict.metrics[:_MOST_SHOWN]],
        )
    unlike = [[one.name, "data", "other values"] for one in verdict.data if one.is_same is False]
    unlike += [[one.path, "weights", "other bytes"] for one in verdict.weights if one.is_same is False]
    others = [[item, area, ""] for area, items in verdict.differences.items() for item in items]
    if not verdict.is_same or unlike:
        if verdict.causes:
            say_text("\nlikely causes, the likeliest first")
            say_table(
                ["cause", "kind", "evidence"],
                [[cause.cause, cause.kind, cause.evidence] for cause in verdict.causes[:_MOST_CAUSES]],
            )
        if unlike or others:
            say_text("\nwhat differs")
            say_table(["what", "kind", "how"], [*unlike, *others][:_MOST_SHOWN])
    _print_missing(done.missing)


def _row(one: MetricDifference) -> list[str]:
    values = ["" if value is None else short(value) for value in (one.original, one.repeated)]
    return [one.name, str(one.points), *values, "" if one.is_identical else f"{one.largest:.3g}", one.place]


def _print_missing(missing: "Sequence[Missing]") -> None:
    if missing:
        say_text("\nnot as it was")
        rows = [[one.what, one.why, one.fix] for one in missing[:_MOST_SHOWN]]
        more = [[f"{len(missing) - _MOST_SHOWN} more", "", ""]] if len(missing) > _MOST_SHOWN else []
        say_table(["what", "why", "what can be done"], [*rows, *more])
