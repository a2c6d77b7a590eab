"""The command line: its commands, and how errors are printed."""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

from autotrack.cli.commands import COMMANDS
from autotrack.cli.plain_arguments import PlainCommand, PlainGroup
from autotrack.cli.printing import say, say_error, write_any_character
from autotrack.errors import AutotrackError
from autotrack.training.ignored_settings import ignored_settings
from autotrack.version import __version__

_CALLED = {
    "promote": "models promote", "alias": "models alias", "describe": "models describe", "list": "ls", "runs": "ls",
    "search": "ls --where", "diff": "compare", "delete": "rm", "remove": "rm", "ui": "tensorboard",
    "rerun": "reproduce", "upload": "sync", "check": "doctor", "load": "predict",
}  # fmt: skip
"""What people call commands that have another name here."""


class Commands(PlainGroup):
    """All commands; for one that there is not, the one that is probably meant is named."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant, and its arguments."""
        if args and args[0] not in self.commands and args[0] in _CALLED:
            ctx.fail(f"No such command {args[0]!r}. Did you mean 'autotrack {_CALLED[args[0]]}'?")
        return super().resolve_command(ctx, args)


def app_with(commands: Iterable[str]) -> typer.Typer:
    """Return the command line with these of its commands, whose modules are imported."""
    app = typer.Typer(
        help="Show and manage the training runs that autotrack recorded.",
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="markdown",  # joins the lines of a paragraph
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_options)
    for name in commands:
        if name == "run":
            from autotrack.cli import run_help  # `autotrack run` itself goes its own way

            run_help.add_to(app)
            continue
        module, function = COMMANDS[name].split(".")
        command = getattr(import_module(f"autotrack.cli.{module}"), function)
        if isinstance(command, typer.Typer):  # a family of commands
            app.add_typer(command, name=name)
        else:
            app.command(name, cls=PlainCommand)(command)
    return app


def __getattr__(name: str) -> typer.Typer:
    """Return `app`, with all commands."""
    if name == "app":
        return app_with(COMMANDS)
    raise AttributeError(name)


def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Show and manage the training runs that autotrack recorded."""
    if version:
        say(f"autotrack {__version__}")
        raise typer.Exit
    for sentence in ignored_settings():
        say(f"autotrack: {sentence}", err=True)


def _wanted() -> Iterable[str]:
    """Return the commands that are needed: the one that is called or completed, or all if it is none of them.

    To import all takes several times as long as most commands.
    """
    asked = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = asked.split()[1:] if "_AUTOTRACK_COMPLETE" in os.environ else sys.argv[1:]
    return words[:1] if words and words[0] in COMMANDS else COMMANDS


def main() -> None:
    """Run the command line.

    A mistake of the user, and a file or folder that cannot be read or written, become one line on standard error and
    exit code 1.
    """
    write_any_character()
    try:
        app_with(_wanted())(prog_name="autotrack")
    except BrokenPipeError:  # the reader of a pipe has closed it
        sys.stderr.close()
        sys.exit(0)
    except (AutotrackError, OSError) as error:
        say_error(error)
        sys.exit(1)
