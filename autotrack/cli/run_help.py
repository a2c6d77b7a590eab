"""What `autotrack run` looks like to the library of the other commands, which prints its help and completes its words.

It is never called by them: `autotrack.cli.run` has read the command line before.
"""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from autotrack.cli.run_options import Option, options

_EPILOG = """Options stand before the script; what follows it belongs to the script. It runs as under `python`, and all
that it trains becomes one run. Launchers and Python's own options work as well:

`autotrack run -m package.train --lr 0.1`

`autotrack run torchrun --nproc-per-node 2 train.py`

`autotrack run python -u -W error train.py`

So does a folder with an `MLproject`, with `-P` for its params and `-e` for its entry point:

`autotrack run DIR -P epochs=5`
"""


def run(**_values: Any) -> None:
    """Run a script as `python` does, and record it if it trains anything, without a line changed in it.

    A script that trains nothing leaves nothing.
    """


def _parameter(option: Option) -> inspect.Parameter:
    names = "/".join([option.names[0], *([option.negative] if option.negative else [])])
    declared = typer.Option(
        names, *option.names[1:], metavar=option.value or None, help=_sentence(option.help), show_default=False
    )
    kind: Any = list[str] | None if option.repeats else str | None if option.value else bool | None
    return _annotated(option.setting, Annotated[kind, declared])


def _annotated(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _parameters() -> list[inspect.Parameter]:
    module = typer.Option("-m", metavar="MODULE", help="Run a module instead of a script, as `python -m` does.")
    command = typer.Argument(metavar="SCRIPT [ARGS]...", help="A script, or a program that starts one.")
    return [
        _annotated("command", Annotated[list[Path] | None, command]),
        _annotated("module", Annotated[str | None, module]),
        *map(_parameter, options()),
    ]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    parameters = _parameters()
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    app.command("run", epilog=_EPILOG, context_settings={"allow_interspersed_args": False})(run)
